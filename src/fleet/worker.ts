// A worker: takes parts of runs off the queue and does them, one host and one play each. BullMQ renews the lease of what is
// being done; a worker that dies stops renewing, and another takes its parts up again. What a worker may do at all is
// decided by its own checkout: a job only names a host, a play and tags.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Job, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { Emit } from '../core/events.ts'
import type { QueueAddress } from './address.ts'
import { keyPrefix, keys, openRedis, queueName } from './connection.ts'
import { type Part, type PartResult, renderMessage } from './messages.ts'
import { makeOutbox } from './outbox.ts'
import { loadPackages, type Packages } from './packages.ts'
import { aborted, pause } from './pause.ts'
import { announce, type WorkerEntry, withdraw } from './presence.ts'
import type { Project } from './project.ts'
import { retries } from './run-queue.ts'

/** How a part is done. */
export interface Signals {
  readonly emit: Emit
  readonly stop: AbortSignal
  readonly giveUp: AbortSignal
}

export interface WorkerRequest {
  readonly address: QueueAddress
  readonly project: Project
  /** Parts at a time. */
  readonly concurrency: number
  /** Seconds without a sign of life after which others take this worker's parts. */
  readonly leaseSeconds: number
  /** Throws if this worker cannot work for a run, before it touches any host for it. */
  readonly prepare: (part: Part) => Promise<void>
  readonly perform: (part: Part, signals: Signals) => Promise<PartResult>
  /** Something to show. */
  readonly say: (message: string) => void
  /** Take nothing more, finish what runs. */
  readonly drain: AbortSignal
  /** Kill what runs and give it back to the queue. */
  readonly quit: AbortSignal
}

/** A part that is being done. */
interface Doing {
  readonly part: Part
  readonly stop: AbortController
  readonly giveUp: AbortController
  /** The lease is lost or the worker ends: somebody else does it. */
  abandoned: boolean
}

/** Works until it is told to stop; throws a ProvisionError if it cannot go on. */
export async function work(request: WorkerRequest): Promise<void> {
  const packages = await loadPackages()
  const redis = await openRedis(packages, request.address)
  try {
    await new FleetWorker(request, packages, redis).run()
  } finally {
    redis.disconnect()
  }
}

class FleetWorker {
  private readonly request: WorkerRequest
  private readonly packages: Packages
  private readonly redis: Redis
  private readonly entry: WorkerEntry
  private readonly worker: Worker<Part>
  private readonly doing = new Map<string, Doing>()
  private readonly ending = new AbortController()
  private failure: ProvisionError | undefined
  /** The queue cannot be reached any more. */
  private broken = false

