import type { Location } from '../core/error.ts'
import type { Emit } from '../core/events.ts'
import type { Secrets } from '../core/secret.ts'
import type { Outcome, Task } from '../core/task.ts'
import type { Connect } from '../transport/connection.ts'
import type { ChangeGuard } from './change-guard.ts'
import type { Handlers } from './handlers.ts'
import type { HostContext } from './host-context.ts'
import type { LookAhead } from './look-ahead.ts'
import type { Results } from './results.ts'
import type { Riders } from './riders.ts'
import type { Session } from './session.ts'
import type { StartAt } from './start-at.ts'
import type { Steps } from './steps.ts'
import type { Brake } from './stopped.ts'
import type { Turns } from './turns.ts'

/** What the hosts of a run know of each other. */
export interface Journal {
  /** Something was, or may have been, changed on some host: what later plays were asked ahead of time counts no more. */
  touched: boolean
}

/** A task as a saved plan knows it again. */
export interface TaskName {
  readonly title: string
  readonly resource: string
  readonly where: Location | undefined
}

/** What a saved plan asks of a run that makes it, and of the run that carries it out. */
export interface PlanHooks {
  /** Check mode: what a task that would change found, as its resource's `evidence` tells. `id` is the task's in its events. */
  readonly onEvidence?: ((host: string, id: number, evidence: unknown) => void) | undefined
  /** Whether a task may change its host now; `play` is undefined before the task's turn. @default every task may */
  readonly permits?: ((host: string, task: TaskName, play: string | undefined) => boolean) | undefined
}

/** What a host's run shares with the whole run. */
export interface HostRunOptions extends PlanHooks {
  readonly secrets: Secrets
  readonly connect: Connect
  readonly emit: Emit
  readonly check: boolean
  /** Only checks: after one that failed the others are looked at all the same. */
  readonly verify: boolean
  readonly tags: readonly string[]
  readonly skipTags: readonly string[]
  /** The run begins at a task in the middle. */
  readonly startAt: StartAt | undefined
  readonly journal: Journal
  /** See `PlaybookOptions`. */
  readonly packagesFirst: boolean
  /** Stop after the running task. */
  readonly stop: AbortSignal
  /** Kill the running task. */
  readonly giveUp: AbortSignal
  /** An operator says before each task whether it runs. */
  readonly steps: Steps | undefined
  readonly onOutcome: ((host: string, task: Task, outcome: Outcome) => void) | undefined
  /** One play of a run that is spread over workers. */
  readonly byWorker: boolean
  /** The state of another host of the inventory, connected, for a task that runs there. Rejects with HostStopped. */
  readonly reach: (name: string) => Promise<HostState>
  readonly now: () => number
}

/** What the parts of one host's run share with each other. */
export interface HostState {
  readonly context: HostContext
  readonly options: HostRunOptions
  readonly session: Session
  readonly results: Results
  readonly handlers: Handlers
  readonly lookAhead: LookAhead
  readonly brake: Brake
  readonly riders: Riders
  readonly turns: Turns
  readonly guard: ChangeGuard
  /** The host whose tasks these are: named in events, with the marks of their handlers. `context` and `session` are of the host they run on. */
  readonly home: { readonly name: string; readonly session: Session }
  readonly counts: { ok: number; changed: number; failed: number; skipped: number; ignored: number; unknown: number }
  play: { name: string; index: number; total: number }
  taskId: number
  /** Check mode: a change was not made, so what comes later may find another host than a real run would. */
  pretended: boolean
}
