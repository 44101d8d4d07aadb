// What a worker tells a run, in order and without waiting for the network at each event.
import type { Redis } from 'ioredis'
import { forgetAfter, keys } from './connection.ts'
import { type HostEvent, type Part, type PartResult, renderMessage } from './messages.ts'

/** One attempt at a part, as it is told to the run. */
export interface Outbox {
  readonly emit: (event: HostEvent) => void
  /** Sends what is left and the result, and marks the part as done, all at once. */
  readonly end: (result: PartResult) => Promise<void>
}

export interface Sender {
  readonly redis: Redis
  /** Name of the worker. */
  readonly worker: string
  /** Folder of the project. */
  readonly project: string
}

export function makeOutbox({ redis, worker, project }: Sender, part: Part, attempt: number): Outbox {
  const about = { part: part.id, attempt, worker }
  const stream = keys.messages(part.run)
  let events: HostEvent[] = []
  let sending: Promise<void> | undefined
  const take = (): string => {
    const message = renderMessage({ kind: 'events', ...about, events }, project)
    events = []
    return message
  }
  const send = async (): Promise<void> => {
    while (events.length > 0) {
      await redis.multi().xadd(stream, '*', 'message', take()).expire(stream, forgetAfter).exec()
    }
    sending = undefined
  }
  return {
    emit: (event) => {
      events.push(event)
      // a queue that is away is noticed by the lease; the part is done again then
      sending ??= send().catch(() => undefined)
    },
    end: async (result) => {
      await sending
      const answer = await redis
        .multi()
        .xadd(stream, '*', 'message', take())
        .xadd(stream, '*', 'message', renderMessage({ kind: 'result', ...about, result }, project))
        .sadd(keys.done(part.run), part.id)
        .expire(keys.done(part.run), forgetAfter)
        .exec()
      for (const [error] of answer ?? []) if (error) throw error
    },
  }
}
