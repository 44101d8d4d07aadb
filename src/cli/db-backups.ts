// `provision db backups`: what there is to restore.
import { count } from '../report/text.ts'
import { type Backup, type BackupOptions, readBackups, withServers } from './db-backup-site.ts'
import { exitCode, type Io } from './io.ts'

/** Lists the backups of the databases; 3 = a place does not answer. */
export function backupsCommand(io: Io, options: BackupOptions): Promise<number> {
  return withServers(io, options, false, async (servers) => {
    const { backups, silent } = await readBackups(servers)
    io.stdout.write(options.output === 'json' ? `${JSON.stringify({ backups, silent })}\n` : renderBackups(backups))
    for (const target of silent) io.stderr.write(`${target} does not answer\n`)
    return silent.length > 0 ? exitCode.unreachable : exitCode.ok
  })
}

/** A table, the newest first. */
export function renderBackups(backups: readonly Backup[]): string {
  const rows = backups.map(({ id, time, host, target, tested }) => [
    id,
    show(time),
    host,
    target,
    tested ? show(tested) : 'not yet',
  ])
  const table = [['snapshot', 'made (UTC)', 'by', 'in', 'restored and found whole'], ...rows]
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n\n${count(backups.length, 'backup')}\n`
}

/** `2026-11-21 14:03:05` in UTC. */
export function show(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ')
}
