// The arguments of `provision db backups` and `provision db restore`.
import { type Command, InvalidArgumentError } from 'commander'
import type { BackupOptions } from './db-backup-site.ts'
import type { RestoreOptions } from './db-restore.ts'
import type { Io } from './io.ts'
import { type Choose, connectionOptions, inventoryOption, optionsOf, outputOption } from './program-options.ts'

/** Adds them to the command `db`. */
export function addBackupCommands(db: Command, io: Io, choose: Choose): void {
  const common = (command: Command) =>
    connectionOptions(command.addOption(inventoryOption()))
      .option('--group <name>', 'the group of database servers', 'db')
      .option('--debug', 'show stacks of errors')
  common(
    db.command('backups').description('the backups of the databases, and which of them were restored and found whole'),
  )
    .addOption(outputOption())
    .action((_options: object, command: Command) =>
      choose(async () => (await import('./db-backups.ts')).backupsCommand(io, optionsOf<BackupOptions>(command))),
    )
  common(db.command('restore').description('bring the databases back to a backup, or one of them'))
    .option('--snapshot <id>', 'which backup, by the beginning of its id; see provision db backups', 'latest')
    .option('--from <target>', 'out of this place (default: the first that has it)')
    .option('--to <host>', 'on this server (default: the one that takes writes)')
    .option('--database <name>', 'this database alone; the others and the replicas stay as they are')
    .option(
      '--as <name>',
      'with --database: its tables and views as a database of another name, which must not be there yet',
    )
    .option(
      '--until <time>',
      'then what the binary logs of the server have until this time, 2026-11-21T14:03:00Z',
      instant,
    )
    .option('--without <host...>', 'database servers that do not answer and will never come back with their data')
    .option('--confirm <host>', 'do it: the name of the server whose data is replaced')
    .option('-C, --check', 'say what would be done, do nothing')
    .action((_options: object, command: Command) =>
      choose(async () => (await import('./db-restore.ts')).restoreCommand(io, optionsOf<RestoreOptions>(command))),
    )
}

function instant(text: string): Date {
  const date = new Date(text)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('Expected a time with its zone, such as 2026-11-21T14:03:00Z.')
  return date
}
