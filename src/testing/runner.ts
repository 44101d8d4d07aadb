// Runs plays and keeps what happened, for tests: of this project and of users' roles.
import type { RunEvent } from '../core/events.ts'
import type { RunRequest, RunResult } from '../engine/run.ts'
import { run } from '../engine/run.ts'

/** A finished run with all its events. */
export interface Ran {
  readonly result: RunResult
  readonly events: readonly RunEvent[]
  /** `host status title` of each task's end, in order. */
  readonly log: readonly string[]
  /** All failures as text: message and detail. */
  readonly errors: readonly string[]
}

/** Runs and records. */
export async function record(request: Omit<RunRequest, 'emit'>): Promise<Ran> {
  const events: RunEvent[] = []
  const result = await run({ ...request, emit: (event) => events.push(event) })
  return {
    result,
    events,
    log: events.flatMap((event) =>
      event.type === 'task:end' ? [`${event.host} ${event.status} ${event.task.title}`] : [],
    ),
    errors: events.flatMap((event) => {
      const error = event.type === 'task:end' || event.type === 'host:unreachable' ? event.error : undefined
      return error && 'host' in event
        ? [`${event.host}: ${error.message}${error.detail ? `\n${error.detail}` : ''}`]
        : []
    }),
  }
}
