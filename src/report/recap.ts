import type { HostRecap, RunEvent } from '../core/events.ts'
import type { Paint } from './paint.ts'

type Recap = Extract<RunEvent, { type: 'recap' }>

/** The table at the end: a host a line, what happened there, how many requests it took. */
export function renderRecap(recap: Recap, paint: Paint): string {
  const columns = [
    'ok',
    'changed',
    'failed',
    'skipped',
    ...(some(recap, 'ignored') ? ['ignored' as const] : []),
    ...(some(recap, 'unknown') ? ['unknown' as const] : []),
    'requests',
  ] as const
  const rows = Object.entries(recap.hosts)
  const first = Math.max(4, ...rows.map(([name]) => name.length))
  const width = (column: string) => Math.max(column.length, 5)
  const head = `${''.padEnd(first)}  ${columns.map((column) => column.padStart(width(column))).join('  ')}`
  const lines = rows.map(([name, host]) => {
    const cells = columns.map((column) =>
      colourOf(column, host[column], paint)(String(host[column]).padStart(width(column))),
    )
    const style = host.unreachable || host.failed > 0 ? 'red' : host.changed > 0 ? 'yellow' : 'green'
    return `${paint(style, name.padEnd(first))}  ${cells.join('  ')}${host.unreachable ? `  ${paint('red', 'unreachable')}` : ''}`
  })
  const title = recap.check ? 'check mode: nothing was changed' : 'done'
  return `\n${paint('dim', head)}\n${lines.join('\n')}\n${paint('dim', `${title}, ${renderDuration(recap.elapsedMs)}`)}\n`
}

function some(recap: Recap, key: 'ignored' | 'unknown'): boolean {
  return Object.values(recap.hosts).some((host) => host[key] > 0)
}

function colourOf(column: keyof HostRecap, count: number | boolean, paint: Paint): (text: string) => string {
  if (!count) return (text) => paint('dim', text)
  switch (column) {
    case 'failed':
      return (text) => paint(['red', 'bold'], text)
    case 'changed':
    case 'unknown':
    case 'ignored':
      return (text) => paint('yellow', text)
    case 'ok':
      return (text) => paint('green', text)
    default:
      return (text) => text
  }
}

/** `812 ms`, `3.2 s`, `2 min 5 s`. */
export function renderDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}
