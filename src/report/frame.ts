// One picture of the live view: the hosts' rows, as many as fit, and a line about the whole run.
import { type HostRow, renderRow } from './host-row.ts'
import type { Paint } from './paint.ts'
import { count, cut, renderDuration } from './text.ts'

export interface FrameHost {
  readonly name: string
  readonly row: HostRow
  /** The host's task has ended, for good. */
  readonly ended: boolean
}

export interface Frame {
  readonly hosts: readonly FrameHost[]
  readonly changed: number
  readonly failed: number
  /** What the run is about to do instead of going on, if somebody stopped it. */
  readonly notice: string
  readonly elapsedMs: number
  readonly now: number
  readonly spinner: string
  readonly columns: number
  readonly rows: number
}

/** The lines of a picture; always fewer than the terminal has. */
export function renderFrame(frame: Frame, paint: Paint): string[] {
  const nameWidth = Math.max(0, ...frame.hosts.map(({ name }) => name.length))
  const rows = frame.hosts.map((host) => ({
    host,
    ...renderRow(
      host.name,
      host.row,
      iconOf(host, frame.spinner, paint),
      frame.now,
      { columns: frame.columns, nameWidth },
      paint,
    ),
  }))
  const footer = paint(frame.notice ? 'yellow' : 'dim', cut(renderTotals(frame), frame.columns))
  return [...chooseLines(rows, Math.max(1, frame.rows - 3), paint), '', footer]
}

interface RenderedRow {
  readonly host: FrameHost
  readonly line: string
  readonly output: string | undefined
}

/** What is running stays, with its output if there is room; the others are counted where not all fit. */
function chooseLines(rows: readonly RenderedRow[], room: number, paint: Paint): string[] {
  const whole = rows.flatMap(({ line, output }) => (output === undefined ? [line] : [line, output]))
  if (whole.length <= room) return whole
  if (rows.length <= room) return rows.map(({ line }) => line)
  const byInterest = rows.toSorted((left, right) => interest(left.host) - interest(right.host))
  const chosen = new Set(byInterest.slice(0, room - 1))
  const shown = rows.filter((row) => chosen.has(row)).map(({ line }) => line)
  return [...shown, paint('dim', `  … and ${count(rows.length - shown.length, 'more host')}`)]
}

function interest({ row }: FrameHost): number {
  return ['working', 'connecting', 'failed', 'unreachable', 'waiting', 'between'].indexOf(row.phase)
}

function iconOf({ row, ended }: FrameHost, spinner: string, paint: Paint): string {
  switch (row.phase) {
    case 'failed':
    case 'unreachable':
      return paint('red', '✗')
    case 'between':
      return paint('green', '✓')
    case 'waiting':
      return paint('dim', ended ? '·' : '◦')
    case 'connecting':
    case 'working':
      return ended ? paint('dim', '·') : paint('cyan', spinner)
  }
}

function renderTotals({ hosts, changed, failed, notice, elapsedMs }: Frame): string {
  const running = hosts.filter(({ row }) => row.phase === 'working' || row.phase === 'connecting').length
  const parts = [
    renderDuration(Math.floor(elapsedMs / 1000) * 1000)
      .replace(/^0 ms$/, '0 s')
      .replace('.0', ''),
  ]
  parts.push(running > 0 ? `${running} of ${count(hosts.length, 'host')} running` : count(hosts.length, 'host'))
  parts.push(`${changed} changed`)
  if (failed > 0) parts.push(`${failed} failed`)
  if (notice) parts.unshift(notice)
  return parts.join(' · ')
}
