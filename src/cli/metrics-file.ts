import { accessSync, constants, statSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pid } from 'node:process'
import { ProvisionError } from '../core/error.ts'
import { type RoundMetrics, renderMetrics } from '../report/metrics.ts'
import type { Io } from './io.ts'

/** Throws if the file could not be written, or would not be read. */
export function checkMetricsFile({ cwd }: Io, file: string): void {
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'input', message: `--metrics ${file}: ${message}`, hint })
  }
  if (!file.endsWith('.prom'))
    fail("expected a name that ends in .prom: node_exporter's textfile collector reads no other")
  const folder = dirname(resolve(cwd, file))
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    fail(`the folder ${folder} does not exist`, 'Name a file in the folder of --collector.textfile.directory.')
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    fail(`the folder ${folder} cannot be written to`)
  }
}

/** Replaces the file whole; a reader never sees half of it. Like all metrics it is open to every user of this machine. */
export async function writeMetrics({ cwd, stderr }: Io, file: string, metrics: RoundMetrics): Promise<void> {
  const path = resolve(cwd, file)
  const temporary = `${path}.${pid}` // not *.prom, so nobody reads it
  try {
    await writeFile(temporary, renderMetrics(metrics), { mode: 0o644 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    stderr.write(`! --metrics ${file} could not be written: ${error instanceof Error ? error.message : error}\n`)
  }
}
