// Results are lines of JSON in bench/results/, one file a run of the bench; they are only ever added to.
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What was measured in one run of one contestant. All numbers are of this run alone, over all its hosts. */
export interface Measures {
  /** Seconds. */
  readonly wall: number
  /** CPU seconds of everything that the contestant started on this machine, what it left running included. */
  readonly controllerCpu?: number | undefined
  /** CPU seconds of all hosts together. */
  readonly hostsCpu?: number | undefined
  /** The most anonymous memory that the contestant's processes held together, in bytes. */
  readonly peakMemory?: number | undefined
  /** SSH logins on all hosts. */
  readonly logins?: number | undefined
  /** SSH sessions (commands, sftp) on all hosts. */
  readonly sessions?: number | undefined
  /** How often the client spoke after the server, over all connections: what latency multiplies. Only through the delay proxy. */
  readonly turns?: number | undefined
  /** Bytes in both directions. Only through the delay proxy. */
  readonly bytes?: number | undefined
  /** What the tool itself says it changed. */
  readonly changed?: number | undefined
}

/** What a workload hands over for one run of one contestant. */
export interface ResultEntry extends Measures {
  readonly workload: string
  /** One of the workload's cases. */
  readonly case: string
  readonly contestant: string
  readonly hosts: number
  /** From 0. */
  readonly round: number
  /** Undefined: it worked, and the judge agrees where it looked. Else a sentence. */
  readonly failure?: string | undefined
}

/** A result as it is kept. */
export interface Result extends ResultEntry {
  /** The bench run that it belongs to. Ratios are made within one run only. */
  readonly run: string
  /** When, as ISO time. */
  readonly at: string
}

/** The machine and the versions of one bench run: the first line of its file. */
export interface RunHeader {
  readonly run: string
  readonly processor: string
  readonly cores: number
  readonly memory: number
  readonly kernel: string
  /** Processes that wanted a core in the minute before the run began: other work that was going on. */
  readonly load: number
  readonly versions: Readonly<Record<string, string>>
  readonly options: string
}

/** One file of results. */
export interface RunFile {
  readonly header: RunHeader
  readonly results: readonly Result[]
}

/** Starts a file of results. */
export async function startRun(folder: string, header: RunHeader): Promise<(result: Result) => Promise<void>> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${header.run}.jsonl`)
  await appendFile(file, `${JSON.stringify(header)}\n`)
  return async (result) => await appendFile(file, `${JSON.stringify(result)}\n`)
}

/** All runs, oldest first. */
export async function readRuns(folder: string): Promise<readonly RunFile[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort()
  return await Promise.all(names.map(async (name) => parseRun(await readFile(join(folder, name), 'utf8'))))
}

/** Reads one file of results. */
export function parseRun(text: string): RunFile {
  const [header, ...results] = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
  return { header: header as RunHeader, results: results as Result[] } // our own file, written a whole line at a time
}

/** For each workload the results of the newest run that has any: a report of them never mixes two runs in one table. */
export function newestOfEach(runs: readonly RunFile[]): ReadonlyMap<string, RunFile> {
  const newest = new Map<string, RunFile>()
  for (const { header, results } of runs) {
    for (const workload of new Set(results.map((result) => result.workload))) {
      newest.set(workload, { header, results: results.filter((result) => result.workload === workload) })
    }
  }
  return newest
}
