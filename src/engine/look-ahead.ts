// Looking ahead: many tasks probed in one request. Tasks of the same resource, user and environment share one script,
// each script is one step. What was found stays valid until something is changed on the host.
import { asProvisionError, isProvisionError, type ProvisionError } from '../core/error.ts'
import type { AnyResource } from '../core/resource.ts'
import type { Step, StepResult } from '../transport/connection.ts'
import { type Following, remaining } from './following.ts'
import { type Altered, altersOf, isTouched, readsOf } from './footprint.ts'
import type { Journal } from './host-state.ts'
import type { Item, TaskItem } from './items.ts'
import { conditionsOf } from './order.ts'
import type { Results } from './results.ts'
import { commandDetail, defaultTimeout, shown, tell } from './task-error.ts'

/** A task ready to be probed: arguments rendered and secrets resolved. */
export interface Prepared {
  readonly item: TaskItem
  readonly resource: AnyResource
  readonly wish: unknown
  /** The user it runs as; undefined = the agent's. */
  readonly user: string | undefined
  readonly env: Readonly<Record<string, string>> | undefined
}

/** The state that a probe found, or why it could not. */
export type Answer = { readonly state: unknown } | { readonly error: ProvisionError }

/** The steps of a probe and what belongs to each. */
export interface Question {
  readonly steps: readonly Step[]
  readonly groups: readonly (readonly Prepared[])[]
  /** Tasks that cannot even be asked, with the reason. */
  readonly faults: ReadonlyMap<TaskItem, Answer>
}

/** The window after a change, in tasks whose own change may alter anything; it doubles with every request that found nothing to do. */
const windowAfterChange = 4

/** What looking ahead rests on. */
export interface LookAheadParts {
  readonly host: string
  readonly results: Results
  readonly journal: Journal
  /** Undefined for a task that cannot be prepared: its turn will tell why. */
  readonly prepare: (item: TaskItem) => Prepared | undefined
  /** Tasks of handlers that run at a flush or at the end of the play, with those that these tasks may notify. */
  readonly handlers: (notifiers: readonly TaskItem[]) => Iterable<TaskItem>
}

export class LookAhead {
  private readonly parts: LookAheadParts
  private readonly answers = new Map<TaskItem, Answer>()
  /** Tasks whose group failed as a whole: each gets a step of its own from now on. */
  private readonly apart = new Set<TaskItem>()
  private size = Number.POSITIVE_INFINITY

  constructor(parts: LookAheadParts) {
    this.parts = parts
  }

  /** The first request of a play asks for all of it. What was asked before it holds unless somebody has changed something since. */
  startPlay(): void {
    if (this.parts.journal.touched) this.forget()
    this.apart.clear()
    this.size = Number.POSITIVE_INFINITY
  }

  /** What the first request of a run asks: all plays, as far as they are known without the host. */
  askFirst(place: Following | undefined): Question {
    return this.compose(this.ahead([], place), [])
  }

  /** Something may have changed: what was found is worth nothing any more. */
  forget(): void {
    this.answers.clear()
  }

  /**
   * A change is about to be made: forgets what it touches. If that is everything, starts small again, as a first run would
   * throw away most of what it asks.
   */
  alter(altered: Altered): void {
    if (!altered) {
      this.forget()
      this.size = windowAfterChange
      return
    }
    for (const item of [...this.answers.keys()]) {
      const prepared = this.parts.prepare(item)
      if (!prepared || isTouched(readsOf(prepared), altered)) this.answers.delete(item)
    }
  }

  /** What is known of a task whose turn has not come. */
  peek(item: TaskItem): { readonly prepared: Prepared; readonly state: unknown } | undefined {
    const answer = this.answers.get(item)
    const prepared = this.parts.prepare(item)
    return answer && 'state' in answer && prepared ? { prepared, state: answer.state } : undefined
  }

  /** What was found for a task, once. */
  take(item: TaskItem): Answer | undefined {
    const answer = this.answers.get(item)
    this.answers.delete(item)
    return answer
  }

  /** What the request of changes asks: the tasks themselves, if their effect can be read back, and what lies ahead, also their handlers. */
  askAfter(changed: readonly TaskItem[], readBack: readonly Prepared[], place: Following | undefined): Question {
    return this.compose([...readBack, ...this.ahead(changed, place)], readBack)
  }

