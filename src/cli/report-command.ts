// `provision report`: the record of a run as a page, or the list of records.
import { writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { failedHosts, findRecord, listRecords, readDescription, readRecord } from '../record/find-records.ts'
import { renderPage } from '../report/html/page.ts'
import { exitCode, type Io } from './io.ts'
import { recordsFolder } from './open-record.ts'

export interface ReportCommandOptions {
  readonly list?: boolean | undefined
  /** `-` is stdout. */
  readonly outputFile?: string | undefined
}

/** Writes the page of a run, and prints where it is. */
export function reportCommand(io: Io, run: string, options: ReportCommandOptions): number {
  const folder = recordsFolder(io)
  if (options.list) return listRuns(io, folder)
  const id = findRecord(folder, run)
  const page = renderPage(readRecord(folder, id))
  if (options.outputFile === '-') {
    io.stdout.write(page)
    return exitCode.ok
  }
  const file = options.outputFile === undefined ? join(folder, id, 'report.html') : resolve(io.cwd, options.outputFile)
  try {
    writeFileSync(file, page, { mode: 0o600 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProvisionError({ code: 'input', message: `the report cannot be written: ${why}`, cause: error })
  }
  io.stdout.write(`${options.outputFile ?? relative(io.cwd, file)}\n`)
  return exitCode.ok
}

function listRuns(io: Io, folder: string): number {
  for (const id of listRecords(folder)) {
    const run = readDescription(folder, id)
    if (!run) continue
    const what = `${run.command}${run.check ? ' --check' : ''}`
    const bad = run.outcome === 'ok' ? [] : failedHosts(readRecord(folder, id))
    const notes = [run.playbook, ...(bad.length > 0 ? [`(${bad.join(', ')})`] : [])]
    io.stdout.write(`${id}  ${(run.outcome ?? 'unfinished').padEnd(11)}  ${what.padEnd(14)}  ${notes.join('  ')}\n`)
  }
  return exitCode.ok
}
