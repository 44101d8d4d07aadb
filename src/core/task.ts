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
  readonly attempts?: number | undefined
  /** Seconds between attempts. @default 1 */
  readonly delay?: number | undefined
  /** Succeeds only when this says true of the result. */
  readonly until?: ((result: R) => boolean) | undefined
}

/** The options that every resource takes beside its own. */
export interface TaskOptions<R extends Outcome = Outcome> {
  /** A title in your words. @default the resource and its subject */
  readonly name?: string | undefined
  /** Run only if true; `changed(task)` and `given(task, …)` decide during the run. */
  readonly when?: boolean | Condition | undefined
  /** Handlers to run at the end of the play if this task changed something, or failed half-way and the host goes on. */
  readonly notify?: Handler | readonly Handler[] | undefined
  readonly tags?: string | readonly string[] | undefined
  readonly retry?: Retry<R> | undefined
  /** Go on after a failure; it is reported as ignored. @default false */
  readonly ignoreErrors?: boolean | undefined
  /** Overrides whether the task counts as changed. */
  readonly changedWhen?: boolean | ((result: R) => boolean) | undefined
  /** Makes a task that succeeded fail, by its result. */
  readonly failedWhen?: ((result: R) => boolean) | undefined
  /** Run as this user (`true` = root, `false` = the login user). @default as the play says */
  readonly become?: boolean | string | undefined
  /**
   * Run on this host of the inventory instead, over its own connection and under its lock; the task stays this host's: its
   * result, its handlers, its arguments and templates. Facts are those of the host it runs on. @default the play's host
   */
  readonly on?: string | undefined
  /** `false`: apply even in check mode (a read-only helper). `true`: never apply, only report. */
  readonly check?: boolean | undefined
  /** Keep output, diff and arguments of this task out of every report. @default false */
  readonly noLog?: boolean | undefined
  /** Environment of the task's scripts, of those that only look too. */
  readonly env?: Readonly<Record<string, string | Secret>> | undefined
  /** Seconds that an apply may take. @default 1800 */
  readonly timeout?: number | undefined
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
  /** Runs if one of `tasks` failed; if it succeeds, the host goes on and the failures count as ignored. */
  readonly rescue: Tasks
  /** Runs in any case while the host can be reached: also before a stop (the first Ctrl-C), not when the run is given up (the second). */
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
/** What a role may return: nodes, nested lists of them, and holes left by `condition && task`, `list.length && task`, `text && task`. */
export type Tasks = Node | readonly Tasks[] | false | null | undefined | '' | 0

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
