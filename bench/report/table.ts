// The table of one case: a contestant a row, the fastest first; a column that nobody has a figure for is left out.
import type { Measures, Result } from '../results.ts'
import { renderNumber, renderSpread, spreadOfMeasure } from './statistics.ts'

type Column = readonly [heading: string, cell: (results: readonly Result[]) => string]

const none = '–'
const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** A Markdown table; `base` is the contestant that the others are compared with. */
export function renderCase(results: readonly Result[], base: string): string {
  const byContestant = groupBy(results, ({ contestant }) => contestant)
  const rows = [...byContestant.values()].sort((one, other) => wallOf(one) - wallOf(other))
  const reference = wallOf(byContestant.get(base) ?? [])
  const columns: readonly Column[] = [
    ['contestant', ([first]) => `${first?.contestant}`],
    ['runs', renderRuns],
    ['wall s', spread('wall')],
    [`× ${base}`, (row) => (Number.isFinite(reference) ? ratio(wallOf(row) / reference) : none)],
    ['controller CPU s', spread('controllerCpu')],
    ['hosts’ CPU s', middle('hostsCpu')],
    ['peak MiB', middle('peakMemory', () => mebibyte)],
    ['logins/host', middle('logins', hostsOf)],
    ['sessions/host', middle('sessions', hostsOf)],
    ['turns/host', middle('turns', hostsOf)],
    ['KiB/host', middle('bytes', (row) => hostsOf(row) * kibibyte)],
    ['changes told', middle('changed')],
  ]
  const cells = columns.map(([heading, cell]) => [heading, ...rows.map(cell)])
  return renderTable(cells.filter(([, ...values]) => values.some((value) => value !== none)))
}

/** A Markdown table from its columns, each with its heading first. */
export function renderTable(columns: readonly (readonly string[])[]): string {
  const rows = (columns[0] ?? []).map((_, row) => columns.map((column) => (column[row] ?? '').replaceAll('|', '\\|')))
  const [head = [], ...body] = rows
  const lines = [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

/** Things by a key, in the order in which the keys first came. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

function spread(measure: keyof Measures) {
  return (row: readonly Result[]): string => {
    const found = spreadOfMeasure(row, measure)
    return found ? renderSpread(found) : none
  }
}

function middle(measure: keyof Measures, unit: (row: readonly Result[]) => number = () => 1) {
  return (row: readonly Result[]): string => {
    const found = spreadOfMeasure(row, measure)
    if (!found) return none
    const value = found.median / unit(row)
    return Number.isInteger(value) ? String(value) : renderNumber(value)
  }
}

function renderRuns(row: readonly Result[]): string {
  const failed = row.filter(({ failure }) => failure !== undefined).length
  return failed === 0 ? String(row.length) : `${row.length}, ${failed} failed`
}

function hostsOf([first]: readonly Result[]): number {
  return Math.max(1, first?.hosts ?? 1)
}

function wallOf(row: readonly Result[]): number {
  return spreadOfMeasure(row, 'wall')?.median ?? Number.POSITIVE_INFINITY
}

function ratio(value: number): string {
  return Number.isFinite(value) ? renderNumber(value) : none
}
