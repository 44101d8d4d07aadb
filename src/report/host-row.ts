// What the live view says of one host: a value that each event of the host carries on, and the line it gives.
import type { RunEvent } from '../core/events.ts'
import type { Paint } from './paint.ts'
import { cut, oneLine, renderDuration, widthOf } from './text.ts'

export interface HostRow {
  readonly phase: 'waiting' | 'connecting' | 'working' | 'between' | 'failed' | 'unreachable'
  readonly play: string
  /** Task n of m. */
  readonly position: string
  /** What it does now. */
  readonly text: string
  /** The last line that the running step wrote. */
  readonly output: string
  /** When it began to do that, in milliseconds. */
  readonly since: number
}

/** A host that has done nothing yet. */
export function newRow(now: number): HostRow {
  return { phase: 'waiting', play: '', position: '', text: 'waiting', output: '', since: now }
}

/** The row after an event of its host. */
export function advance(row: HostRow, event: RunEvent, now: number): HostRow {
  const next = (change: Partial<HostRow>): HostRow => ({ ...row, output: '', since: now, ...change })
  switch (event.type) {
    case 'host:connecting':
      return next({
        phase: 'connecting',
        text: oneLine(event.detail),
        since: row.phase === 'connecting' ? row.since : now,
      })
    case 'host:connected':
      return next({ phase: 'waiting', text: 'connected' })
    case 'host:play':
      return next({
        phase: 'working',
        play: event.play,
        position: `0/${event.tasks}`,
        text: 'reading the present state',
      })
    case 'task:start': {
      const on = event.task.on === undefined ? '' : `→ ${event.task.on} · `
      const title = `${on}${event.task.handler ? 'handler · ' : ''}${oneLine(event.task.title)}`
      return next({
        phase: 'working',
        play: event.play,
        position: `${Math.min(event.index, event.total)}/${event.total}`,
        text: title,
      })
    }
    case 'task:output': {
      const output = oneLine(event.text)
      return output ? { ...row, output } : row
    }
    case 'task:retry':
      return { ...row, output: oneLine(`attempt ${event.attempt} of ${event.of}: ${event.reason}`) }
    case 'host:unreachable':
      return next({ phase: 'unreachable', text: 'unreachable' })
    case 'host:play:end':
      return event.failed
        ? next({ phase: row.phase === 'unreachable' ? 'unreachable' : 'failed', text: 'stopped' })
        : next({ phase: 'between', text: 'done' })
    default:
      return row
  }
}

export interface RowSize {
  readonly columns: number
  /** Of the longest host name. */
  readonly nameWidth: number
}

/** Steps that take longer than this show how long, and what they wrote. */
const longStep = 1000
/** Characters of what a host does that say something. */
const shortestText = 12

/** The host's line, and a second one with the last output of a long step. */
export function renderRow(
  name: string,
  row: HostRow,
  icon: string,
  now: number,
  size: RowSize,
  paint: Paint,
): { readonly line: string; readonly output: string | undefined } {
  const lasted = now - row.since
  const busy = row.phase === 'working' || row.phase === 'connecting'
  const time = busy && lasted >= longStep ? `  ${renderDuration(lasted)}` : ''
  const before = `${icon} ${paint('bold', name.padEnd(size.nameWidth))}  `
  const width = size.columns - widthOf(before) - widthOf(time)
  const position = row.play ? `${cut(row.play, 30)} ${row.position}  ` : ''
  // on a narrow terminal what the host does is worth more than how far it is
  const place = width - widthOf(position) >= shortestText ? position : ''
  const text = paintText(row, cut(row.text, width - widthOf(place)), paint)
  const line = `${before}${paint('dim', place)}${text}${paint('dim', time)}`
  if (!busy || lasted < longStep || !row.output) return { line, output: undefined }
  const indent = ' '.repeat(size.nameWidth + 4)
  return { line, output: `${indent}${paint('dim', cut(`│ ${row.output}`, size.columns - indent.length))}` }
}

function paintText(row: HostRow, text: string, paint: Paint): string {
  switch (row.phase) {
    case 'working':
      return text
    case 'waiting':
    case 'connecting':
      return paint('dim', text)
    case 'between':
      return paint('green', text)
    case 'failed':
    case 'unreachable':
      return paint('red', text)
  }
}