  /** Keeps the answers. */
  read(question: Question, results: readonly StepResult[]): void {
    const { answers, failed } = readAll(question, results, this.parts.host)
    for (const [item, answer] of answers) this.answers.set(item, answer)
    for (const item of failed) this.apart.add(item)
  }

  /** Asks for tasks of this kind that come later, in all plays, and are not known yet. */
  async learn(
    isMeant: (task: Prepared) => boolean,
    place: Following | undefined,
    send: (steps: readonly Step[]) => Promise<readonly StepResult[]>,
  ): Promise<void> {
    const tasks: Prepared[] = []
    const visit = (items: Iterable<Item>): void => {
      for (const item of items) {
        if (item.kind === 'block') visit(item.body)
        if (item.kind !== 'task' || this.answers.has(item) || this.isSkipped(item)) continue
        const prepared = this.parts.prepare(item)
        if (prepared && isMeant(prepared)) tasks.push(prepared)
      }
    }
    for (let list = place; list; list = list.next) visit(remaining(list))
    if (tasks.length === 0) return
    const question = this.compose(tasks, [])
    this.read(question, await send(question.steps))
  }

  /** The state of a task whose turn has come: known already, or asked for together with what lies ahead. */
  async stateOf(
    own: Prepared,
    place: Following | undefined,
    send: (steps: readonly Step[]) => Promise<readonly StepResult[]>,
  ): Promise<Answer> {
    const have = this.take(own.item)
    if (have) return have
    this.size *= 2
    // the second time each task of a group that failed is asked alone
    for (let attempt = 1; attempt <= 2; attempt++) {
      const ahead = own.resource.probeInTurn ? [] : this.ahead([], place).filter(({ item }) => item !== own.item)
      const question = this.compose([own, ...ahead], [])
      this.read(question, question.steps.length > 0 ? await send(question.steps) : [])
      const answer = this.take(own.item)
      if (answer) return answer
    }
    return { error: tell(own.item, 'probe', 'the probe gave no answer') }
  }

  private compose(tasks: readonly Prepared[], changed: readonly Prepared[]): Question {
    const own = new Set(changed)
    return askAll(tasks, (task) => {
      if (this.apart.has(task.item)) return 'alone'
      if (own.has(task)) return own.size === 1 ? 'alone' : 'changed'
      return this.isDecided(task.item) ? 'together' : 'undecided'
    })
  }

  /** The next tasks that may be probed now, without those that must wait for their turn. A branch on a result is not known yet. */
  private ahead(changed: readonly TaskItem[], place: Following | undefined): Prepared[] {
    const list: Prepared[] = []
    const own = new Set(changed)
    let weight = 0
    const add = (task: TaskItem): void => {
      if (own.has(task) || task.task.resource.probeInTurn || this.answers.has(task) || this.isSkipped(task)) return
      const prepared = this.parts.prepare(task)
      if (!prepared) return
      list.push(prepared)
      // a change that touches little leaves the answers behind it valid, so they are not asked in vain
      if (!altersOf(prepared, undefined)) weight++
    }
    const visit = (items: Iterable<Item>): boolean => {
      for (const next of items) {
        if (weight >= this.size) return false
        if (next.kind === 'task') add(next)
        else if (next.kind === 'flush') visit(this.parts.handlers(changed))
        else if (next.kind === 'block' && !(visit(next.body) && visit(next.always))) return false
      }
      return true
    }
    for (let list = place; list; list = list.next) {
      if (!visit(remaining(list))) break
      if (list.endsPlay) visit(this.parts.handlers(changed))
      // a change on any host may alter what the next play finds
      if (list.endsPlay && this.parts.journal.touched) break
    }
    return [...new Set(list)]
  }

  /** Whether all that its conditions ask about is known; the probe of one that is not may fail for good reasons. */
  isDecided(item: TaskItem): boolean {
    return item.handler === undefined && this.parts.results.canDecide(conditionsOf(item))
  }

