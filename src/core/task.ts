import type { LazyLocation } from './location.ts'
import type { AnyResource } from './resource.ts'
import type { Secret } from './secret.ts'

/** What is known after a task ran; resources add their own fields. */
export interface Outcome {
  readonly changed: boolean
  readonly failed: boolean
  readonly skipped: boolean
}

/** Try a task again while it fails or `until` says no. */
export interface Retry<R extends Outcome = Outcome> {
  /** @default 3 */
  readonly attempts?: number
  /** Seconds between attempts. @default 1 */
  readonly delay?: number
  /** Succeeds only when this says true of the result. */
  readonly until?: (result: R) => boolean
}

/** The options that every resource takes beside its own. */
export interface TaskOptions<R extends Outcome = Outcome> {
  /** A title in your words. @default the resource and its subject */
  readonly name?: string
  /** Run only if true; `changed(task)` and `given(task, …)` decide during the run. */
  readonly when?: boolean | Condition | undefined
  /** Handlers to run at the end of the play if this task changed something. */
  readonly notify?: Handler | readonly Handler[] | undefined
  readonly tags?: string | readonly string[]
  readonly retry?: Retry<R>
  /** Go on after a failure; it is reported as ignored. @default false */
  readonly ignoreErrors?: boolean
  /** Overrides whether the task counts as changed. */
  readonly changedWhen?: boolean | ((result: R) => boolean)
  /** Makes a task that ran fail, by its result. */
  readonly failedWhen?: (result: R) => boolean
  /** Run as this user (`true` = root, `false` = the login user). @default as the play says */
  readonly become?: boolean | string
  /** `false`: apply even in check mode (a read-only helper). `true`: never apply, only report. */
  readonly check?: boolean
  /** Keep output, diff and arguments of this task out of every report. @default false */
  readonly noLog?: boolean
  /** Environment of the task's apply. */
  readonly env?: Readonly<Record<string, string | Secret>>
  /** Seconds that an apply may take. @default 1800 */
  readonly timeout?: number
}

const brand = Symbol.for('hostwright.node')

/** One use of a resource: a wished state. */
export interface Task<R extends Outcome = Outcome> {
  readonly [brand]: 'task'
  readonly resource: AnyResource
  readonly args: unknown
  readonly options: TaskOptions<never>
  readonly where: LazyLocation
  /** Only types: what a result of this task holds. */
  readonly result?: R
}

/** Tasks that stand or fall together. */
export interface Block {
  readonly [brand]: 'block'
  readonly tasks: Tasks
  /** Runs if one of `tasks` failed; the host goes on if it succeeds. */
  readonly rescue: Tasks
  /** Runs in any case. */
  readonly always: Tasks
  readonly name: string | undefined
  readonly when: boolean | Condition | undefined
  readonly tags: readonly string[]
  readonly where: LazyLocation
}

/** A branch on a result: the one barrier to looking ahead. */
export interface After {
  readonly [brand]: 'after'
  readonly task: Task
  readonly branch: (result: never) => Tasks
  readonly where: LazyLocation
}

/** Runs the handlers that were notified so far, now. */
export interface Flush {
  readonly [brand]: 'flush'
}

export type Node = Task | Block | After | Flush
/** What a role may return: nodes, nested lists of them, and holes left by `condition && task`. */
export type Tasks = Node | readonly Tasks[] | false | null | undefined | ''

/** A task, or several, that run once at the end of the play if something notified them. */
export interface Handler {
  readonly [brand]: 'handler'
  readonly tasks: readonly Task[]
  readonly name: string
  readonly where: LazyLocation
}

/** A question about results, answered when the run comes to the task that asks it. */
export interface Condition {
  readonly [brand]: 'condition'
  /** The tasks whose outcome must be known. */
  readonly needs: readonly Task[]
  readonly test: (outcomes: readonly Outcome[]) => boolean
  /** For "skipped: …" in reports. */
  readonly text: string
}

type Kind = 'task' | 'block' | 'after' | 'flush' | 'handler' | 'condition'

/** The kind of one of our values, also of another copy of this package; undefined for anything else. */
export function kindOf(value: unknown): Kind | undefined {
  if (typeof value !== 'object' || value === null || !(brand in value)) return undefined
  return value[brand] as Kind // the brand is ours alone
}

/** Makes a frozen task; called by resource constructors only. */
export function makeTask<R extends Outcome>(
  resource: AnyResource,
  args: unknown,
  options: TaskOptions<R>,
  where: LazyLocation,
): Task<R> {
  return Object.freeze({ [brand]: 'task' as const, resource, args, options, where })
}

/** @internal */
export function makeNode<K extends Kind, T extends object>(kind: K, value: T): T & { readonly [brand]: K } {
  return Object.freeze({ ...value, [brand]: kind })
}

/** A task's title: its name, or the resource and its subject. */
export function titleOf(task: Task): string {
  if (task.options.name) return task.options.name
  const subject = task.options.noLog ? '' : task.resource.describe(task.args as never)
  return subject ? `${task.resource.name} ${subject}` : task.resource.name
}
