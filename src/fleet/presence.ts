// Which workers are there, with which project. A worker that stops renewing its entry is gone when its lease ends.
import type { Redis } from 'ioredis'
import { forgetAfter, keys, serverTime } from './connection.ts'
import { differencesOf, type Project } from './project.ts'

/** A worker as others see it. */
export interface WorkerEntry {
  /** Host name, process id and a random end: unique. */
  readonly name: string
  readonly digest: string
}

/** Tells that a worker is there, for one lease. */
export async function announce(
  redis: Redis,
  entry: WorkerEntry,
  project: Project,
  leaseSeconds: number,
): Promise<void> {
  const until = (await serverTime(redis)) + leaseSeconds * 1000
  await redis
    .multi()
    .zadd(keys.workers, until, JSON.stringify(entry))
    .set(keys.project(entry.digest), JSON.stringify(project.parts), 'EX', forgetAfter)
    .exec()
}

/** Tells that a worker leaves. */
export async function withdraw(redis: Redis, entry: WorkerEntry): Promise<void> {
  await redis.zrem(keys.workers, JSON.stringify(entry))
}

/** The workers that are there, with any project; forgets those whose lease ended. */
export async function presentWorkers(redis: Redis): Promise<WorkerEntry[]> {
  const now = await serverTime(redis)
  await redis.zremrangebyscore(keys.workers, '-inf', `(${now}`)
  const entries = await redis.zrangebyscore(keys.workers, now, '+inf')
  return entries.map((entry) => JSON.parse(entry) as WorkerEntry) // written by announce
}

/** What another worker's project does not have in common with ours. */
export async function differencesTo(redis: Redis, digest: string, ours: Project): Promise<string[]> {
  const parts = await redis.get(keys.project(digest))
  return parts === null ? [] : differencesOf(ours.parts, JSON.parse(parts) as Project['parts']) // written by announce
}
