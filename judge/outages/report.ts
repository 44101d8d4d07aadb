// Writes docs/availability.md and its plots from the measurements in judge/results/outages.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { groupBy } from '../../bench/report/table.ts'
import { projectFolder } from '../layout.ts'
import { events } from './events.ts'
import type { Measurement } from './measure.ts'
import { renderAvailability } from './page.ts'
import { renderStrips, type Titled } from './plot.ts'

/** What was measured, and where; or why it could not be. */
export type StoredMeasurement = { readonly layout: string; readonly event: string; readonly title: string } & (
  | Measurement
  | { readonly failure: string }
)

/** One that came to its end. */
export type Measured = Exclude<StoredMeasurement, { failure: string }>

/** A picture of the page. */
export interface Plot {
  readonly layout: string
  readonly file: string
  readonly title: string
  readonly svg: string
}

const folder = `${projectFolder}judge/results/outages/`

export async function storeMeasurement(measurement: StoredMeasurement): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}${measurement.layout}-${measurement.event}.json`, `${JSON.stringify(measurement)}\n`)
}

/** The stored measurements, in the order of the events. */
export async function readMeasurements(): Promise<StoredMeasurement[]> {
  const names = await readdir(folder).catch(() => [])
  const texts = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readFile(`${folder}${name}`, 'utf8')),
  )
  const measurements = texts.map((text) => JSON.parse(text) as StoredMeasurement) // our own files
  const place = ({ event }: StoredMeasurement) => events.findIndex(({ name }) => name === event)
  return measurements.sort((one, other) => place(one) - place(other))
}

/** Why a measurement is not as it should be: it could not be made, acknowledged rows are missing or doubled, or it took too long. */
export function objectionsTo(measurement: StoredMeasurement): string[] {
  const about = `${measurement.layout}, ${measurement.title}`
  if ('failure' in measurement) return [`${about}: it could not be measured: ${measurement.failure}`]
  const { lost, doubled } = measurement.rows
  const { limit = Number.POSITIVE_INFINITY } = measurement
  const pauses = measurement.phases
    .filter(({ name }) => name === 'event')
    .flatMap(({ write, read }) => [write.gap, read.gap])
  return [
    ...pauses
      .filter((pause) => pause > limit)
      .map((pause) => `${about}: a pause of ${pause} ms, at most ${limit} is promised`),
    ...(lost.length > 0 ? [`${about}: ${lost.length} acknowledged rows are missing`] : []),
    ...(doubled.length > 0 ? [`${about}: ${doubled.length} rows came twice`] : []),
    ...(measurement.phases.every(({ steady }) => steady) ? [] : [`${about}: the site did not serve steadily again`]),
  ]
}

export async function writeAvailability(say: (message: string) => void): Promise<void> {
  const measurements = await readMeasurements()
  if (measurements.length === 0) throw new Error(`there are no measurements in ${folder}: npm run outages measures`)
  const pictures = `${projectFolder}docs/availability`
  await rm(pictures, { recursive: true, force: true })
  await mkdir(pictures, { recursive: true })
  const layouts = groupBy(measurements, ({ layout }) => layout)
  const plots = [...layouts].flatMap(([layout, own]) => plotsOf(layout, own))
  for (const { file, svg } of plots) await writeFile(`${pictures}/${file}`, svg)
  await writeFile(`${projectFolder}docs/availability.md`, renderAvailability(layouts, plots, cpus().length))
  say(`docs/availability.md, from ${measurements.length} measurements`)
}

/** Short interruptions and long ones need axes of their own. */
function plotsOf(layout: string, measurements: readonly StoredMeasurement[]): Plot[] {
  const measured = measurements.filter((one): one is Measured => !('failure' in one))
  const lengthOf = ({ phases }: Titled) =>
    Math.max(...phases.filter(({ name }) => name === 'event').flatMap(({ write, read }) => [write.gap, read.gap]))
  const groups = [
    { kind: 'short', title: 'The first seconds of each event', own: measured.filter((one) => lengthOf(one) <= 8000) },
    { kind: 'long', title: 'Events that take longer', own: measured.filter((one) => lengthOf(one) > 8000) },
  ]
  return groups.flatMap(({ kind, title, own }) => {
    if (own.length === 0) return []
    const end = Math.max(
      ...own.flatMap(({ phases }) => phases.filter(({ name }) => name === 'event').map(({ to }) => to)),
    )
    const svg = renderStrips(title, own, -2000, kind === 'long' ? end : Math.min(end, 12_000))
    return [{ layout, file: `${layout}-${kind}.svg`, title, svg }]
  })
}
