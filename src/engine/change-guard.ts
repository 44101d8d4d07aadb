// What a play does around the changes of a host: `beforeChanges` directly before the first of them, `afterChanges` after the
// last handler. A host on which nothing changes does neither. That the second is still to come is marked on the host before
// the first begins, as for any handler, so a controller that dies in between leaves it to the next run.

import type { GuardItem, TaskItem } from './items.ts'
import { HostStopped } from './stopped.ts'

/** What the guard needs of the host's walk. */
export interface GuardParts {
  /** Notifies `afterChanges`, and marks it on the host. */
  readonly notify: (item: GuardItem) => Promise<void>
  readonly walk: (item: GuardItem) => Promise<void>
  /** Runs `afterChanges` now. */
  readonly undo: (item: GuardItem) => Promise<void>
}

export class ChangeGuard {
  private readonly parts: GuardParts
  private item: GuardItem | undefined
  private isShut = false
  /** `beforeChanges` ran, or began to, and `afterChanges` is still to come. */
  private isOpen = false

  constructor(parts: GuardParts) {
    this.parts = parts
  }

  /** A new play begins. */
  start(): void {
    this.item = undefined
    this.isShut = false
    this.isOpen = false
  }

  /** The play has this guard. */
  set(item: GuardItem): void {
    this.item = item
    this.isShut = true
  }

  /** Whether `beforeChanges` must run before this task changes something. */
  stops({ task, handler }: TaskItem): boolean {
    if (!this.isShut || task.resource.readOnly || task.options.changedWhen === false) return false
    return handler === undefined || handler !== this.item?.after
  }

  /** Runs `beforeChanges`. If one of its tasks fails nothing has changed yet, so `afterChanges` undoes what was done. */
  async open(): Promise<void> {
    const { item } = this
    if (!item) return
    this.isShut = false
    this.isOpen = true
    await this.parts.notify(item)
    try {
      await this.parts.walk(item)
    } catch (error) {
      if (error instanceof HostStopped && error.kind !== 'unreachable') {
        await this.parts.undo(item).catch((second: unknown) => {
          if (!(second instanceof HostStopped)) throw second
        })
      }
      throw error
    }
  }

  /** Titles of what holds until `afterChanges` has run, if it has not. */
  get left(): readonly TaskItem[] | undefined {
    return this.isOpen ? this.item?.before.flatMap((item) => (item.kind === 'task' ? [item] : [])) : undefined
  }

  get after(): GuardItem['after'] | undefined {
    return this.item?.after
  }
}