  constructor(request: WorkerRequest, packages: Packages, redis: Redis) {
    this.request = request
    this.packages = packages
    this.redis = redis
    this.entry = {
      name: `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`,
      digest: request.project.digest,
    }
    const lease = request.leaseSeconds * 1000
    this.worker = new packages.bullmq.Worker<Part>(
      queueName(request.project.digest),
      (job, token) => this.take(job, token),
      {
        connection: { ...request.address.options, maxRetriesPerRequest: null },
        prefix: keyPrefix,
        name: this.entry.name,
        autorun: false,
        concurrency: request.concurrency,
        lockDuration: lease,
        stalledInterval: lease,
        maxStalledCount: retries,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    )
  }

  async run(): Promise<void> {
    const { address, drain, leaseSeconds, project, quit, say } = this.request
    this.worker.on('error', (error) => say(`queue: ${error.message}`))
    this.worker.on('lockRenewalFailed', (ids) => this.abandon(ids, 'the lease was lost'))
    await this.worker.waitUntilReady()
    await announce(this.redis, this.entry, project, leaseSeconds)
    say(`worker ${this.entry.name} takes up to ${this.request.concurrency} hosts at a time from ${address.title}`)
    const running = this.worker.run()
    const finished = new AbortController()
    const loops = [this.renew(finished.signal), this.watchRuns(finished.signal)]
    const end = (): void => this.ending.abort()
    const abandonAll = (): void => this.abandon([...this.doing.keys()], 'this worker was told to quit')
    drain.addEventListener('abort', end)
    quit.addEventListener('abort', abandonAll)
    try {
      await aborted(AbortSignal.any([drain, this.ending.signal]))
      if (this.doing.size > 0) say(`finishing ${this.doing.size} of its hosts, taking no more`)
      await this.worker.close(this.broken)
      if (!this.broken) await running
    } finally {
      drain.removeEventListener('abort', end)
      quit.removeEventListener('abort', abandonAll)
      finished.abort()
      await Promise.all(loops)
      if (!this.broken) await withdraw(this.redis, this.entry).catch(() => undefined)
    }
    if (this.failure) throw this.failure
  }

  /** Does one part, unless it is done, its run is over, or this worker cannot work for it. */
  private async take(job: Job<Part>, token: string | undefined): Promise<void> {
    const part = job.data
    const id = job.id ?? part.id
    if (await this.redis.sismember(keys.done(part.run), part.id)) return
    const state = await this.redis.get(keys.state(part.run))
    if (state === null) return // nobody waits for it
    try {
      await this.request.prepare(part)
    } catch (error) {
      await this.leave(part, asProvisionError(error))
      return this.giveBack(job, token)
    }
    const doing: Doing = { part, stop: new AbortController(), giveUp: new AbortController(), abandoned: false }
    this.doing.set(id, doing)
    try {
      this.apply(doing, state)
      const outbox = makeOutbox(
        { redis: this.redis, worker: this.entry.name, project: this.request.project.root },
        part,
        job.attemptsStarted,
      )
      const result = await this.request.perform(part, {
        stop: doing.stop.signal,
        giveUp: doing.giveUp.signal,
        emit: (event) => {
          if ('host' in event && event.host !== undefined) outbox.emit({ ...event, host: event.host })
        },
      })
      if (doing.abandoned) return await this.giveBack(job, token)
      await outbox.end(result)
      this.request.say(`${part.host} · play ${part.play + 1}: ${result.outcome}`)
    } finally {
      this.doing.delete(id)
    }
  }

  /** Puts a part back on the queue for another worker; that is no failure of it. */
  private async giveBack(job: Job<Part>, token: string | undefined): Promise<void> {
    await job.moveToWait(token)
    throw new this.packages.bullmq.WaitingError()
  }

  /** Tells the run why, and ends. */
  private async leave(part: Part, error: ProvisionError): Promise<void> {
    this.failure ??= error
    await this.worker.pause(true)
    const message = renderMessage({ kind: 'left', worker: this.entry.name, error }, this.request.project.root)
    await this.redis.xadd(keys.messages(part.run), '*', 'message', message)
    this.ending.abort()
  }

  private abandon(ids: readonly string[], why: string): void {
    for (const id of ids) {
      const doing = this.doing.get(id)
      if (!doing) continue
      this.request.say(`${doing.part.host} · play ${doing.part.play + 1}: given up, ${why}`)
      doing.abandoned = true
      doing.giveUp.abort()
    }
  }

  private apply(doing: Doing, state: string | null): void {
    if (state !== 'running' && !doing.stop.signal.aborted) {
      const why = state === null ? 'nobody waits for its run any more' : 'its run was stopped'
      this.request.say(`${doing.part.host} · play ${doing.part.play + 1}: stops after its running step, ${why}`)
      doing.stop.abort()
    }
    if (state === 'giveUp') doing.giveUp.abort()
  }

  /** Announces this worker as long as it does anything. */
  private async renew(finished: AbortSignal): Promise<void> {
    const { address, leaseSeconds, project } = this.request
    while (!finished.aborted) {
      await pause((leaseSeconds * 1000) / 3, finished)
      try {
        if (!finished.aborted) await announce(this.redis, this.entry, project, leaseSeconds)
      } catch (cause) {
        this.broken = true
        this.abandon([...this.doing.keys()], 'the queue cannot be reached')
        const message = `the queue ${address.title} cannot be reached any more`
        this.failure ??= new ProvisionError({ code: 'input', message, cause })
        this.ending.abort()
        return
      }
    }
  }

  /** Stops what runs for a run that is stopped, or that nobody waits for any more. */
  private async watchRuns(finished: AbortSignal): Promise<void> {
    while (!finished.aborted) {
      await pause(500, finished)
      for (const run of new Set([...this.doing.values()].map(({ part }) => part.run))) {
        const state = await this.redis.get(keys.state(run)).catch(() => 'running')
        for (const doing of this.doing.values()) if (doing.part.run === run) this.apply(doing, state)
      }
    }
  }
}
