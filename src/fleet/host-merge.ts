// One host of a run whose plays are walked by workers, any of which may be lost in the middle. From the events of all
// attempts it makes one story: what a lost attempt told is not told twice, and what it changed stays counted as changed.
import type { ProvisionError } from '../core/error.ts'
import type { Emit, HostRecap, TaskRef, TaskStatus } from '../core/events.ts'
import type { HostEvent } from './messages.ts'

interface Told {
  readonly key: string
  readonly status: TaskStatus
}

type Counts = { -readonly [Key in keyof HostRecap]: HostRecap[Key] }

export class HostMerge {
  readonly host: string
  private readonly emit: Emit
  private readonly total: Counts = { ...nothing }
  private attempt = 0
  private worker = ''
  /** Ended tasks that lost attempts of this part told. */
  private earlier: Told[] = []
  /** Ended tasks of the present attempt, with the status that was told. */
  private current: (Told & { readonly found: TaskStatus })[] = []
  /** The play that has begun here and not ended. */
  private open: string | undefined
  /** A start that is told only if its end is. */
  private held: HostEvent | undefined
  /** Tasks of lost attempts and earlier parts come before this attempt's. */
  private offset = 0
  private highest = 0

  constructor(host: string, emit: Emit) {
    this.host = host
    this.emit = emit
  }

  /** What the whole run did here so far. */
  get recap(): HostRecap {
    return { ...this.total }
  }

  /** The next play. */
  startPart(): void {
    this.attempt = 0
    this.earlier = []
    this.current = []
    this.startAttempt()
  }

  /** Events of an attempt, in order. Those of an attempt that was given up for lost are dropped. */
  receive(attempt: number, worker: string, events: readonly HostEvent[]): void {
    if (attempt < this.attempt || events.length === 0) return
    if (attempt > this.attempt) this.next(attempt, worker)
    for (const event of events) this.tell(event)
  }

  /** The part came to its end. */
  endPart(recap: HostRecap): void {
    this.release()
    const counts = { ...recap }
    for (const { status, found } of this.current) {
      if (status === found) continue
      counts[found]--
      counts[status]++
    }
    counts.changed += this.earlier.filter(({ status }) => status === 'changed').length
    this.add(counts)
  }

  /** The part has no end: nobody is left to do it. */
  losePart(error: ProvisionError): void {
    this.held = undefined
    const counts = { ...nothing, unreachable: true }
    for (const { status } of [...this.earlier, ...this.current]) counts[status]++
    this.emit({ type: 'host:unreachable', host: this.host, error })
    if (this.open !== undefined) this.emit({ type: 'host:play:end', host: this.host, play: this.open, failed: true })
    this.open = undefined
    this.add(counts)
  }

  private next(attempt: number, worker: string): void {
    if (this.attempt > 0) {
      const message = `the worker ${this.worker} was lost or gave the host back; ${worker} begins the play again`
      this.emit({ type: 'warning', host: this.host, message })
    }
    this.attempt = attempt
    this.worker = worker
    this.earlier.push(...this.current)
    this.current = []
    this.startAttempt()
  }

  private startAttempt(): void {
    this.held = undefined
    this.offset = this.highest
  }

  private tell(event: HostEvent): void {
    if (event.type === 'host:play') this.open = event.play
    if (event.type === 'host:play:end') this.open = undefined
    if (!('task' in event)) {
      this.release()
      this.emit(event)
      return
    }
    const task = { ...event.task, id: event.task.id + this.offset }
    this.highest = Math.max(this.highest, task.id)
    const numbered = { ...event, task }
    if (event.type === 'task:start' && this.earlier.length > 0) {
      this.release()
      this.held = numbered
      return
    }
    if (event.type === 'task:end') {
      const key = keyOf(event.task)
      const told = this.takeEarlier(key, event.status)
      this.current.push({ key, status: told ?? event.status, found: event.status })
      if (told) {
        this.held = undefined
        return
      }
    }
    this.release()
    this.emit(numbered)
  }

  /** A task that was told before and has nothing new: the status that was told. */
  private takeEarlier(key: string, found: TaskStatus): TaskStatus | undefined {
    const index = this.earlier.findIndex(
      (told) =>
        told.key === key && (told.status === found ? found !== 'changed' : told.status === 'changed' && found === 'ok'),
    )
    return index < 0 ? undefined : this.earlier.splice(index, 1)[0]?.status
  }

  private release(): void {
    if (this.held) this.emit(this.held)
    this.held = undefined
  }

  private add(counts: HostRecap): void {
    for (const key of countKeys) this.total[key] += counts[key]
    this.total.unreachable ||= counts.unreachable
  }
}

const countKeys = ['ok', 'changed', 'failed', 'skipped', 'ignored', 'unknown', 'requests'] as const
const nothing: HostRecap = {
  ok: 0,
  changed: 0,
  failed: 0,
  skipped: 0,
  ignored: 0,
  unknown: 0,
  unreachable: false,
  requests: 0,
}

function keyOf({ title, role, resource, where, handler }: TaskRef): string {
  return JSON.stringify([title, role, resource, where?.file, where?.line, where?.column, handler])
}
