// Which record a run leaves.
import { relative, resolve } from 'node:path'
import type { RunDescription } from '../core/run-record.ts'
import { gitRevision } from '../record/git-revision.ts'
import { makeRecordId } from '../record/record-id.ts'
import { createRecord, type RecordReport } from '../record/write-record.ts'
import type { Io } from './io.ts'
import type { PreparedRun, PrepareOptions } from './prepare-run.ts'

/** How many records stay if nobody says. */
export const keptRuns = 50

export interface RecordedRun {
  readonly command: RunDescription['command']
  readonly playbook: string
  readonly check: boolean
  readonly options: PrepareOptions & { readonly keepRuns?: number | undefined }
  readonly request: PreparedRun['request']
}

/** Where the records of runs in this folder are. */
export function recordsFolder({ cwd }: Pick<Io, 'cwd'>): string {
  return resolve(cwd, '.provision/runs')
}

/** A playbook or inventory as records name it. */
export function recordedName({ cwd }: Pick<Io, 'cwd'>, file: string): string {
  return relative(cwd, resolve(cwd, file))
}

/** The record of a run; undefined if none is wished. */
export function openRecord(
  io: Io,
  { command, playbook, check, options, request }: RecordedRun,
): RecordReport | undefined {
  const { keepRuns: keep = keptRuns } = options
  if (keep === 0) return undefined
  const started = new Date()
  const redact = (texts: readonly string[] | undefined) => texts?.map((text) => request.secrets.redact(text))
  const names = Object.entries(request.extraVars).flatMap(([role, vars]) =>
    Object.keys(vars).map((name) => `${role}.${name}`),
  )
  return createRecord({
    folder: recordsFolder(io),
    cwd: io.cwd,
    keep,
    onlyNews: command === 'watch',
    now: () => performance.now(),
    onTrouble: (why) => io.stderr.write(`! no whole record of this run: ${why}\n`),
    description: {
      id: makeRecordId(started),
      command,
      playbook: recordedName(io, playbook),
      inventory: recordedName(io, options.inventory),
      check,
      limit: options.limit,
      tags: redact(options.tags),
      skipTags: redact(options.skipTags),
      ...(names.length > 0 && { extraVars: names }),
      revision: gitRevision(io.cwd),
      started: started.toISOString(),
      groups: Object.fromEntries(request.inventory.hosts.map((host) => [host.name, host.groups])),
    },
  })
}
