// The arguments of `provision db …`.
import type { Command } from 'commander'
import { addBackupCommands } from './db-backup-program.ts'
import type { FailoverOptions } from './db-failover.ts'
import type { RejoinOptions } from './db-rejoin.ts'
import type { DatabaseOptions } from './db-site.ts'
import type { SwitchoverOptions } from './db-switchover.ts'
import type { Io } from './io.ts'
import {
  type Choose,
  connectionOptions,
  extraVarsOption,
  inventoryOption,
  optionsOf,
  outputOption,
} from './program-options.ts'

export function addDatabaseCommands(program: Command, io: Io, choose: Choose): void {
  const db = program
    .command('db')
    .description('the databases: who is the primary, and how that changes')
    .helpCommand(false)
  const common = (command: Command) => {
    command
      .argument('[playbook]', 'the playbook that has the role mysql', 'playbooks/site.ts')
      .addOption(inventoryOption())
      .addOption(extraVarsOption())
      .addOption(outputOption())
      .option('--debug', 'show stacks of errors')
    return connectionOptions(command)
  }
  const check = (command: Command) => command.option('-C, --check', 'say what would be done, do nothing')
  common(
    db.command('status').description('every server: role, replication, lag, position, errant transactions'),
  ).action((playbook: string, _options: object, command: Command) =>
    choose(async () =>
      (await import('./db-status.ts')).dbStatusCommand(io, playbook, optionsOf<DatabaseOptions>(command)),
    ),
  )
  check(common(db.command('switchover').description('make a replica the primary, with nothing lost')))
    .option('--to <host>', 'this one (default: the first that is well)')
    .action((playbook: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./db-switchover.ts')).dbSwitchoverCommand(io, playbook, optionsOf<SwitchoverOptions>(command)),
      ),
    )
  check(
    common(db.command('failover').description('make the most advanced replica the primary when the primary is lost')),
  )
    .option('--to <host>', 'this one, if it is as advanced as any')
    .option('--give-up <host>', 'the lost primary: what only it has is given up')
    .action((playbook: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./db-failover.ts')).dbFailoverCommand(io, playbook, optionsOf<FailoverOptions>(command)),
      ),
    )
  const rejoin = db.command('rejoin').description('make an old primary a replica of the present one').argument('<host>')
  check(common(rejoin))
    .option(
      '--discard-errant',
      'replace its data if it has transactions that the primary does not have; they are saved before',
    )
    .action((host: string, playbook: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./db-rejoin.ts')).dbRejoinCommand(io, host, playbook, optionsOf<RejoinOptions>(command)),
      ),
    )
  addBackupCommands(db, io, choose)
}
