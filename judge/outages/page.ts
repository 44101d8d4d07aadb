// docs/availability.md as text: everything on it comes from the measurements.
import { renderTable } from '../../bench/report/table.ts'
import type { Phase } from './measure.ts'
import type { Measured, Plot, StoredMeasurement } from './report.ts'

/** The page, a part for each layout. */
export function renderAvailability(
  layouts: ReadonlyMap<string, readonly StoredMeasurement[]>,
  plots: readonly Plot[],
  cores: number,
): string {
  return [
    '# Availability\n',
    'What a visitor notices when something fails, measured. This page is written by `npm run outages`; change `judge/outages/`, not this page.\n',
    introduction,
    ...[...layouts].flatMap(([layout, measurements]) => [
      `## Layout ${layout}\n`,
      renderLayout(measurements),
      ...plots.filter((plot) => plot.layout === layout).map(({ file, title }) => `![${title}](availability/${file})\n`),
      ...measurements.map(renderEvent),
    ]),
    '## How it is measured\n',
    methodOf(Math.max(...[...layouts.values()].flat().map((one) => ('every' in one ? one.every : 0)))),
    `All hosts share one machine of ${cores} cores with the client, so that boots and elections take longer than on machines of their own.\n`,
  ].join('\n')
}

const introduction = `A row counts as acknowledged when the visitor got status 200 with its number; after each event the whole table is read on the
primary, and every acknowledged row must be in it, once. "Paused" is the longest time in which no request succeeded at all;
in the ordinary rhythm it is what the table of the event says for "before".
`

const methodOf = (
  every: number,
) => `A process outside the hosts sends \`POST /notes\` with a numbered row and \`GET /notes\` every ${every} ms through the public address,
each over a new TLS connection, whose certificate it verifies. It never waits for an answer before it sends the next, so that a
stall is seen in full, and it repeats nothing. A request fails by any status but 200, a broken connection, or 5 s without an
answer. Before the event all must have succeeded for 5 s; after it the measurement goes on until all has succeeded for 5 s again.
Then what was stopped is brought back, under the same load ("when it came back"), until \`provision verify\` finds all of the site
well. "Oldest data read": how long before the start of a read a row had been acknowledged that the read did not show.
`

function renderLayout(measurements: readonly StoredMeasurement[]): string {
  const column = (heading: string, cell: (measured: Measured) => string) => [
    heading,
    ...measurements.map((one) => ('failure' in one ? '–' : cell(one))),
  ]
  return renderTable([
    ['event', ...measurements.map((one) => ('failure' in one ? `${one.title}: **not measured**` : one.title))],
    column('acknowledged rows lost', ({ rows }) => `${rows.lost.length} of ${rows.acknowledged}`),
    column('promised', ({ limit }) => (limit === undefined ? '–' : `at most ${limit / 1000} s`)),
    column('writes paused', (one) => pauseOf(phaseOf(one, 'event'), 'write')),
    column('reads paused', (one) => pauseOf(phaseOf(one, 'event'), 'read')),
    column('writes failed', (one) => failedOf(phaseOf(one, 'event'), 'write')),
    column('reads failed', (one) => failedOf(phaseOf(one, 'event'), 'read')),
    column('when it came back', returnOf),
    column('oldest data read', ({ stalest }) => seconds(stalest)),
  ])
}

function renderEvent(measurement: StoredMeasurement): string {
  const head = `### ${measurement.title}\n`
  if ('failure' in measurement) return `${head}\nIt could not be measured: ${measurement.failure.slice(0, 600)}\n`
  const { what, rows, reasons, phases, at } = measurement
  return [
    head,
    `${what} (${at.slice(0, 16).replace('T', ' ')} UTC).\n`,
    renderTable([
      ['phase', ...phases.map(({ name }) => (name === 'return' ? 'when it came back' : name))],
      ['seconds', ...phases.map(({ from, to }) => seconds(to - from))],
      ['writes', ...phases.map((phase) => failedOf(phase, 'write'))],
      ['paused', ...phases.map((phase) => pauseOf(phase, 'write'))],
      ['slowest', ...phases.map(({ write }) => seconds(write.slowest))],
      ['reads', ...phases.map((phase) => failedOf(phase, 'read'))],
      ['paused', ...phases.map((phase) => pauseOf(phase, 'read'))],
      ['slowest', ...phases.map(({ read }) => seconds(read.slowest))],
    ]),
    `${rows.acknowledged} rows were acknowledged, ${rows.lost.length} of them are missing, ${rows.doubled.length} came twice. ${rows.unannounced.length} are there although their answer failed.`,
    reasons.length > 0
      ? `Failures: ${reasons
          .slice(0, 5)
          .map(([reason, count]) => `${count} × \`${reason}\``)
          .join(', ')}.\n`
      : 'No request failed.\n',
  ].join('\n')
}

function phaseOf(measurement: Measured, name: Phase['name']): Phase | undefined {
  return measurement.phases.find((phase) => phase.name === name)
}

function pauseOf(phase: Phase | undefined, kind: 'write' | 'read'): string {
  if (!phase) return '–'
  return phase.steady ? seconds(phase[kind].gap) : `${seconds(phase[kind].gap)}, not steady at the end`
}

function failedOf(phase: Phase | undefined, kind: 'write' | 'read'): string {
  return phase ? `${phase[kind].failed} of ${phase[kind].attempts}` : '–'
}

function returnOf(measurement: Measured): string {
  const phase = phaseOf(measurement, 'return')
  if (!phase) return '–'
  const failed = phase.write.failed + phase.read.failed
  return `writes ${pauseOf(phase, 'write')}, reads ${pauseOf(phase, 'read')}, ${failed} failed`
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
