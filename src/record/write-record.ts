// The record of a run, written while it goes on: a folder with meta.json and events.jsonl, for its owner only. The events
// come with secrets hidden already. A run must not fail because its record cannot be written.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { appendFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asProvisionError } from '../core/error.ts'
import type { RunEvent } from '../core/events.ts'
import type { RecordOutcome, RunDescription } from '../core/run-record.ts'
import { plainError, plainEvent } from '../report/json.ts'
import type { Report } from '../report/report.ts'
import { removeOldRecords } from './find-records.ts'

export interface RecordOptions {
  /** `.provision/runs`. */
  readonly folder: string
  readonly description: Omit<RunDescription, 'ended' | 'outcome' | 'hosts'>
  /** Places are written relative to it. */
  readonly cwd: string
  /** How many records stay, this one included. */
  readonly keep: number
  /** Leave a record only if something happens that is no `ok`. @default false */
  readonly onlyNews?: boolean | undefined
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Told once, at the end, why there is no record or only a part of one. */
  readonly onTrouble: (why: string) => void
}

export interface RecordReport extends Report {
  /** How the run ended; call it before `end`. */
  readonly setOutcome: (outcome: RecordOutcome) => void
}

/** Milliseconds that events may wait to be written; what is lost of a run that is killed. */
const patience = 200
/** Characters that are written without waiting. */
const fullBuffer = 1 << 17
/** Characters of commands' output that a record takes. */
const mostOutput = 1 << 23

/** A report that leaves a record. */
export function createRecord(options: RecordOptions): RecordReport {
  const { description, cwd } = options
  const folder = join(options.folder, description.id)
  const events = join(folder, 'events.jsonl')
  const started = options.now()
  let lines: string[] = []
  // a start is worth its line only if its end does not follow at once; a killed run shows by it what was running
  const starts = new Map<string, () => string>()
  let waiting = 0
  let output = 0
  let open = false
  let trouble: string | undefined
  let outcome: RecordOutcome | undefined
  let recap: RunDescription['hosts']
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const fail = (error: unknown): void => {
    trouble ??= error instanceof Error ? error.message : String(error)
  }
  const openFolder = (): void => {
    open = true
    try {
      const made = mkdirSync(options.folder, { recursive: true, mode: 0o700 })
      const home = dirname(options.folder)
      if (made === home) writeFileSync(join(home, '.gitignore'), '*\n')
      mkdirSync(folder, { mode: 0o700 })
      writeFileSync(join(folder, 'meta.json'), render(description), { mode: 0o600 })
    } catch (error) {
      fail(error)
    }
  }
  const takeLines = (): string => {
    clearTimeout(timer)
    timer = undefined
    for (const line of starts.values()) lines.push(line())
    starts.clear()
    const text = lines.join('')
    lines = []
    waiting = 0
    return text
  }
  const flush = (): void => {
    const text = takeLines()
    if (text === '' || trouble !== undefined) return
    writing = writing.then(() => appendFile(events, text, { mode: 0o600 })).catch(fail)
  }
  const lineOf = (value: object, at = Math.round(options.now() - started)): string =>
    `${JSON.stringify({ at, ...value })}\n`
  const schedule = (): void => {
    if (!open) return
    if (waiting > fullBuffer) flush()
    else timer ??= setTimeout(flush, patience).unref()
  }
  const add = (value: object, isNews: boolean): void => {
    if (!open && (isNews || !options.onlyNews)) openFolder()
    const line = lineOf(value)
    lines.push(line)
    waiting += line.length
    schedule()
  }

  return {
    emit: (event) => {
      if (event.type === 'task:output') {
        output += event.text.length
        if (output > mostOutput) return
      }
      if (event.type === 'recap') recap = event.hosts
      if (event.type === 'task:start') {
        const at = Math.round(options.now() - started)
        starts.set(event.host, () => lineOf(plainEvent(event, { cwd }), at))
        schedule()
        return
      }
      if (event.type === 'task:end') starts.delete(event.host)
      add(plainEvent(event, { cwd, diff: true }), isNews(event))
    },
    fail: (thrown) => {
      outcome = 'error'
      add({ type: 'error', error: plainError(asProvisionError(thrown), cwd) }, true)
    },
    setOutcome: (value) => {
      outcome = value
    },
    end: async () => {
      if (!open) return
      flush()
      await writing
      if (trouble === undefined) {
        const ended = { ...description, ended: new Date().toISOString(), outcome, hosts: recap }
        const file = join(folder, 'meta.json')
        await writeFile(`${file}.new`, render(ended), { mode: 0o600 })
          .then(() => rename(`${file}.new`, file))
          .then(() => removeOldRecords(options.folder, options.keep))
          .catch(fail)
      }
      if (trouble !== undefined) options.onTrouble(trouble)
    },
    abandon: () => {
      const text = takeLines()
      if (!open || trouble !== undefined) return
      try {
        appendFileSync(events, text, { mode: 0o600 })
      } catch {
        // the process ends now; nobody could do anything about it
      }
    },
  }
}

function isNews(event: RunEvent): boolean {
  if (event.type === 'host:unreachable') return true
  return event.type === 'task:end' && event.status !== 'ok' && event.status !== 'skipped'
}

function render(description: RunDescription): string {
  return `${JSON.stringify(description, undefined, 2)}\n`
}
