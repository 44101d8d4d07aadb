// One event measured: a client runs before, through and after it; then the table is read and every acknowledged row looked for.
import type { LabSite } from '../lab-site.ts'
import {
  type Bookkeeping,
  bookkeepingOf,
  type Interruption,
  interruptionOf,
  reasonsOf,
  stalestRead,
} from './arithmetic.ts'
import { type Attempt, type Client, startClient } from './client.ts'
import type { OutageEvent } from './events.ts'
import { primaryOf, sql } from './roles.ts'

/** A part of a measurement: writes and reads in it. */
export interface Phase {
  readonly name: 'before' | 'event' | 'return'
  /** Milliseconds after the event began; before it: negative. */
  readonly from: number
  readonly to: number
  readonly write: Interruption
  readonly read: Interruption
  /** At its end all requests succeeded again. */
  readonly steady: boolean
}

/** What one event did. */
export interface Measurement {
  readonly what: string
  /** The longest pause that is promised, in milliseconds. Absent: none is. */
  readonly limit?: number
  /** When it was measured. */
  readonly at: string
  /** Milliseconds between two writes, and two reads. */
  readonly every: number
  readonly phases: readonly Phase[]
  readonly rows: Bookkeeping
  /** Milliseconds. */
  readonly stalest: number
  readonly reasons: readonly (readonly [string, number])[]
  /** For the plot: what each request came to, in milliseconds after the event began. */
  readonly points: readonly Point[]
}

/** `[write?, started, ended, succeeded?]`, the flags as 0 and 1. */
export type Point = readonly [number, number, number, number]

export interface MeasureOptions {
  readonly every: number
  readonly patience: number
  /** Milliseconds of quiet before the event, and after each change of it. */
  readonly quiet: number
  /** Milliseconds that the site may take until it serves again; then it counts as one that does not. */
  readonly deadline: number
  readonly say: (message: string) => void
}

/** Measures one event on a site that is well. */
export async function measureEvent(site: LabSite, event: OutageEvent, options: MeasureOptions): Promise<Measurement> {
  const { every, patience, quiet, say } = options
  await untilWell(site, options)
  const prefix = `${event.name}-${Date.now()}`
  const client = startClient({ site: site.visitor, prefix, every, patience })
  try {
    const sound = await untilSteady(client, 0, options)
    if (!sound.steady) throw new Error(`before anything was done the site does not serve steadily: ${sound.found}`)
    const struckAt = Date.now()
    const { what, limit, heal } = await event.strike(site)
    const afterEvent = await untilSteady(client, struckAt, options)
    const healedAt = Date.now()
    if (heal) {
      await heal()
      await untilWell(site, options)
    }
    const afterReturn = heal ? await untilSteady(client, Date.now(), options) : afterEvent
    const endedAt = Date.now()
    await client.stop()
    await untilWell(site, options)
    const spans = [
      { name: 'before' as const, from: struckAt - quiet, to: struckAt, ...sound },
      { name: 'event' as const, from: struckAt, to: healedAt, ...afterEvent },
      ...(heal ? [{ name: 'return' as const, from: healedAt, to: endedAt, ...afterReturn }] : []),
    ]
    const measurement: Measurement = {
      what,
      ...(limit !== undefined && { limit }),
      at: new Date(struckAt).toISOString(),
      every,
      phases: spans.map((span) => ({
        name: span.name,
        from: span.from - struckAt,
        to: span.to - struckAt,
        steady: span.steady,
        write: interruptionOf(client.attempts, 'write', span.from, span.to),
        read: interruptionOf(client.attempts, 'read', span.from, span.to),
      })),
      rows: bookkeepingOf(client.attempts, await numbersInTable(site, prefix)),
      stalest: stalestRead(client.attempts),
      reasons: reasonsOf(client.attempts),
      points: client.attempts.map((attempt) => pointOf(attempt, struckAt)),
    }
    say(`${event.title}: ${summaryOf(measurement)}`)
    return measurement
  } finally {
    await client.stop().catch(() => undefined)
  }
}

function pointOf({ kind, started, ended, failure }: Attempt, zero: number): Point {
  return [kind === 'write' ? 1 : 0, started - zero, ended - zero, failure === undefined ? 1 : 0]
}

function summaryOf({ phases, rows }: Measurement): string {
  const event = phases.find(({ name }) => name === 'event')
  return `writes paused ${event?.write.gap} ms, reads ${event?.read.gap} ms, ${rows.acknowledged} rows acknowledged, ${rows.lost.length} lost`
}

/** Waits until all that was started in some `quiet` milliseconds after `since` has succeeded; whether it will is known when `patience` is over. */
async function untilSteady(
  client: Client,
  since: number,
  { quiet, patience, deadline, every }: MeasureOptions,
): Promise<{ steady: boolean; found: string }> {
  const begun = Date.now()
  for (;;) {
    const to = Date.now() - patience
    const from = to - quiet
    const recent = client.attempts.filter(({ started }) => started >= from && started < to)
    const reasons = reasonsOf(recent).map(([reason, count]) => `${count} × ${reason}`)
    const enough = recent.length > quiet / every // half of what should have been started: the machine may be busy
    const found = reasons.join(', ') || `${recent.length} requests in ${quiet / 1000} s`
    if (from >= since && enough && reasons.length === 0) return { steady: true, found }
    if (Date.now() - begun > deadline) return { steady: false, found }
    await pause(50)
  }
}

/** Waits until the roles' own checks say that all of the site is well. */
async function untilWell(site: LabSite, { deadline }: Pick<MeasureOptions, 'deadline'>): Promise<void> {
  const begun = Date.now()
  for (;;) {
    const { exitCode, stdout, stderr } = await site.provision('verify')
    if (exitCode === 0) return
    if (Date.now() - begun > deadline)
      throw new Error(`the site is not well within ${deadline / 1000} s:\n${stdout.slice(-3000)}${stderr.slice(-1000)}`)
    await pause(500)
  }
}

/** All numbers in the table on the primary, which is found anew: it may be another than before. */
async function numbersInTable(site: LabSite, prefix: string): Promise<number[]> {
  const text = await site.must(await primaryOf(site), sql(`SELECT text FROM app.notes WHERE text LIKE '${prefix}-%'`))
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(line.slice(prefix.length + 1)))
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
