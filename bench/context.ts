import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contestants as allContestants } from './contestants/all.ts'
import type { Contestant } from './contestants/contestant.ts'
import { openHosts } from './hosts.ts'
import { renderLine } from './report/line.ts'
import type { Result } from './results.ts'
import type { BenchContext } from './workload.ts'

/** What the user asked for. */
export interface ContextOptions {
  readonly run: string
  readonly record: (result: Result) => Promise<void>
  /** At most so many rounds. @default what each workload wishes */
  readonly rounds: number | undefined
  /** Only these contestants. @default all */
  readonly contestants: readonly string[] | undefined
  readonly say: (message: string) => void
  readonly signal: AbortSignal
}

const scratchFolder = fileURLToPath(new URL('scratch/', import.meta.url))

/** Makes what workloads are given. */
export function makeContext({ run, record, rounds, contestants, say, signal }: ContextOptions): BenchContext {
  const prepared = new Map<string, Promise<string | undefined>>()
  const prepare = (contestant: Contestant) => {
    const known = prepared.get(contestant.name)
    if (known) return known
    const preparing = contestant.prepare()
    prepared.set(contestant.name, preparing)
    void preparing.then((reason) => reason && say(`${contestant.name} is left out: ${reason}`))
    return preparing
  }
  return {
    rounds: (wished) => Math.min(wished, rounds ?? wished),
    choose: async (names) => {
      const wanted = allContestants.filter(({ name }) => names.includes(name) && (contestants?.includes(name) ?? true))
      const able: Contestant[] = []
      for (const contestant of wanted) if ((await prepare(contestant)) === undefined) able.push(contestant)
      return able
    },
    openHosts: (count, image) => openHosts(count, image, say),
    record: async (entry) => {
      const result = { run, at: new Date().toISOString(), ...entry }
      await record(result)
      say(renderLine(result))
      return result
    },
    folder: async (name) => {
      const path = join(scratchFolder, name)
      await mkdir(path, { recursive: true })
      return path
    },
    say,
    signal,
  }
}
