// The table of `provision verify`: which promises of the roles are kept on which hosts, and which are broken.
import type { RunEvent } from '../core/events.ts'
import { makePaint } from './paint.ts'
import type { Report, ScreenOptions } from './report.ts'
import { count, cut, oneLine, renderHosts, widthOf } from './text.ts'

interface Promised {
  readonly role: string
  readonly title: string
  readonly kept: string[]
  readonly broken: string[]
  readonly unchecked: string[]
}

/** Collects what the roles' checks said, and shows it as a table at the end. */
export function createPromisesReport({ stream, colour }: Pick<ScreenOptions, 'stream' | 'colour'>): Report {
  const paint = makePaint(colour)
  const promises = new Map<string, Promised>()
  const lost: string[] = []
  const take = (event: RunEvent): void => {
    if (event.type === 'host:unreachable') lost.push(event.host)
    if (event.type !== 'task:end') return
    const { role = '', title } = event.task
    const key = JSON.stringify([role, title])
    const own = promises.get(key) ?? { role, title: oneLine(title), kept: [], broken: [], unchecked: [] }
    promises.set(key, own)
    const list =
      event.status === 'failed'
        ? own.broken
        : event.status === 'ok' || event.status === 'changed'
          ? own.kept
          : own.unchecked
    list.push(event.host)
  }
  const table = (): string => {
    const rows = [...promises.values()]
    if (rows.length === 0) return '\nno role of these hosts promises anything: none has `verify`\n'
    const bare = ({ role, title }: Promised) =>
      role && title.startsWith(`${role} › `) ? title.slice(role.length + 3) : title
    const [roles, titles] = [rows.map(({ role }) => role), rows.map(bare)].map((texts, index) =>
      Math.max(...texts.map(widthOf), index === 0 ? 'role'.length : 'promise'.length),
    )
    const width = Math.min(titles ?? 0, 60)
    const line = (row: Promised, index: number): string => {
      const role = rows[index - 1]?.role === row.role ? '' : row.role
      const cells = [
        ...(row.kept.length > 0 ? [paint('green', `kept on ${renderHosts(row.kept)}`)] : []),
        ...(row.broken.length > 0 ? [paint(['red', 'bold'], `broken on ${row.broken.join(', ')}`)] : []),
        ...(row.unchecked.length > 0 ? [paint('magenta', `not checked on ${renderHosts(row.unchecked)}`)] : []),
      ]
      return `${paint('bold', role.padEnd(roles ?? 0))}  ${cut(bare(row), width).padEnd(width)}  ${cells.join(', ')}`
    }
    const sum = (list: (row: Promised) => readonly string[]) => rows.reduce((total, row) => total + list(row).length, 0)
    const [kept, broken, unchecked] = [sum((row) => row.kept), sum((row) => row.broken), sum((row) => row.unchecked)]
    const verdict = [
      paint(kept > 0 ? 'green' : 'dim', `${count(kept, 'promise')} kept`),
      ...(broken > 0 ? [paint(['red', 'bold'], `${broken} broken`)] : []),
      ...(unchecked > 0 ? [paint('magenta', `${unchecked} not checked`)] : []),
      ...(lost.length > 0 ? [paint(['red', 'bold'], `nothing is known of ${lost.join(', ')}`)] : []),
    ]
    return `\n${rows.map(line).join('\n')}\n\n${verdict.join(', ')}\n`
  }
  return {
    emit: take,
    end: () => {
      stream.write(table())
    },
  }
}
