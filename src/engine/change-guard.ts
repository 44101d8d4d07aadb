// What a play does around the changes of a host: `beforeChanges` directly before the first of them, `afterChanges` after the
// last handler. A host on which nothing changes does neither. That the second is still to come is marked on the host before
// the first begins, as for any handler, so a controller that dies in between leaves it to the next run.
import { ProvisionError } from '../core/error.ts'
import type { Pending } from './handlers.ts'
import type { HostState } from './host-state.ts'
import type { GuardItem, Item, TaskItem } from './items.ts'
import { setMarks } from './marks.ts'
import { HostStopped } from './stopped.ts'
import { commandDetail } from './task-error.ts'

/** How the host's walk runs things. */
export interface GuardParts {
  readonly walk: (items: readonly Item[]) => Promise<void>
  readonly runHandler: (pending: Pending) => Promise<void>
}

export class ChangeGuard {
  private readonly parts: GuardParts
  private item: GuardItem | undefined
  /** `beforeChanges` has not run. */
  private isShut = false

  constructor(parts: GuardParts) {
    this.parts = parts
  }

  /** A new play begins; it may have no guard. */
  start(): void {
    this.item = undefined
    this.isShut = false
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
  async open(state: HostState): Promise<void> {
    const { item } = this
    if (!item) return
    this.isShut = false
    await announce(state, item)
    try {
      await this.parts.walk(item.before)
    } catch (error) {
      if (error instanceof HostStopped && error.kind !== 'unreachable') await this.undo(state, item)
      throw error
    }
  }

  /** Its own failure is told by its tasks; what made it necessary is what counts. */
  private async undo({ brake, handlers, lookAhead }: HostState, { after }: GuardItem): Promise<void> {
    const pending = handlers.waiting(after)
    if (!pending) return
    lookAhead.forget()
    await brake
      .mend(() => this.parts.runHandler(pending))
      .catch((error: unknown) => {
        if (!(error instanceof HostStopped)) throw error
      })
  }

  /** The play's guard, with what holds until `afterChanges` has run. */
  get waiting(): { readonly item: GuardItem; readonly before: readonly TaskItem[] } | undefined {
    const { item } = this
    if (!item) return undefined
    return { item, before: this.isShut ? [] : item.before.filter((each) => each.kind === 'task') }
  }
}

/** Notifies `afterChanges`, and marks it on the host. */
async function announce({ home, handlers, options }: HostState, item: GuardItem): Promise<void> {
  const { name, session } = home
  const marks = handlers.guard(item)
  if (options.check || marks.length === 0) return
  const [written] = await session.run([setMarks(marks)], undefined)
  if (!written || written.code === 0) return
  const message = `the mark of ${item.after.name} could not be written`
  const detail = commandDetail(name, session.agentUser, 'write the mark', written)
  throw new ProvisionError({ code: 'apply', message, detail })
}
