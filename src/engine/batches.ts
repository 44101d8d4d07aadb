import type { Play } from '../core/play.ts'

/** Cuts hosts into batches as `serial` says: numbers or percentages of all hosts, the last size repeating; none = one batch. */
export function makeBatches<T>(hosts: readonly T[], sizes: readonly (number | string)[]): T[][] {
  if (hosts.length === 0) return []
  if (sizes.length === 0) return [[...hosts]]
  const batches: T[][] = []
  let start = 0
  for (let index = 0; start < hosts.length; index++) {
    const size = sizes[Math.min(index, sizes.length - 1)] ?? hosts.length
    const text = String(size)
    const count = text.endsWith('%') ? Math.floor((hosts.length * Number.parseInt(text, 10)) / 100) : Number(size)
    const end = start + Math.max(1, count)
    batches.push(hosts.slice(start, end))
    start = end
  }
  return batches
}

/** Runs the body for each entry, at most `limit` at a time; waits for all. */
export async function inParallel<T>(
  entries: readonly T[],
  limit: number,
  body: (entry: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < entries.length) {
      const entry = entries[next++] as T // next is below the length
      await body(entry)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, entries.length) }, worker))
}

/** By default a batch of which every host failed ends the run, as a play that cannot work should not go on to the next hosts. */
export function tooManyFailed(play: Play, hosts: number, failed: number): boolean {
  if (failed === 0) return false
  const percentage = (100 * failed) / hosts
  return play.maxFailPercentage === undefined
    ? play.serial !== undefined && percentage === 100
    : percentage > play.maxFailPercentage
}

/** `runOnce`: the first host that can be reached. */
export async function firstThatConnects<T extends { readonly connect: () => Promise<void> }>(
  hosts: readonly T[],
): Promise<readonly T[]> {
  for (const hostRun of hosts) {
    const reached = await hostRun.connect().then(
      () => true,
      () => false,
    )
    if (reached) return [hostRun]
  }
  return []
}

/** Plays that must know how each host ended before anything goes on. */
export function countsFailures(play: Play): boolean {
  return play.serial !== undefined || play.anyErrorsFatal === true || play.maxFailPercentage !== undefined
}
