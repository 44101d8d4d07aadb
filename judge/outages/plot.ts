// One strip an event and kind of request, over the time since the event: blue where all requests succeeded, amber where some did, red where none.
import { colours, element, line, picture, round, text } from '../../bench/report/svg.ts'
import type { Measurement, Point } from './measure.ts'

const width = 760
const left = 210
const right = width - 20
const stripHeight = 12
const rowHeight = 50
const failed = '#f85149'

/** What requests of one kind came to, in equal slices of time. */
export interface Slice {
  readonly from: number
  readonly to: number
  readonly state: 'served' | 'partly' | 'failed'
}

/** Slices of a strip, by when requests were started; neighbours of the same state are one. Times without requests are left out. */
export function slicesOf(points: readonly Point[], write: boolean, width: number): Slice[] {
  const buckets = new Map<number, { good: number; bad: number }>()
  for (const [kind, started, , good] of points) {
    if ((kind === 1) !== write) continue
    const index = Math.floor(started / width)
    const bucket = buckets.get(index) ?? { good: 0, bad: 0 }
    buckets.set(index, { good: bucket.good + good, bad: bucket.bad + 1 - good })
  }
  const slices: Slice[] = []
  for (const [index, { good, bad }] of [...buckets].sort(([one], [other]) => one - other)) {
    const state = bad === 0 ? 'served' : good === 0 ? 'failed' : 'partly'
    const last = slices.at(-1)
    const slice = { from: index * width, to: (index + 1) * width, state } as const
    if (last?.state === state && last.to === slice.from) slices[slices.length - 1] = { ...last, to: slice.to }
    else slices.push(slice)
  }
  return slices
}

/** A measurement and what to call it. */
export type Titled = Pick<Measurement, 'points' | 'phases'> & { readonly title: string }

/** A plot of events on one axis of time, from `from` to `to` milliseconds. */
export function renderStrips(title: string, measurements: readonly Titled[], from: number, to: number): string {
  const at = (time: number) => left + ((Math.min(Math.max(time, from), to) - from) / (to - from)) * (right - left)
  const top = 56
  const height = top + measurements.length * rowHeight + 34
  const bottom = height - 34
  const small = { 'font-size': 11 }
  const marks = marksOf(from, to)
  const rows = measurements.flatMap(({ title: name, points, phases }, index) => {
    const y = top + index * rowHeight
    const back = phases.find((phase) => phase.name === 'return')
    const strip = (write: boolean, offset: number) => [
      text(left - 10, y + offset + 10, write ? 'writes' : 'reads', { 'text-anchor': 'end', ...small }),
      ...slicesOf(points, write, (to - from) / 200)
        .filter((slice) => slice.to > from && slice.from < to)
        .map(({ from: start, to: end, state }) =>
          element('rect', {
            x: round(at(start)),
            y: y + offset,
            width: round(Math.max(at(end) - at(start), 0.5)),
            height: stripHeight,
            fill: { served: colours.own, partly: colours.base, failed }[state],
          }),
        ),
    ]
    return [
      text(16, y + 20, name),
      ...strip(true, 2),
      ...strip(false, 2 + stripHeight + 4),
      back && back.from < to
        ? line(at(back.from), y - 2, at(back.from), y + 2 * stripHeight + 10, {
            stroke: colours.text,
            'stroke-dasharray': '2 2',
          })
        : '',
    ]
  })
  const told = measurements.map(({ title: name, phases }) => {
    const event = phases.find((phase) => phase.name === 'event')
    return `${name}: writes paused ${event?.write.gap} ms, reads ${event?.read.gap} ms`
  })
  return picture(width, height, `${title}. ${told.join('; ')}`, [
    text(16, 20, title, { 'font-weight': 600 }),
    ...legend(),
    ...marks.flatMap((mark) => [
      line(at(mark), top - 6, at(mark), bottom, mark === 0 ? { stroke: colours.text } : {}),
      text(at(mark), bottom + 16, `${mark / 1000}`, { 'text-anchor': 'middle', ...small }),
    ]),
    ...rows,
    text(right, bottom + 30, 'seconds after the event', { 'text-anchor': 'end', ...small }),
  ])
}

function legend(): string[] {
  const entries = [
    ['all served', colours.own],
    ['some', colours.base],
    ['none', failed],
  ] as const
  return entries.flatMap(([label, fill], index) => [
    element('rect', { x: left + index * 110, y: 29, width: 12, height: 12, fill }),
    text(left + 18 + index * 110, 39, label, { 'font-size': 11 }),
  ])
}

/** Round times to mark, about ten. */
export function marksOf(from: number, to: number): number[] {
  const steps = [500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000]
  const step = steps.find((candidate) => (to - from) / candidate <= 12) ?? 120_000
  const marks: number[] = []
  for (let mark = Math.ceil(from / step) * step; mark <= to; mark += step) marks.push(mark)
  return marks
}
