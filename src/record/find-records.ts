// The records in `.provision/runs`: listed, read, removed when there are too many.
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { RecordedEvent, RunDescription, RunRecord } from '../core/run-record.ts'
import { nearest } from '../core/schema.ts'
import { recordId } from './record-id.ts'

/** Ids of all records, the newest first. */
export function listRecords(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => recordId.test(name))
    .sort()
    .reverse()
}

/** Removes the oldest until so many are left. */
export async function removeOldRecords(folder: string, keep: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => recordId.test(name)).sort()
  for (const name of names.slice(0, Math.max(0, names.length - keep)))
    await rm(join(folder, name), { recursive: true, force: true })
}

/** The id that a word stands for: `last`, an id, or the beginning of one; throws for none and for several. */
export function findRecord(folder: string, word: string): string {
  const ids = listRecords(folder)
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'input', message, hint })
  }
  const [newest] = ids
  if (newest === undefined) return fail(`no record of a run in ${folder}`, 'Every run leaves one; run provision first.')
  if (word === 'last') return newest
  const found = ids.filter((id) => id.startsWith(word))
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  if (first !== undefined)
    return fail(`'${word}' is the beginning of ${found.length} runs: ${found.slice(0, 5).join(', ')}`)
  const near = nearest(word, ids)
  return fail(`no run '${word}' in ${folder}`, near ? `Did you mean ${near}?` : 'provision report --list shows them.')
}

/** The description of a run; undefined if there is none that can be read. */
export function readDescription(folder: string, id: string): RunDescription | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, id, 'meta.json'), 'utf8')) as RunDescription // written by us, whole or not at all
  } catch {
    return undefined
  }
}

/** A whole record. The last line may be half a line, if the run was killed. */
export function readRecord(folder: string, id: string): RunRecord {
  const description = readDescription(folder, id)
  if (!description)
    throw new ProvisionError({ code: 'input', message: `${join(folder, id, 'meta.json')} cannot be read as JSON` })
  return { description, events: readEvents(join(folder, id, 'events.jsonl')) }
}

function readEvents(file: string): RecordedEvent[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return [] // killed before the first event was written
  }
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as RecordedEvent] // written by us
    } catch {
      return []
    }
  })
}

/** The hosts that failed or were out of reach. */
export function failedHosts({ description, events }: RunRecord): string[] {
  const failed = new Set<string>()
  for (const [name, host] of Object.entries(description.hosts ?? {}))
    if (host.failed > 0 || host.unreachable) failed.add(name)
  for (const event of events) {
    if (event.type === 'host:unreachable' || (event.type === 'task:end' && event.status === 'failed'))
      failed.add(event.host)
  }
  return [...failed]
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
