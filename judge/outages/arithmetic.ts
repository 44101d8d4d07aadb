// What a list of attempts says of an outage. Pure: times in milliseconds, in whatever clock the attempts have.
import type { Attempt } from './client.ts'

/** What one kind of request went through in a span of time. */
export interface Interruption {
  readonly attempts: number
  readonly failed: number
  /** The longest time without any success, in milliseconds. */
  readonly gap: number
  /** The longest that a request took which succeeded, in milliseconds. */
  readonly slowest: number
}

/** Of one kind of request, what was started (counts) and what succeeded (gap) from one time to another. */
export function interruptionOf(
  attempts: readonly Attempt[],
  kind: Attempt['kind'],
  from: number,
  to: number,
): Interruption {
  const own = attempts.filter((attempt) => attempt.kind === kind)
  const started = own.filter((attempt) => attempt.started >= from && attempt.started < to)
  const successes = started.filter(({ failure }) => failure === undefined)
  return {
    attempts: started.length,
    failed: started.length - successes.length,
    gap: longestGap(
      own.filter(({ failure }) => failure === undefined).map(({ ended }) => ended),
      from,
      to,
    ),
    slowest: Math.max(0, ...successes.map((attempt) => attempt.ended - attempt.started)),
  }
}

/**
 * The longest time without a success in a span: from one success to the next, where the first may lie before the span,
 * and the end of the span counts as the last.
 */
export function longestGap(successes: readonly number[], from: number, to: number): number {
  const before = Math.max(...successes.filter((time) => time < from))
  const inside = successes.filter((time) => time >= from && time <= to).sort((one, other) => one - other)
  const marks = [Number.isFinite(before) ? before : from, ...inside, to]
  return Math.max(0, ...marks.slice(1).map((mark, index) => mark - (marks[index] ?? mark)))
}

/** What became of the rows. */
export interface Bookkeeping {
  readonly acknowledged: number
  /** Acknowledged, and not in the table: must be none. */
  readonly lost: readonly number[]
  /** In the table more than once: must be none, for the client sends each once. */
  readonly doubled: readonly number[]
  /** Told as failed, and in the table nevertheless: the answer got lost, not the row. */
  readonly unannounced: readonly number[]
}

/** Compares what the client was told with the numbers that the table holds. */
export function bookkeepingOf(attempts: readonly Attempt[], table: readonly number[]): Bookkeeping {
  const writes = attempts.filter(({ kind }) => kind === 'write')
  const acknowledged = writes.filter(({ failure }) => failure === undefined).map(({ number }) => number)
  const counts = new Map<number, number>()
  for (const number of table) counts.set(number, (counts.get(number) ?? 0) + 1)
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((number) => !counts.has(number)),
    doubled: [...counts].filter(([, count]) => count > 1).map(([number]) => number),
    unannounced: writes
      .filter(({ failure, number }) => failure !== undefined && counts.has(number))
      .map(({ number }) => number),
  }
}

/** The oldest picture that a reader was given, in milliseconds: a row was acknowledged that long before a read began that did not show it. */
export function stalestRead(attempts: readonly Attempt[]): number {
  const acknowledged = attempts
    .filter(({ kind, failure }) => kind === 'write' && failure === undefined)
    .sort((one, other) => one.number - other.number)
  let stalest = 0
  for (const { kind, failure, newest, started } of attempts) {
    if (kind !== 'read' || failure !== undefined || newest === undefined) continue
    const missing = acknowledged.find((row) => row.number > newest && row.ended < started)
    if (missing) stalest = Math.max(stalest, started - missing.ended)
  }
  return stalest
}

/** Failures by what was said, the most frequent first. */
export function reasonsOf(attempts: readonly Attempt[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const { failure } of attempts) if (failure !== undefined) counts.set(failure, (counts.get(failure) ?? 0) + 1)
  return [...counts].sort(([, one], [, other]) => other - one)
}
