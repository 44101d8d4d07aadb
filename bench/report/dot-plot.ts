// One line a contestant: a dot at the median, a bar from the least to the most, the figure beside it.
import { logarithmicScale } from './scale.ts'
import { renderNumber, type Spread } from './statistics.ts'
import { colourOf, element, line, picture, round, text } from './svg.ts'

/** One line of a plot. */
export interface DotRow {
  readonly label: string
  readonly spread: Spread
}

const width = 720
const left = 170
const right = width - 90
const rowHeight = 28
const top = 42

/** A plot of seconds, the least on top. */
export function renderDotPlot(title: string, rows: readonly DotRow[], base: string): string {
  const sorted = [...rows].sort((one, other) => one.spread.median - other.spread.median)
  const scale = logarithmicScale(
    sorted.flatMap(({ spread }) => [spread.least, spread.most]),
    left,
    right,
  )
  const bottom = top + sorted.length * rowHeight
  const axis = scale.marks.flatMap((mark) => [
    line(scale.at(mark), top - 4, scale.at(mark), bottom),
    text(scale.at(mark), bottom + 18, `${mark}`, { 'text-anchor': 'middle', 'font-size': 11 }),
  ])
  const lines = sorted.flatMap(({ label, spread }, index) => {
    const y = top + (index + 0.5) * rowHeight
    const colour = colourOf(label, base)
    return [
      text(left - 14, y + 4, label, { 'text-anchor': 'end', fill: colour }),
      line(scale.at(spread.least), y, scale.at(spread.most), y, { stroke: colour, 'stroke-width': 3 }),
      element('circle', { cx: round(scale.at(spread.median)), cy: y, r: 5, fill: colour }),
      text(
        Math.max(scale.at(spread.most) + 12, scale.at(spread.median) + 12),
        y + 4,
        `${renderNumber(spread.median)} s`,
        {
          fill: colour,
        },
      ),
    ]
  })
  const label = `${title}: ${sorted.map((row) => `${row.label} ${renderNumber(row.spread.median)} s`).join(', ')}`
  const heading = text(16, 20, title, { 'font-weight': 600 })
  const unit = text(right, bottom + 34, 'wall seconds, logarithmic', { 'text-anchor': 'end', 'font-size': 11 })
  return picture(width, bottom + 44, label, [heading, ...axis, ...lines, unit])
}
