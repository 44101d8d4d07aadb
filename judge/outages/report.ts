// Writes docs/availability.md and its plots from the measurements in judge/results/outages.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { renderTable } from '../../bench/report/table.ts'
import { projectFolder } from '../layout.ts'
import { events } from './events.ts'
import type { Measurement, Phase } from './measure.ts'
import { renderStrips } from './plot.ts'

/** A measurement and where it was made. */
export interface StoredMeasurement extends Measurement {
  readonly layout: string
}

export const resultsFolder = `${projectFolder}judge/results/outages/`

/** The stored measurements, in the order of the events. */
export async function readMeasurements(): Promise<StoredMeasurement[]> {
  const names = await readdir(resultsFolder).catch(() => [])
  const texts = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readFile(`${resultsFolder}${name}`, 'utf8')),
  )
  const measurements = texts.map((text) => JSON.parse(text) as StoredMeasurement) // our own files
  const place = ({ event }: Measurement) => events.findIndex(({ name }) => name === event)
  return measurements.sort((one, other) => place(one) - place(other))
}

export async function writeAvailability(say: (message: string) => void): Promise<void> {
  const measurements = await readMeasurements()
  if (measurements.length === 0)
    throw new Error(`there are no measurements in ${resultsFolder}: npm run outages measures`)
  const folder = `${projectFolder}docs/availability`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const plots = plotsOf(measurements)
  for (const { file, svg } of plots) await writeFile(`${folder}/${file}`, svg)
  await writeFile(`${projectFolder}docs/availability.md`, renderAvailability(measurements, plots))
  say(`docs/availability.md, from ${measurements.length} measurements`)
}

interface Plot {
  readonly file: string
  readonly title: string
  readonly svg: string
}

/** Short interruptions and long ones need axes of their own. */
function plotsOf(measurements: readonly Measurement[]): Plot[] {
  const span = (measurement: Measurement) => {
    const event = phaseOf(measurement, 'event')
    return Math.max(event?.write.gap ?? 0, event?.read.gap ?? 0)
  }
  const groups = [
    { file: 'short.svg', title: 'The first seconds of each event', long: false },
    { file: 'long.svg', title: 'Events that take longer', long: true },
  ]
  return groups.flatMap(({ file, title, long }) => {
    const own = measurements.filter((measurement) => span(measurement) > 8000 === long)
    if (own.length === 0) return []
    const longest = Math.max(...own.map((measurement) => phaseOf(measurement, 'event')?.to ?? 0))
    return [{ file, title, svg: renderStrips(title, own, -2000, long ? longest : Math.min(longest, 12_000)) }]
  })
}

/** The page. */
export function renderAvailability(measurements: readonly StoredMeasurement[], plots: readonly Plot[]): string {
  return [
    '# Availability\n',
    'What a visitor notices when something fails, measured. This page is written by `npm run outages`; change `judge/outages/`, not this page.\n',
    introduction,
    '## What was lost, what failed, for how long\n',
    renderTable([
      ['event', ...measurements.map(({ title }) => title)],
      ['acknowledged rows lost', ...measurements.map(({ rows }) => `${rows.lost.length} of ${rows.acknowledged}`)],
      ['writes paused', ...measurements.map((one) => pauseOf(phaseOf(one, 'event'), 'write'))],
      ['reads paused', ...measurements.map((one) => pauseOf(phaseOf(one, 'event'), 'read'))],
      ['writes failed', ...measurements.map((one) => failedOf(phaseOf(one, 'event'), 'write'))],
      ['reads failed', ...measurements.map((one) => failedOf(phaseOf(one, 'event'), 'read'))],
      ['when it came back', ...measurements.map(returnOf)],
      ['oldest data read', ...measurements.map(({ stalest }) => seconds(stalest))],
    ]),
    ...plots.map(({ file, title }) => `![${title}](availability/${file})\n`),
    '## Event by event\n',
    ...measurements.map(renderEvent),
    '## How it is measured\n',
    method,
    machine(measurements),
  ].join('\n')
}

const introduction = `A row counts as acknowledged when the visitor got status 200 with its number; after each event the whole table is read on the
primary, and every acknowledged row must be in it, once. "Paused" is the longest time in which no request succeeded at all;
one of 20 to 60 ms is the ordinary rhythm.
`

const method = `A process outside the hosts sends \`POST /notes\` with a numbered row and \`GET /notes\` every 20 ms through the public address,
each over a new TLS connection, whose certificate it verifies. It never waits for an answer before it sends the next, so that a
stall is seen in full, and it repeats nothing. A request fails by any status but 200, a broken connection, or 5 s without an
answer. Before the event all must have succeeded for 5 s; after it the measurement goes on until all has succeeded for 5 s again.
Then what was stopped is brought back, under the same load ("when it came back"), until \`provision verify\` finds all of the site
well. "Oldest data read": how long before the start of a read a row had been acknowledged that the read did not show.
`

function renderEvent(measurement: StoredMeasurement): string {
  const { title, what, rows, reasons, phases, layout, at } = measurement
  const lines = [
    `### ${title}\n`,
    `${what} (layout \`${layout}\`, ${at.slice(0, 16).replace('T', ' ')} UTC).\n`,
    renderTable([
      ['phase', ...phases.map(({ name }) => phaseNames[name])],
      ['seconds', ...phases.map(({ from, to }) => seconds(to - from))],
      ['writes', ...phases.map(({ write }) => `${write.attempts}, ${write.failed} failed`)],
      ['longest pause', ...phases.map((phase) => pauseOf(phase, 'write'))],
      ['slowest', ...phases.map(({ write }) => seconds(write.slowest))],
      ['reads', ...phases.map(({ read }) => `${read.attempts}, ${read.failed} failed`)],
      ['longest pause ', ...phases.map((phase) => pauseOf(phase, 'read'))],
      ['slowest ', ...phases.map(({ read }) => seconds(read.slowest))],
    ]),
    `${rows.acknowledged} rows were acknowledged, ${rows.lost.length} of them are missing, ${rows.doubled.length} came twice. ${rows.unannounced.length} rows are there although their answer failed.`,
    reasons.length > 0
      ? `Failures: ${reasons
          .slice(0, 5)
          .map(([reason, count]) => `${count} × \`${reason}\``)
          .join(', ')}.\n`
      : 'No request failed.\n',
  ]
  return lines.join('\n')
}

const phaseNames = { before: 'before', event: 'event', return: 'when it came back' } as const

function machine(measurements: readonly StoredMeasurement[]): string {
  const layouts = [...new Set(measurements.map(({ layout }) => layout))]
  return `All hosts share one machine of ${cpus().length} cores with the client (layout ${layouts.map((name) => `\`${name}\``).join(', ')}): on machines of their own pauses that boots and elections make are shorter.\n`
}

function phaseOf(measurement: Measurement, name: Phase['name']): Phase | undefined {
  return measurement.phases.find((phase) => phase.name === name)
}

function pauseOf(phase: Phase | undefined, kind: 'write' | 'read'): string {
  if (!phase) return '–'
  return phase.steady ? seconds(phase[kind].gap) : `${seconds(phase[kind].gap)}, not steady until it came back`
}

function failedOf(phase: Phase | undefined, kind: 'write' | 'read'): string {
  return phase ? `${phase[kind].failed} of ${phase[kind].attempts}` : '–'
}

function returnOf(measurement: Measurement): string {
  const phase = phaseOf(measurement, 'return')
  if (!phase) return '–'
  return `writes ${pauseOf(phase, 'write')}, reads ${pauseOf(phase, 'read')}, ${phase.write.failed + phase.read.failed} failed`
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
