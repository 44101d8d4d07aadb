// The connection to Redis or Valkey, and the names of everything that is kept there.
import type { Redis } from 'ioredis'
import { ProvisionError } from '../core/error.ts'
import type { QueueAddress } from './address.ts'
import type { Packages } from './packages.ts'

/** Begins every key, those of BullMQ too. */
export const keyPrefix = 'hostwright'

/** The queue of a project: workers with another project never see its jobs. */
export const queueName = (digest: string): string => `fleet-${digest}`

/** The keys beside the queue's own. */
export const keys = {
  /** Workers by the server's time (ms) at which their lease ends. */
  workers: `${keyPrefix}:workers`,
  project: (digest: string) => `${keyPrefix}:project:${digest}`,
  /** `running`, `stop` or `giveUp`; it expires when the coordinator is gone. */
  state: (run: string) => `${keyPrefix}:run:${run}:state`,
  /** A stream of messages to the coordinator. */
  messages: (run: string) => `${keyPrefix}:run:${run}:messages`,
  /** A set of parts that have their result. */
  done: (run: string) => `${keyPrefix}:run:${run}:done`,
}

/** Seconds after which what a run left behind goes by itself. */
export const forgetAfter = 24 * 3600

/** Connects, once and without trying again, so that a wrong address is told at once; later losses are mended. */
export async function openRedis({ Redis }: Packages, address: QueueAddress): Promise<Redis> {
  let trying = true
  let last: Error | undefined
  const redis = new Redis({
    ...address.options,
    lazyConnect: true,
    connectTimeout: 10_000,
    // a queue that is away for longer than this counts as broken
    commandTimeout: 30_000,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (trying ? null : Math.min(times * 200, 2000)),
  })
  redis.on('error', (error) => {
    last = error
  })
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    redis.disconnect()
    throw unreachable(address, last ?? error)
  }
  trying = false
  return redis
}

function unreachable(address: QueueAddress, error: unknown): ProvisionError {
  const message = error instanceof Error ? error.message : String(error)
  const refused = /NOAUTH|WRONGPASS|NOPERM|AUTH/.test(message)
  return new ProvisionError({
    code: 'input',
    message: `the queue ${address.title} cannot be used: ${message}`,
    hint: refused
      ? 'Set PROVISION_QUEUE_PASSWORD, or PROVISION_QUEUE_PASSWORD_FILE to a file that holds it.'
      : undefined,
    cause: error,
  })
}

/** The server's own time in milliseconds: leases must not depend on clocks that differ. */
export async function serverTime(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time()
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}
