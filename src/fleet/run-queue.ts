// A run's side of the queue: puts parts on it, reads what workers tell, keeps the run's own lease, and notices parts that
// nobody is left to do.
import { randomUUID } from 'node:crypto'
import type { Job, Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import { ProvisionError } from '../core/error.ts'
import type { QueueAddress } from './address.ts'
import { forgetAfter, keyPrefix, keys, openRedis, queueName } from './connection.ts'
import { type HostEvent, type Message, type Part, type PartResult, parseMessage } from './messages.ts'
import { loadPackages } from './packages.ts'
import { pause } from './pause.ts'
import { presentWorkers } from './presence.ts'
import type { Project } from './project.ts'

/** Events of a part as they come. */
export type Listen = (attempt: number, worker: string, events: readonly HostEvent[]) => void

/** What the coordinator needs of a queue. */
export interface Parts {
  readonly run: string
  /** Puts a part on the queue. Resolves with how it ended; rejects with a ProvisionError if nobody did it to its end. */
  readonly perform: (part: Part, listen: Listen) => Promise<PartResult>
  /** Workers finish the running step of each host (`giveUp`: kill it); parts that nobody has begun are not begun. */
  readonly halt: (giveUp: boolean) => Promise<void>
}

interface Waiting {
  readonly part: Part
  readonly job: Job
  readonly listen: Listen
  readonly resolve: (result: PartResult) => void
  readonly reject: (error: ProvisionError) => void
}

interface Opened {
  readonly redis: Redis
  readonly reader: Redis
  readonly queue: Queue
  readonly failures: QueueEvents
}

const runLeaseSeconds = 20
/** Times that a part is taken up again after its worker was lost. */
export const retries = 2

export class RunQueue implements Parts {
  readonly run = randomUUID()
  private readonly opened: Opened
  private readonly project: Project
  private readonly warn: (message: string, error: ProvisionError) => void
  private readonly waiting = new Map<string, Waiting>()
  private readonly closing = new AbortController()
  private state: 'running' | 'stop' | 'giveUp' = 'running'
  private loops: readonly Promise<void>[] = []
  private lastSeen = '0'
  private missing: ReadonlySet<string> = new Set()

  private constructor(opened: Opened, project: Project, warn: (message: string, error: ProvisionError) => void) {
    this.opened = opened
    this.project = project
    this.warn = warn
  }

  /** Connects and begins the run; throws a ProvisionError (`input`) if the queue cannot be used. */
  static async open(
    address: QueueAddress,
    project: Project,
    warn: (message: string, error: ProvisionError) => void,
  ): Promise<RunQueue> {
    const packages = await loadPackages()
    const redis = await openRedis(packages, address)
    const { Queue, QueueEvents } = packages.bullmq
    const options = { connection: { ...address.options, maxRetriesPerRequest: null }, prefix: keyPrefix }
    const queue = new Queue(queueName(project.digest), {
      ...options,
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    })
    const failures = new QueueEvents(queueName(project.digest), options)
    // losses of the connection are mended by the client; what cannot be mended shows as workers that are gone
    queue.on('error', () => undefined)
    failures.on('error', () => undefined)
    const run = new RunQueue({ redis, reader: redis.duplicate(blocking), queue, failures }, project, warn)
    run.opened.reader.on('error', () => undefined)
    await run.begin()
    return run
  }

  private async begin(): Promise<void> {
    const { failures } = this.opened
    await failures.waitUntilReady()
    failures.on('failed', ({ jobId, failedReason }) => this.fail(jobId, failedReason))
    await this.renew()
    this.loops = [this.read(), this.watch()]
  }

  /** The workers that are there, with any project. */
  workers() {
    return presentWorkers(this.opened.redis)
  }

  /** The connection, for asking about workers. */
  get redis(): Redis {
    return this.opened.redis
  }

  async perform(part: Part, listen: Listen): Promise<PartResult> {
    if (this.state !== 'running') return notBegun
    const job = await this.opened.queue.add('part', part, { jobId: part.id })
    const result = await new Promise<PartResult>((resolve, reject) => {
      this.waiting.set(part.id, { part, job, listen, resolve, reject })
    })
    return result
  }

  async halt(giveUp: boolean): Promise<void> {
    this.state = giveUp ? 'giveUp' : 'stop'
    await this.renew()
    await Promise.all([...this.waiting.values()].map((waiting) => this.withdraw(waiting)))
  }

  /** Ends the run: nothing of it stays on the queue. */
  async close(): Promise<void> {
    const { redis, reader, queue, failures } = this.opened
    this.closing.abort()
    reader.disconnect()
    await Promise.all(this.loops)
    for (const { job } of this.waiting.values()) await job.remove().catch(() => 0)
    await redis.del(keys.state(this.run), keys.messages(this.run), keys.done(this.run)).catch(() => 0)
    await Promise.all([queue.close(), failures.close()].map((closed) => closed.catch(() => undefined)))
    redis.disconnect()
  }

  /** A part that no worker has taken yet ends here; a running one ends by its worker's message. */
  private async withdraw({ part, job, resolve }: Waiting): Promise<void> {
    try {
      await job.remove() // refuses what a worker holds
    } catch {
      return
    }
    if (this.waiting.delete(part.id)) resolve(notBegun)
  }

  private async renew(): Promise<void> {
    await this.opened.redis.set(keys.state(this.run), this.state, 'EX', runLeaseSeconds)
  }

  private async read(): Promise<void> {
    const { reader } = this.opened
    const stream = keys.messages(this.run)
    while (!this.closing.signal.aborted) {
      const answer = await reader.xread('COUNT', 100, 'BLOCK', 1000, 'STREAMS', stream, this.lastSeen).catch(() => null)
      const entries = answer?.[0]?.[1] ?? []
      for (const [id, [, text = '']] of entries) {
        this.lastSeen = id
        this.take(parseMessage(text, this.project.root))
      }
      if (entries.length > 0) await this.forget(entries.map(([id]) => id))
      else if (answer === null && reader.status !== 'ready') await pause(200, this.closing.signal)
    }
  }

  private async forget(ids: readonly string[]): Promise<void> {
    const stream = keys.messages(this.run)
    const { redis } = this.opened
    await redis
      .multi()
      .xdel(stream, ...ids)
      .expire(stream, forgetAfter)
      .exec()
      .catch(() => null)
  }

  private take(message: Message): void {
    if (message.kind === 'left') {
      this.warn(`the worker ${message.worker} does not take part`, message.error)
      return
    }
    const waiting = this.waiting.get(message.part)
    if (!waiting) return
    if (message.kind === 'events') waiting.listen(message.attempt, message.worker, message.events)
    else if (this.waiting.delete(message.part)) waiting.resolve(message.result)
  }

  private fail(id: string, reason: string): void {
    const waiting = this.waiting.get(id)
    if (!waiting || !this.waiting.delete(id)) return
    const lost = reason.includes('stalled')
    waiting.reject(
      lost
        ? lostPart(`${waiting.part.host}: its worker was lost ${retries + 1} times, and it is not tried again`)
        : new ProvisionError({ code: 'internal', message: `${waiting.part.host}: its worker failed: ${reason}` }),
    )
  }

  /** Keeps the run's lease, and looks whether any worker is left. */
  private async watch(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await pause(1000, this.closing.signal)
      try {
        await this.renew()
        const left = (await this.workers()).filter((worker) => worker.digest === this.project.digest)
        if (left.length === 0) this.abandon()
        else await this.missJobs()
      } catch (error) {
        if (!this.closing.signal.aborted) this.breakOff(error)
      }
    }
  }

  private abandon(): void {
    for (const [id, { part, job, reject }] of this.waiting) {
      this.waiting.delete(id)
      void job.remove().catch(() => 0)
      reject(lostPart(`${part.host}: no worker of this project is left`))
    }
  }

  /** A job that is gone without a result, twice in a row because the result may be on its way: the server lost its data. */
  private async missJobs(): Promise<void> {
    const gone = new Set<string>()
    for (const [id, { job }] of this.waiting) if ((await job.getState()) === 'unknown') gone.add(id)
    for (const id of gone) {
      const waiting = this.missing.has(id) ? this.waiting.get(id) : undefined
      if (!waiting) continue
      this.waiting.delete(id)
      waiting.reject(lostPart(`${waiting.part.host}: the queue lost its job`))
    }
    this.missing = gone
  }

  private breakOff(error: unknown): void {
    const message = `the queue broke: ${error instanceof Error ? error.message : error}`
    for (const [id, { reject }] of this.waiting) {
      this.waiting.delete(id)
      reject(lostPart(message))
    }
  }
}

/** For connections that wait for something to come. */
const blocking = { commandTimeout: undefined, lazyConnect: false }

function lostPart(message: string): ProvisionError {
  return new ProvisionError({
    code: 'unreachable',
    message,
    hint: 'Run it again: what is done already stays done, and handlers that wait are marked on the host.',
  })
}

const notBegun: PartResult = {
  recap: { ok: 0, changed: 0, failed: 0, skipped: 0, ignored: 0, unknown: 0, unreachable: false, requests: 0 },
  outcome: 'interrupted',
}
