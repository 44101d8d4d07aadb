import type { Location, ProvisionError } from './error.ts'

/** How a task ended. `unknown`: check mode cannot tell before an earlier change is made. */
export type TaskStatus = 'ok' | 'changed' | 'failed' | 'ignored' | 'skipped' | 'unknown'

export interface TaskRef {
  /** Unique in the run and host. */
  readonly id: number
  /** Role › title, or title. */
  readonly title: string
  readonly role: string | undefined
  readonly resource: string
  readonly where: Location | undefined
  readonly handler: boolean
  /** The other host that it runs on, if it is not the one whose task it is. */
  readonly on?: string | undefined
}

/** A difference as reported: a sentence and, if there is one, the text before and after. Secrets are already hidden. */
export interface ChangeReport {
  readonly summary: string
  readonly diff?: { readonly label: string; readonly before: string; readonly after: string } | undefined
}

export interface HostRecap {
  readonly ok: number
  readonly changed: number
  readonly failed: number
  readonly skipped: number
  /** Failures that `ignoreErrors` or a block's `rescue` made good. */
  readonly ignored: number
  /** Check mode: tasks whose outcome depends on a change not made. */
  readonly unknown: number
  readonly unreachable: boolean
  /** Requests sent to the host's agent, the first one (facts) included. */
  readonly requests: number
}

/** Everything that is to be known of a run; the screen, JSON, JUnit and the tests are consumers of it. */
export type RunEvent =
  | {
      readonly type: 'run:start'
      readonly check: boolean
      readonly hosts: readonly string[]
      readonly plays: readonly string[]
    }
  | { readonly type: 'play:start'; readonly play: string; readonly hosts: readonly string[] }
  | { readonly type: 'host:connecting'; readonly host: string; readonly attempt: number; readonly detail: string }
  | { readonly type: 'host:connected'; readonly host: string }
  /** A play begins on a host; `tasks` is how many are known now. */
  | { readonly type: 'host:play'; readonly host: string; readonly play: string; readonly tasks: number }
  /** Ends in `task:end`, unless `host:unreachable` or giving up ends the host itself. */
  | {
      readonly type: 'task:start'
      readonly host: string
      readonly play: string
      readonly task: TaskRef
      readonly index: number
      readonly total: number
    }
  | {
      readonly type: 'task:output'
      readonly host: string
      readonly task: TaskRef
      readonly stream: 'stdout' | 'stderr'
      readonly text: string
    }
  | {
      readonly type: 'task:retry'
      readonly host: string
      readonly task: TaskRef
      readonly attempt: number
      readonly of: number
      readonly reason: string
    }
  | {
      readonly type: 'task:end'
      readonly host: string
      readonly play: string
      readonly task: TaskRef
      readonly status: TaskStatus
      readonly changes: readonly ChangeReport[]
      /** Why nothing was done, or why it is unknown or skipped. */
      readonly reason: string | undefined
      readonly error: ProvisionError | undefined
      readonly elapsedMs: number
    }
  | { readonly type: 'host:play:end'; readonly host: string; readonly play: string; readonly failed: boolean }
  | { readonly type: 'host:unreachable'; readonly host: string; readonly error: ProvisionError }
  | {
      readonly type: 'warning'
      readonly host: string | undefined
      readonly message: string
      readonly hint?: string | undefined
    }
  | { readonly type: 'play:end'; readonly play: string }
  /** A stop was asked for: hosts end after their running task (`giveUp`: now). */
  | { readonly type: 'interrupted'; readonly giveUp: boolean }
  | {
      readonly type: 'recap'
      readonly hosts: Readonly<Record<string, HostRecap>>
      readonly elapsedMs: number
      readonly check: boolean
    }

export type Emit = (event: RunEvent) => void
