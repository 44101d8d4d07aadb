import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contestants } from '../contestants/all.ts'
import { newestOfEach, readRuns } from '../results.ts'
import type { Workload } from '../workload.ts'
import { renderPage } from './page.ts'
import { plotsOf } from './plots.ts'

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

/** Writes docs/performance.md and its plots from the results in a folder: of each workload those of the newest run. */
export async function writeReport(
  folder: string,
  workloads: readonly Workload[],
  say: (message: string) => void,
): Promise<void> {
  const runs = await readRuns(folder)
  if (runs.length === 0) throw new Error(`there are no results in ${folder}: npm run bench measures`)
  const newest = newestOfEach(runs)
  const plots = workloads.flatMap((workload) => plotsOf(workload, newest.get(workload.name)?.results ?? []))
  const pictures = join(docs, 'performance')
  await rm(pictures, { recursive: true, force: true })
  await mkdir(pictures, { recursive: true })
  for (const { file, svg } of plots) await writeFile(join(pictures, file), svg)
  await writeFile(join(docs, 'performance.md'), renderPage({ runs, workloads, contestants, plots }))
  say(`docs/performance.md and ${plots.length} plots, from ${runs.length} runs`)
}
