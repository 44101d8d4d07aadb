// One line a contestant over growing numbers: hosts, or milliseconds of round trip. Both axes are logarithmic, so that
// growing in proportion is a straight line of the same slope for everybody.
import { logarithmicScale } from './scale.ts'
import { renderNumber } from './statistics.ts'
import { colourOf, element, line, picture, round, text } from './svg.ts'

/** One contestant's points. */
export interface Series {
  readonly label: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

/** The words on the axes. */
export interface Axes {
  readonly x: string
  readonly y: string
}

const size = { width: 720, height: 356 }
const area = { left: 60, right: size.width - 150, top: 60, bottom: size.height - 52 }

/** A plot of some series; all values are above 0. */
export function renderLinePlot(title: string, axes: Axes, series: readonly Series[], base: string): string {
  const points = series.flatMap((entry) => entry.points)
  const places = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other)
  const xScale = logarithmicScale(places, area.left + 10, area.right)
  const yScale = logarithmicScale(
    points.map(({ y }) => y),
    area.bottom,
    area.top,
  )
  const small = { 'font-size': 11 }
  const grid = [
    ...yScale.marks.flatMap((mark) => [
      line(area.left, yScale.at(mark), area.right, yScale.at(mark)),
      text(area.left - 8, yScale.at(mark) + 4, `${mark}`, { 'text-anchor': 'end', ...small }),
    ]),
    ...places.map((x) => text(xScale.at(x), area.bottom + 18, `${x}`, { 'text-anchor': 'middle', ...small })),
  ]
  const ends = spreadApart(series.map(({ points: own }) => yScale.at(own.at(-1)?.y ?? 1)))
  const lines = series.flatMap(({ label, points: own }, index) => {
    const colour = colourOf(label, base)
    const at = own.map(({ x, y }) => `${round(xScale.at(x))},${round(yScale.at(y))}`)
    const last = own.at(-1)
    return [
      element('polyline', { points: at.join(' '), fill: 'none', stroke: colour, 'stroke-width': 2 }),
      ...own.map(({ x, y }) => {
        return element('circle', { cx: round(xScale.at(x)), cy: round(yScale.at(y)), r: 4, fill: colour })
      }),
      last ? text(xScale.at(last.x) + 12, (ends[index] ?? 0) + 4, label, { fill: colour }) : '',
    ]
  })
  const told = series.map(({ label, points: own }) => {
    return `${label} ${own.map(({ x, y }) => `${renderNumber(y)} at ${x}`).join(', ')}`
  })
  return picture(size.width, size.height, `${title}: ${told.join('; ')}`, [
    text(16, 20, title, { 'font-weight': 600 }),
    ...grid,
    ...lines,
    text(area.right, area.bottom + 38, axes.x, { 'text-anchor': 'end', ...small }),
    text(16, 37, axes.y, small),
  ])
}

/** Labels at these heights, moved so far that none lies on another. */
export function spreadApart(heights: readonly number[], least = 16): number[] {
  const order = heights.map((height, index) => ({ height, index })).sort((one, other) => one.height - other.height)
  const moved: number[] = []
  let previous = Number.NEGATIVE_INFINITY
  for (const { height, index } of order) {
    previous = Math.max(height, previous + least)
    moved[index] = previous
  }
  return moved
}
