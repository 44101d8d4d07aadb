// What a record of a run holds: the description (meta.json) and the events (events.jsonl), both plain JSON.
import type { HostRecap, TaskStatus } from './events.ts'

/** How a run ended; `error`: it could not go on. */
export type RecordOutcome = 'ok' | 'failed' | 'unreachable' | 'interrupted' | 'error'

/** The description of a run, written when it begins and again when it ends. */
export interface RunDescription {
  readonly id: string
  readonly command: 'run' | 'verify' | 'rollback' | 'watch' | 'apply'
  /** As on the command line. */
  readonly playbook: string
  readonly inventory: string
  readonly check: boolean
  readonly limit?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly skipTags?: readonly string[] | undefined
  /** Names only: values may be secret. */
  readonly extraVars?: readonly string[] | undefined
  /** The commit that was checked out; what was not committed is not known. */
  readonly revision?: string | undefined
  /** ISO 8601. */
  readonly started: string
  /** All hosts of the inventory with their groups. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  /** Absent while the run lasts, and if it was killed. */
  readonly ended?: string | undefined
  readonly outcome?: RecordOutcome | undefined
  readonly hosts?: Readonly<Record<string, HostRecap>> | undefined
}

/** A place as `file:line:column`. */
type Place = string

export interface RecordedError {
  readonly code: string
  readonly message: string
  readonly where?: Place
  readonly detail?: string
  readonly hint?: string
}

export interface RecordedTask {
  readonly id: number
  readonly title: string
  readonly role?: string
  readonly resource: string
  readonly where?: Place
  readonly handler: boolean
  readonly on?: string
}

export interface RecordedChange {
  readonly summary: string
  readonly diff?: { readonly label: string; readonly before: string; readonly after: string }
}

/** The events that a report reads, each with the milliseconds since the run began; the others are kept too. */
export type RecordedEvent = { readonly at: number } & (
  | {
      readonly type: 'run:start'
      readonly check: boolean
      readonly hosts: readonly string[]
      readonly plays: readonly string[]
    }
  | { readonly type: 'host:connected'; readonly host: string }
  | { readonly type: 'task:start'; readonly host: string; readonly play: string; readonly task: RecordedTask }
  | { readonly type: 'task:output'; readonly host: string; readonly task: RecordedTask; readonly text: string }
  | {
      readonly type: 'task:end'
      readonly host: string
      readonly play: string
      readonly task: RecordedTask
      readonly status: TaskStatus
      readonly changes: readonly RecordedChange[]
      readonly reason?: string
      readonly error?: RecordedError
      readonly elapsedMs: number
    }
  | { readonly type: 'host:unreachable'; readonly host: string; readonly error: RecordedError }
  | { readonly type: 'warning'; readonly host?: string; readonly message: string; readonly hint?: string }
  | { readonly type: 'error'; readonly error: RecordedError }
  | { readonly type: 'recap'; readonly hosts: Readonly<Record<string, HostRecap>>; readonly elapsedMs: number }
)

/** A record as read back. */
export interface RunRecord {
  readonly description: RunDescription
  readonly events: readonly RecordedEvent[]
}
