// The plays of one host, expanded as early as possible: what a later play will ask of a host that nobody changes can be
// asked with the very first request.
import type { Play } from '../core/play.ts'
import type { Task } from '../core/task.ts'
import type { Following } from './following.ts'
import type { HostRunOptions } from './host-state.ts'
import { type Item, leaves, selectByTags, type TaskItem } from './items.ts'
import type { StartAt } from './start-at.ts'

/** A play as a host walks it. */
export interface HostPlay {
  readonly play: Play
  /** Its items. Throws FactsNeeded if it must wait for the connection. */
  readonly expand: () => readonly Item[]
}

/** A play's items. */
export interface Expanded {
  readonly all: readonly Item[]
  /** Those that the tags leave, from the start task on. */
  readonly chosen: readonly Item[]
  /** Tasks before the start task. */
  readonly skipped: readonly TaskItem[]
  /** All tasks that are not chosen, and what left them out. */
  readonly leftOut: ReadonlyMap<Task, string>
}

type HostPlaysOptions = Pick<HostRunOptions, 'tags' | 'skipTags' | 'startAt'>

export class HostPlays {
  private readonly plays: HostPlay[]
  private readonly expanded = new Map<Play, Expanded>()
  private readonly tags: readonly string[]
  private readonly skipTags: readonly string[]
  private readonly startAt: StartAt | undefined

  constructor(plays: readonly HostPlay[], { tags, skipTags, startAt }: HostPlaysOptions) {
    this.plays = [...plays]
    this.tags = tags
    this.skipTags = skipTags
    this.startAt = startAt
  }

  /** The items of a play; the same ones each time. Throws what the user's code throws, and FactsNeeded. */
  expand(play: Play): Expanded {
    const have = this.expanded.get(play)
    if (have) return have
    const all = this.plays.find((entry) => entry.play === play)?.expand() ?? []
    const tagged = selectByTags(all, this.tags, this.skipTags)
    const { rest, skipped } = this.startAt?.choose(play, tagged) ?? { rest: tagged, skipped: [] }
    const leftOut = new Map([...leaves(all)].map((item) => [item.task, 'tags']))
    for (const item of skipped) leftOut.set(item.task, '--start-at-task')
    for (const item of leaves(rest)) leftOut.delete(item.task)
    const made = { all, chosen: rest, skipped, leftOut }
    this.expanded.set(play, made)
    return made
  }

  /** What comes first in the first play. */
  fromStart(): Following | undefined {
    return this.from(0)
  }

  /** The end of a play, and after it the plays to come. */
  after(play: Play): Following {
    const next = this.from(this.plays.findIndex((entry) => entry.play === play) + 1)
    return { items: [], from: 0, next, endsPlay: true }
  }

  /** Its items are needed no more. */
  done(play: Play): void {
    this.expanded.delete(play)
    const index = this.plays.findIndex((entry) => entry.play === play)
    if (index >= 0) this.plays.splice(0, index + 1)
  }

  get areDone(): boolean {
    return this.plays.length === 0
  }

  private from(index: number): Following | undefined {
    let next: Following | undefined
    for (const { play } of this.plays.slice(index).reverse()) {
      const items = this.tryToExpand(play)
      if (items) next = { items, from: 0, next: { items: [], from: 0, next, endsPlay: true } }
    }
    return next
  }

  /** A play that cannot be expanded yet, or not at all, tells so when its turn comes. */
  private tryToExpand(play: Play): readonly Item[] | undefined {
    if (this.startAt?.isOpen) return undefined
    try {
      return this.expand(play).chosen
    } catch {
      return undefined
    }
  }
}
