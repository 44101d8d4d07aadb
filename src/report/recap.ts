// The table at the end.
import type { HostRecap, RunEvent } from '../core/events.ts'
import type { Paint } from './paint.ts'
import { count, renderDuration } from './text.ts'

type Recap = Extract<RunEvent, { type: 'recap' }>
type Column = 'ok' | 'changed' | 'failed' | 'skipped' | 'ignored' | 'unknown' | 'unreachable' | 'requests'

/** A host a line: what happened there, how many requests it took; columns that are all zero and seldom used are left out. */
export function renderRecap(recap: Recap, paint: Paint, interrupted = false): string {
  const rows = Object.entries(recap.hosts)
  const seen = (column: Column): boolean => rows.some(([, host]) => Number(host[column]) > 0)
  const columns: Column[] = ['ok', 'changed', 'failed', 'skipped']
  for (const column of ['ignored', 'unknown'] as const) if (seen(column)) columns.push(column)
  columns.push('unreachable', 'requests')
  const first = Math.max(0, ...rows.map(([name]) => name.length))
  const headings = columns.map((column) => (recap.check && column === 'changed' ? 'would change' : column))
  const head = `${' '.repeat(first)}  ${headings.join('  ')}`
  const lines = rows.map(([name, host]) => {
    const cells = columns.map((column, index) => {
      const width = headings[index]?.length ?? 0
      return paintCell(column, Number(host[column]), paint)(String(Number(host[column])).padStart(width))
    })
    return `${paint(styleOf(host), name.padEnd(first))}  ${cells.join('  ')}`
  })
  return `\n${[paint('dim', head), ...lines].join('\n')}\n\n${renderVerdict(recap, paint, interrupted)}\n`
}

function styleOf(host: HostRecap): 'red' | 'yellow' | 'green' {
  if (host.unreachable || host.failed > 0) return 'red'
  return host.changed + host.unknown > 0 ? 'yellow' : 'green'
}

function paintCell(column: Column, value: number, paint: Paint): (text: string) => string {
  if (value === 0) return (text) => paint('dim', text)
  switch (column) {
    case 'failed':
    case 'unreachable':
      return (text) => paint(['red', 'bold'], text)
    case 'changed':
    case 'unknown':
    case 'ignored':
      return (text) => paint('yellow', text)
    case 'ok':
      return (text) => paint('green', text)
    case 'skipped':
    case 'requests':
      return (text) => text
  }
}

/** One sentence for who reads only the last line. */
function renderVerdict(recap: Recap, paint: Paint, interrupted: boolean): string {
  const hosts = Object.values(recap.hosts)
  const bad = hosts.filter((host) => host.failed > 0).length
  const lost = hosts.filter((host) => host.unreachable).length
  const changed = hosts.reduce((sum, host) => sum + host.changed, 0)
  const unknown = hosts.reduce((sum, host) => sum + host.unknown, 0)
  const took = paint('dim', ` in ${renderDuration(recap.elapsedMs)}`)
  const parts = [
    ...(interrupted ? [paint('yellow', 'interrupted')] : []),
    ...(bad > 0 ? [paint(['red', 'bold'], `failed on ${count(bad, 'host')}`)] : []),
    ...(lost > 0 ? [paint(['red', 'bold'], `${count(lost, 'host')} unreachable`)] : []),
  ]
  if (changed > 0) parts.push(paint('yellow', recap.check ? `${changed} would change` : `${changed} changed`))
  if (unknown > 0) parts.push(paint('yellow', `${unknown} unknown until then`))
  if (parts.length === 0) parts.push(paint('green', hosts.length === 0 ? 'no hosts' : 'nothing to change'))
  const note = recap.check ? paint('dim', '; check mode, nothing was touched') : ''
  return `${parts.join(', ')}${took}${note}`
}
