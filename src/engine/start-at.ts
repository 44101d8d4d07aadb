// `--start-at-task`: a run that begins in the middle of its playbook. Plays before the task are left out, earlier tasks of
// its play are skipped, except those tagged `always`.
import { ProvisionError } from '../core/error.ts'
import type { Play } from '../core/play.ts'
import { nearest } from '../core/schema.ts'
import { titleOf } from '../core/task.ts'
import { type Item, itemTitle, leaves, type TaskItem } from './items.ts'
import type { Stage } from './stages.ts'

/** A play's items from the task on. */
export interface Started {
  readonly rest: readonly Item[]
  /** Tasks before it. */
  readonly skipped: readonly TaskItem[]
}

export class StartAt {
  private readonly name: string
  private readonly pattern: RegExp
  private readonly titles = new Set<string>()
  /** The play that has the task; undefined until it is known. */
  private play: Play | undefined
  /** The number of plays before it, or before the first one that may have it. */
  readonly playsBefore: number

  /**
   * @param chosen the items of each play on each host as the tags leave them; a host without items needs facts first
   * Throws if no play can have the task.
   */
  constructor(
    name: string,
    stages: readonly Stage[],
    chosen: (stage: Stage) => readonly (readonly Item[] | undefined)[],
  ) {
    this.name = name
    this.pattern = new RegExp(
      `^${name
        .split('*')
        .map((part) => part.split('?').map(literal).join('.'))
        .join('.*')}$`,
      's',
    )
    const known = stages.map(chosen)
    const at = known.findIndex((hosts) => hosts.some((items) => items && this.cut(items)))
    const open = known.findIndex((hosts) => hosts.includes(undefined))
    this.play = stages[at]?.play
    if (at < 0 && open < 0) throw this.unknown()
    this.playsBefore = at < 0 ? open : at
  }

  /** No play that has the task is known yet: which tasks run is decided play by play. */
  get isOpen(): boolean {
    return this.play === undefined
  }

  /** What a play that has begun is to do on a host. */
  choose(play: Play, items: readonly Item[]): Started {
    if (this.play !== undefined && this.play !== play) return { rest: items, skipped: [] }
    const cut = this.cut(items)
    if (!cut) return { rest: [], skipped: [...leaves(items)] }
    this.play = play
    return cut
  }

  /** All plays are over: throws if none had the task. */
  finish(): void {
    if (this.isOpen) throw this.unknown()
  }

  private cut(items: readonly Item[]): Started | undefined {
    const skipped: TaskItem[] = []
    let begun = false
    const visit = (list: readonly Item[]): Item[] =>
      list.flatMap((item): Item[] => {
        if (item.kind === 'task') {
          begun ||= this.isMeant(item)
          if (begun || item.tags.has('always')) return [item]
          skipped.push(item)
          return []
        }
        if (item.kind === 'guard') return [item]
        if (item.kind !== 'block') return begun ? [item] : []
        const body = visit(item.body)
        // a failure before the start is none of this run's
        const rescue = begun ? item.rescue : []
        return [{ ...item, body, rescue, always: visit(item.always) }]
      })
    const rest = visit(items)
    return begun ? { rest, skipped } : undefined
  }

  private isMeant(item: TaskItem): boolean {
    const titles = [titleOf(item.task), itemTitle(item)]
    for (const title of titles) this.titles.add(title)
    return titles.some((title) => title === this.name || this.pattern.test(title))
  }

  private unknown(): ProvisionError {
    const near = nearest(this.name, [...this.titles])
    return new ProvisionError({
      code: 'input',
      message: `--start-at-task '${this.name}': no task has this name`,
      hint: near ? `Did you mean '${near}'?` : 'provision --list-tasks shows all names; * stands for any text.',
    })
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
