// What a contestant is: a tool, set up as its users would set it up, that brings hosts to the state of bench/content.
import type { ControllerGroup } from '../measuring/controller-group.ts'

/** A host as a contestant is told of it. */
export interface Target {
  readonly name: string
  readonly address: string
  readonly port: number
}

/** What a contestant shall work on. */
export interface Assignment {
  readonly targets: readonly Target[]
  readonly identityFile: string
  readonly knownHosts: string
  /** Holds spec.json, templates/ and floor/, see bench/content/write.ts. */
  readonly data: string
  /** The contestant's own files, kept between runs: caches go there. */
  readonly folder: string
}

/** How a command ended. */
export interface Ended {
  readonly exitCode: number
  readonly output: string
}

/** A contestant that has been opened on some hosts. */
export interface Runner {
  /** Brings the hosts to the wished state, once. This is what is measured. */
  readonly converge: () => Promise<Ended>
  /** Ends what was kept open. */
  readonly close: () => Promise<void>
}

/** A tool and how it is set up. */
export interface Contestant {
  readonly name: string
  /** What it is, for the report. */
  readonly describe: string
  /** It takes so long that it gets half as many rounds. @default false */
  readonly slow?: boolean
  /** Installs what it needs; answers with the reason why it cannot run here, or undefined. */
  readonly prepare: () => Promise<string | undefined>
  /** Gets ready for these hosts. Everything it starts is started in the group, so that it is counted. */
  readonly open: (assignment: Assignment, group: ControllerGroup) => Promise<Runner>
  /** How many changes it reports, read from its output. */
  readonly changedIn: (output: string) => number | undefined
}

/** A runner that keeps nothing: one command each time. */
export function commandRunner(
  group: ControllerGroup,
  command: readonly string[],
  options: { readonly cwd?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Runner {
  return { converge: () => group.run(command, options), close: async () => {} }
}
