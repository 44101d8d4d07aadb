// The handlers of one host: which the play has, which were notified, what the marks on the host say.
// They run in the order in which the play's tasks first name them, whichever was notified first.
import type { Handler } from '../core/task.ts'
import { handlerIdentity, markKey, namePart } from './handler-key.ts'
import { type GuardItem, handlerItems, type Item, leaves, listOf, type TaskItem } from './items.ts'
import type { Mark } from './marks.ts'

/** A handler of the play. */
export interface HandlerEntry {
  readonly name: string
  readonly items: readonly TaskItem[]
  /** The keys of its marks: one for each role that names it. */
  readonly keys: Set<string>
  /** It runs after all others, and not at a flush: what a play does after its changes. */
  readonly isLast: boolean
}

/** A notified handler. */
export interface Pending {
  readonly entry: HandlerEntry
  /** False in check mode, if only a task that may change something notified it. */
  certain: boolean
  /** Tasks of it that a later change has done. */
  readonly covered: Set<TaskItem>
}

export class Handlers {
  /** The marks on the host. */
  private readonly marks = new Map<string, Mark>()
  /** Marks that this run wrote for handlers that have not run yet. */
  private readonly written = new Set<string>()
  /** Marks of an earlier run that no handler of this one has taken up exactly. */
  private readonly earlier = new Set<string>()
  /** Those of them for which a handler of the same name was taken up. */
  private readonly replaced = new Set<string>()
  private entries = new Map<unknown, HandlerEntry>()
  private readonly pending = new Map<HandlerEntry, Pending>()
  private readonly held = new Set<TaskItem>()

  /** What the first request found on the host. */
  found(marks: readonly Mark[]): void {
    for (const mark of marks) {
      this.marks.set(mark.key, mark)
      this.earlier.add(mark.key)
    }
  }

  /** A new play: its handlers are not known yet. */
  startPlay(): void {
    this.entries = new Map()
  }

  /** Makes the handlers of these items known, in order. One that an earlier run left marked counts as notified, also if tags leave out who notifies it. */
  register(items: readonly Item[]): void {
    for (const item of leaves(items)) this.registerAll(item)
    for (const item of items) {
      if (item.kind !== 'guard' || this.entryOf(item.after)) continue
      const keys = new Set([markKey(undefined, item.after)])
      this.entries.set(handlerIdentity(item.after), {
        name: item.after.name,
        items: item.afterItems,
        keys,
        isLast: true,
      })
    }
    const entries = [...this.entries.values()]
    for (const key of this.earlier) {
      const exact = entries.filter((entry) => entry.keys.has(key))
      // one whose arguments were edited since is still the handler of that name, unless a later play has the very one
      const similar = entries.filter((entry) => [...entry.keys].some((own) => namePart(own) === namePart(key)))
      for (const entry of exact.length > 0 ? exact : similar) this.add(entry, true)
      if (exact.length > 0) this.earlier.delete(key)
      else if (similar.length > 0) this.replaced.add(key)
    }
  }

  private registerAll(item: TaskItem): void {
    for (const handler of listOf(item.task.options.notify)) {
      const known = this.entryOf(handler)
      if (known) {
        known.keys.add(markKey(item.role, handler))
        continue
      }
      const entry = {
        name: handler.name,
        items: handlerItems(handler, item),
        keys: new Set([markKey(item.role, handler)]),
        isLast: false,
      }
      this.entries.set(handlerIdentity(handler), entry)
      for (const part of entry.items) this.registerAll(part)
    }
  }

  private entryOf(handler: Handler): HandlerEntry | undefined {
    return this.entries.get(handlerIdentity(handler))
  }

  private add(entry: HandlerEntry, certain: boolean): void {
    const pending = this.pending.get(entry)
    if (!pending) this.pending.set(entry, { entry, certain, covered: new Set() })
    else {
      pending.certain ||= certain
      pending.covered.clear()
    }
  }

  /** The marks to write before this task's change, those of its handlers that are not on the host yet; from now on they count as written. */
  mark(item: TaskItem): readonly Mark[] {
    return this.markAll(listOf(item.task.options.notify), item.role)
  }

