// The arguments of `provision inventory …` and `provision vars`.
import type { Command } from 'commander'
import type { InventoryOptions } from './inventory-commands.ts'
import type { Io } from './io.ts'
import { type Choose, extraVarsOption, inventoryOption, optionsOf, outputOption } from './program-options.ts'
import type { VarsOptions } from './vars-command.ts'

export function addInventoryCommands(program: Command, io: Io, choose: Choose): void {
  const load = () => import('./inventory-commands.ts')
  const inventory = program.command('inventory').description('show the inventory').helpCommand(false)
  inventory
    .command('list')
    .description('hosts with address, user and groups')
    .addOption(inventoryOption())
    .addOption(outputOption())
    .action((_options: object, command: Command) =>
      choose(async () => (await load()).listCommand(io, optionsOf<InventoryOptions>(command))),
    )
  inventory
    .command('graph')
    .description('groups as a tree')
    .addOption(inventoryOption())
    .action((_options: object, command: Command) =>
      choose(async () => (await load()).graphCommand(io, optionsOf<InventoryOptions>(command))),
    )
  program
    .command('vars')
    .description('show the settings, variables and role parameters of a host, and which line gave them')
    .argument('<host>', 'which host')
    .argument('[name]', 'one of them, for example nginx.workers')
    .addOption(inventoryOption())
    .option('-p, --playbook <file>', 'whose roles (default: playbooks/site.ts if it is there)')
    .addOption(extraVarsOption())
    .addOption(outputOption())
    .action((host: string, name: string | undefined, _options: object, command: Command) =>
      choose(async () =>
        (await import('./vars-command.ts')).varsCommand(io, host, name, optionsOf<VarsOptions>(command)),
      ),
    )
}
