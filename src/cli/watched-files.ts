// The files that a round rests on, and the wait until one of them is another. They are looked at again and again instead of
// being listened to: that sees editors that save by renaming, files that are not there yet, and network file systems, and
// costs a millisecond for some hundred files.
import { setTimeout as delay } from 'node:timers/promises'
import { type FileStamp, isUnchanged, stampOf } from '../inventory/file-stamp.ts'

/** Files and folders, each as it was when it was read. */
export class WatchedFiles {
  private readonly stamps = new Map<string, FileStamp>()

  /** Watches a file or folder as it is now; one that is watched already keeps its place. */
  note(path: string): void {
    if (!this.stamps.has(path)) this.stamps.set(path, stampOf(path))
  }

  /** Watches what others watch too, as it was for them. */
  noteAll(others: WatchedFiles): void {
    for (const [path, stamp] of others.stamps) if (!this.stamps.has(path)) this.stamps.set(path, stamp)
  }

  paths(): string[] {
    return [...this.stamps.keys()]
  }

  /** Those that are no longer as they were. */
  changed(): string[] {
    return [...this.stamps.values()].filter((stamp) => !isUnchanged(stamp)).map(([path]) => path)
  }
}

export interface WaitOptions {
  /** Milliseconds until the next round is due whatever happens; may be Infinity. */
  readonly interval: number
  readonly signal: AbortSignal
}

/** Milliseconds between two looks, at least. */
const between = 250
/** Looking takes at most one part in so many of the time. */
const share = 50
/** Milliseconds that files must rest before a round begins: an editor or git writes many. */
const quiet = 100
const mostQuietLooks = 20

/** Waits until files changed and rest, and gives them; none if the interval is over or the signal came. */
export async function untilChange(files: WatchedFiles, { interval, signal }: WaitOptions): Promise<readonly string[]> {
  const due = performance.now() + interval
  const pause = (milliseconds: number) => delay(milliseconds, undefined, { signal }).catch(() => undefined)
  while (!signal.aborted) {
    const started = performance.now()
    const changed = files.changed()
    if (changed.length > 0) return await rested(files, changed, pause)
    const now = performance.now()
    if (now >= due) return []
    await pause(Math.min(Math.max(between, (now - started) * share), due - now))
  }
  return []
}

async function rested(
  files: WatchedFiles,
  first: readonly string[],
  pause: (milliseconds: number) => Promise<unknown>,
): Promise<readonly string[]> {
  let before = describe(first)
  for (let look = 0; look < mostQuietLooks; look++) {
    await pause(quiet)
    const changed = files.changed()
    const now = describe(changed)
    if (now === before) return changed
    before = now
  }
  return files.changed()
}

function describe(paths: readonly string[]): string {
  return JSON.stringify(paths.map(stampOf))
}
