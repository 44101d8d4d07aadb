import type { Emit } from '../core/events.ts'

/** A consumer of a run's events. */
export interface Report {
  readonly emit: Emit
  /** Writes what is left; call it once, also after an error. */
  readonly end: () => Promise<void>
}

/** Where a report writes; the process's streams fit. */
export interface Output {
  readonly write: (text: string) => unknown
  readonly columns?: number | undefined
}

/** What people may ask of the reports on a screen. */
export interface ScreenOptions {
  readonly output: Output
  readonly colour: boolean
  /** Paths in messages are shown relative to it. */
  readonly cwd: string
  /** 1 shows tasks that were ok or skipped, 2 the output of commands too. @default 0 */
  readonly verbosity?: number | undefined
  /** Show the texts of changed files. @default false */
  readonly diff?: boolean | undefined
  /** Show stacks. @default false */
  readonly debug?: boolean | undefined
}
