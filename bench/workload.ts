// What a workload is. Each file in bench/workloads/ whose default export is a workload is found by its place alone: adding one
// edits no other file. It measures with `context.measure`, hands each run to `context.record`, and the report makes a table
// of each of its cases.
import type { Contestant } from './contestants/contestant.ts'
import type { BenchHosts, Image } from './hosts.ts'
import type { Result, ResultEntry } from './results.ts'

/** One question to the contestants. */
export interface Workload {
  /** Its name on the command line. */
  readonly name: string
  /** The heading of its section in docs/performance.md. */
  readonly title: string
  /** What is measured, in a few sentences of Markdown. */
  readonly describe: string
  /** What limits the numbers, in Markdown. */
  readonly limits: string
  /** Its tables in their order: the name of the case, which is in each result, and the heading of its table. */
  readonly cases: Readonly<Record<string, string>>
  /** The contestant that the others are compared with. @default 'floor' */
  readonly base?: string
  /** About how long it takes with the default number of rounds on two cores, in minutes. */
  readonly minutes: number
  /** Measures and records; rejects only if the harness itself is broken, a contestant that fails is a result. */
  readonly run: (context: BenchContext) => Promise<void>
}

/** What a workload is given. */
export interface BenchContext {
  /** How many rounds to measure: what the workload wishes, or fewer if the user asked for fewer. */
  readonly rounds: (wished: number) => number
  /** The contestants of these names that are wanted and can run here, in this order; the others are left out with a word. */
  readonly choose: (names: readonly string[]) => Promise<readonly Contestant[]>
  /** Brings up fresh hosts; the caller closes them. */
  readonly openHosts: (count: number, image: Image) => Promise<BenchHosts>
  /** Keeps a result and shows it. */
  readonly record: (entry: ResultEntry) => Promise<Result>
  /** An absolute path of a folder for the files of one contestant or workload; kept between runs. */
  readonly folder: (name: string) => Promise<string>
  /** Tells the user something. */
  readonly say: (message: string) => void
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal
}

export function isWorkload(value: unknown): value is Workload {
  return typeof value === 'object' && value !== null && 'cases' in value && 'run' in value
}