  /** Notifies what a play does after its changes, and gives the marks to write for it. */
  guard({ after }: GuardItem): readonly Mark[] {
    const entry = this.entryOf(after)
    if (entry) this.add(entry, true)
    return this.markAll([after], undefined)
  }

  private markAll(handlers: readonly Handler[], role: string | undefined): readonly Mark[] {
    const fresh = handlers
      .map((handler) => ({ key: markKey(role, handler), name: handler.name }))
      .filter(({ key }) => !this.marks.has(key))
    for (const mark of fresh) {
      this.marks.set(mark.key, mark)
      this.written.add(mark.key)
    }
    return fresh
  }

  /** This task's change is made ahead of its turn: until `release`, its marks stay. */
  hold(item: TaskItem): void {
    this.held.add(item)
  }

  release(item: TaskItem): void {
    this.held.delete(item)
  }

  /** The change of that task was none after all: the keys of the marks to remove, of those that this run wrote. */
  withdraw(item: TaskItem): readonly string[] {
    const keys = listOf(item.task.options.notify).map((handler) => markKey(item.role, handler))
    return this.forget(keys.filter((key) => this.written.has(key)))
  }

  /** Notifies a task's handlers. `certain` is false if in check mode the task only may change something. */
  notify(item: TaskItem, certain: boolean): void {
    for (const handler of listOf(item.task.options.notify)) {
      const entry = this.entryOf(handler)
      if (entry) this.add(entry, certain)
    }
  }

  /** The next notified handler; at the end of the play also what the play does after its changes. */
  next(endsPlay: boolean): Pending | undefined {
    let last: Pending | undefined
    for (const entry of this.entries.values()) {
      const pending = this.pending.get(entry)
      if (pending && !entry.isLast) return pending
      last ??= pending
    }
    return endsPlay ? last : undefined
  }

  /** A handler that was notified and did not run. */
  waiting(handler: Handler): Pending | undefined {
    const entry = this.entryOf(handler)
    return entry && this.pending.get(entry)
  }

  /** A change did what these tasks of notified handlers wait to do; they are left out unless they are notified again. */
  cover(isDone: (item: TaskItem) => boolean): void {
    for (const { entry, certain, covered } of this.pending.values()) {
      if (certain) for (const item of entry.items) if (isDone(item)) covered.add(item)
    }
  }

  /** The tasks of the handlers that are to run, with those that these tasks may notify. */
  *ahead(notifiers: readonly TaskItem[]): Generator<TaskItem> {
    const named = notifiers.flatMap((item) => listOf(item.task.options.notify))
    const notifies = new Set(named.map((handler) => this.entryOf(handler)))
    for (const entry of this.entries.values()) if (this.pending.has(entry) || notifies.has(entry)) yield* entry.items
  }

  /** A handler ran: the keys of the marks to remove, unless `keepMarks` (check mode). */
  done({ entry }: Pending, keepMarks: boolean): readonly string[] {
    this.pending.delete(entry)
    for (const key of entry.keys) this.written.delete(key)
    return keepMarks ? [] : this.forget([...entry.keys])
  }

  private forget(keys: readonly string[]): readonly string[] {
    const wanted = new Set([...this.pending.keys()].flatMap((entry) => [...entry.keys]))
    for (const item of this.held)
      for (const handler of listOf(item.task.options.notify)) wanted.add(markKey(item.role, handler))
    const gone = keys.filter((key) => this.marks.has(key) && !wanted.has(key))
    for (const key of gone) {
      this.marks.delete(key)
      this.written.delete(key)
    }
    return gone
  }

  /** Names of handlers that were notified and did not run. */
  names(): readonly string[] {
    return [...this.pending.keys()].map((entry) => entry.name)
  }

  /** All plays are done: the keys of the marks that edited handlers answered, and the marks that no play answered. */
  finish(): { readonly answered: readonly string[]; readonly orphans: readonly Mark[] } {
    const left = [...this.earlier].filter((key) => this.marks.has(key))
    return {
      answered: left.filter((key) => this.replaced.has(key)),
      orphans: [...this.marks.values()].filter(({ key }) => left.includes(key) && !this.replaced.has(key)),
    }
  }
}
