// What is known of the tasks that this run came to, and the conditions that ask about it.
import type { LazyLocation } from '../core/location.ts'
import type { Play } from '../core/play.ts'
import type { Condition, Outcome, Task } from '../core/task.ts'
import { titleOf } from '../core/task.ts'
import { guarded, Unknowable } from './user-code.ts'

/** What is known of a task. */
export interface Known {
  readonly outcome: Outcome
  /** Check mode: nothing of it is known (`all`), or not what its apply would have answered (`result`). */
  readonly unknown: 'nothing' | 'result' | 'all'
}

/** Whether a task's turn has come. */
export type Decision =
  | { readonly kind: 'run' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string }

/** A value of `when`. */
export type When = boolean | Condition

const unknownReason = 'depends on the result of a change that check mode does not make'

export class Results {
  private readonly known = new Map<Task, Known>()
  private readonly plays = new Map<Task, Play>()
  private play: Play | undefined
  private leftOut: ReadonlyMap<Task, string> = new Map()

  record(task: Task, known: Known): void {
    this.known.set(task, known)
    if (this.play) this.plays.set(task, this.play)
  }

  /** The play in which a task ran. */
  playOf(task: Task): Play | undefined {
    return this.plays.get(task)
  }

  /** What left a task of the play out, if something did. */
  leftOutBy(task: Task): string | undefined {
    return this.leftOut.get(task)
  }

  of(task: Task): Known | undefined {
    return this.known.get(task)
  }

  /** A play begins; says which tasks of it were left out and by what, for the reason of a skip. */
  startPlay(play: Play, leftOut: ReadonlyMap<Task, string>): void {
    this.play = play
    this.leftOut = new Map([...this.leftOut, ...leftOut])
  }

  /** Whether all that the conditions ask about has been decided. */
  canDecide(conditions: readonly When[]): boolean {
    return conditions.every(
      (condition) => typeof condition === 'boolean' || condition.needs.every((task) => this.known.has(task)),
    )
  }

  /** The answer of all conditions together. Throws what the user's predicate throws, with its line. */
  decide(conditions: readonly When[], where: LazyLocation): Decision {
    let unknown = false
    for (const condition of conditions) {
      if (condition === true) continue
      if (condition === false) return { kind: 'skip', reason: 'when is false' }
      const missing = condition.needs.find((task) => !this.known.has(task))
      if (missing && !condition.needs.some((task) => this.known.has(task))) {
        const by = this.leftOut.get(missing)
        return { kind: 'skip', reason: `${titleOf(missing)} ${by ? `was left out by ${by}` : 'did not run'}` }
      }
      const answer = this.ask(condition, where)
      if (answer === false) return { kind: 'skip', reason: condition.text }
      if (answer === undefined) unknown = true
    }
    return unknown ? { kind: 'unknown', reason: unknownReason } : { kind: 'run' }
  }

  /** True, false, or undefined if check mode cannot know. */
  private ask(condition: Condition, where: LazyLocation): boolean | undefined {
    const needs = condition.needs.map((task) => this.known.get(task))
    const test = (assumed: boolean): boolean | undefined => {
      try {
        return guarded(`the condition (${condition.text})`, where, () =>
          condition.test(needs.map((known) => view(known, assumed))),
        )
      } catch (error) {
        if (error instanceof Unknowable) return undefined
        throw error
      }
    }
    if (needs.every((known) => known === undefined || known.unknown === 'nothing')) return test(false)
    // An answer that is the same whether or not the uncertain tasks would change something is an answer.
    const [without, withChanges] = [test(false), test(true)]
    return without === withChanges ? without : undefined
  }
}

/** An outcome as the user's code may read it: what check mode does not know throws Unknowable when it is read. */
export function view(known: Known | undefined, assumedChanged: boolean): Outcome {
  if (!known) return { changed: false, failed: false, skipped: true }
  if (known.unknown === 'nothing') return known.outcome
  const readable: Outcome = known.unknown === 'all' ? ({ changed: assumedChanged } as Outcome) : { ...known.outcome } // the rest throws below
  const deny = (): never => {
    throw new Unknowable('check mode cannot know this result')
  }
  return new Proxy(readable, {
    get: (target, key) => (key in target ? Reflect.get(target, key) : deny()),
    has: (target, key) => key in target || deny(),
    ownKeys: deny,
  })
}