  /** Whether its conditions leave it out, as far as that is known. */
  isSkipped(item: TaskItem): boolean {
    const conditions = conditionsOf(item)
    if (conditions.length === 0) return false
    if (conditions.includes(false)) return true
    if (!this.parts.results.canDecide(conditions)) return false
    try {
      return this.parts.results.decide(conditions, item.task.where).kind !== 'run'
    } catch {
      return false // the task's own turn tells
    }
  }
}

/**
 * Groups tasks into steps. `alone`: a step of its own, so that its failure spoils no other's; `changed` and `undecided` tasks
 * share steps only among themselves.
 */
export function askAll(
  tasks: readonly Prepared[],
  how: (task: Prepared) => 'alone' | 'changed' | 'together' | 'undecided' = () => 'together',
): Question {
  const byResource = new Map<AnyResource, Map<string, Prepared[]>>()
  const groups: Prepared[][] = []
  for (const task of tasks) {
    const kind = how(task)
    const related = byResource.get(task.resource) ?? new Map<string, Prepared[]>()
    byResource.set(task.resource, related)
    const key = JSON.stringify([kind, task.user, task.env])
    const group = kind === 'alone' ? undefined : related.get(key)
    if (group) group.push(task)
    else {
      const fresh = [task]
      related.set(key, fresh)
      groups.push(fresh)
    }
  }
  return toQuestion(groups)
}

/** A resource that cannot put a wish into words (a NUL byte in a name) spoils the question of no other task. */
function toQuestion(groups: readonly Prepared[][]): Question {
  const faults = new Map<TaskItem, Answer>()
  const asked: (readonly Prepared[])[] = []
  const steps: Step[] = []
  const add = (group: readonly Prepared[]): void => {
    try {
      steps.push(stepOf(group))
      asked.push(group)
    } catch (error) {
      if (group.length > 1) for (const task of group) add([task])
      else if (group[0]) faults.set(group[0].item, { error: asProbeError(error, group[0]) })
    }
  }
  for (const group of groups) add(group)
  return { groups: asked, steps, faults }
}

function stepOf(group: readonly Prepared[]): Step {
  const first = group[0]
  return {
    script: first?.resource.probe(group.map((task) => task.wish)) ?? '',
    user: first?.user,
    env: first?.env,
    timeout: Math.max(...group.map((task) => task.item.task.options.timeout ?? defaultTimeout)),
    always: true,
    // a task's own timeout is for its own probe
    probe: group.every((task) => task.item.task.options.timeout === undefined),
  }
}

/** Cuts the answers apart. The tasks of a group that failed as a whole get no answer: they are asked again, each alone, when they are needed. */
export function readAll(
  question: Question,
  results: readonly StepResult[],
  host: string,
): { readonly answers: Map<TaskItem, Answer>; readonly failed: readonly TaskItem[] } {
  const answers = new Map<TaskItem, Answer>(question.faults)
  const failed: TaskItem[] = []
  for (const [index, group] of question.groups.entries()) {
    const result = results[index]
    const first = group[0]
    if (!result || !first || result.skipped) continue
    try {
      if (result.code !== 0) throw probeFailure(first, result, host)
      const states = first.resource.parse(
        result.stdout,
        group.map((task) => task.wish),
      )
      for (const [place, task] of group.entries()) answers.set(task.item, { state: states[place] })
    } catch (error) {
      if (group.length > 1) failed.push(...group.map((task) => task.item))
      else answers.set(first.item, { error: asProbeError(error, first) })
    }
  }
  return { answers, failed }
}

function asProbeError(error: unknown, { item, resource }: Prepared): ProvisionError {
  const known = asProvisionError(error)
  if (isProvisionError(error) && known.where) return known
  const message = isProvisionError(error)
    ? known.message
    : `the present state of ${resource.name} could not be read: ${shown(item, known.message)}`
  return tell(item, isProvisionError(error) ? known.code : 'probe', message, { ...known, cause: error })
}

function probeFailure(task: Prepared, result: StepResult, host: string): ProvisionError {
  return tell(
    task.item,
    result.timedOut ? 'timeout' : 'probe',
    `reading the present state ${result.timedOut ? 'took too long' : `failed with exit code ${result.code}`}`,
    { detail: commandDetail(host, task.user, `the probe of ${task.resource.name}`, result) },
  )
}
