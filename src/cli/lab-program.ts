// The arguments of `provision lab …` and `provision test`, which make lab hosts.
import { Argument, type Command } from 'commander'
import type { Io } from './io.ts'
import type { LabCommandOptions } from './lab-command.ts'
import {
  type Choose,
  collect,
  extraVarsOption,
  inventoryOption,
  list,
  optionsOf,
  outputOption,
  wholeNumber,
} from './program-options.ts'
import type { TestOptions } from './test-command.ts'

export function addLabCommands(program: Command, io: Io, choose: Choose): void {
  const load = () => import('./lab-command.ts')
  const lab = program.command('lab').description('real Debian hosts on this machine (Linux, root)').helpCommand(false)
  const add = (name: string, description: string) =>
    lab
      .command(name)
      .description(description)
      .option('-n, --name <name>', 'which lab', io.env.PROVISION_LAB || 'lab')
  add('up', 'bring a lab up, or repair one')
    .option('--host <name:suite>', 'a host; may be repeated (default: lb1:bookworm web1:sid web2:sid)', collect)
    .option('--no-acme', 'without the ACME test authority')
    .addOption(outputOption())
    .action((_options: object, command: Command) =>
      choose(async () => (await load()).upCommand(io, optionsOf<LabCommandOptions>(command))),
    )
  add('status', 'show hosts, keys and the ACME directory')
    .addOption(outputOption())
    .action((_options: object, command: Command) =>
      choose(async () => (await load()).statusCommand(io, optionsOf<LabCommandOptions>(command))),
    )
  add('ssh', 'open a shell on a host')
    .argument('<host>')
    .argument('[command...]', 'a command instead, after --')
    .action((host: string, words: string[], _options: object, command: Command) =>
      choose(async () => (await load()).labSshCommand(io, host, words, optionsOf<LabCommandOptions>(command))),
    )
  add('down', 'remove a lab and all that it has here').action((_options: object, command: Command) =>
    choose(async () => (await load()).downCommand(io, optionsOf<LabCommandOptions>(command))),
  )
  add('reset', 'give every host a fresh disk')
    .addOption(outputOption())
    .action((_options: object, command: Command) =>
      choose(async () => (await load()).resetCommand(io, optionsOf<LabCommandOptions>(command))),
    )
  add('kill', 'pull the plug of hosts, of all that are named at once; their disks stay')
    .argument('<host...>')
    .action((hosts: string[], _options: object, command: Command) =>
      choose(async () => (await load()).killCommand(io, hosts, optionsOf<LabCommandOptions>(command))),
    )
  add('start', 'boot hosts that were killed, one after the other')
    .argument('<host...>')
    .action((hosts: string[], _options: object, command: Command) =>
      choose(async () => (await load()).startCommand(io, hosts, optionsOf<LabCommandOptions>(command))),
    )
  add('link', "cut a host's network cable (down), or mend it (up)")
    .argument('<host>')
    .addArgument(new Argument('<state>').choices(['down', 'up']))
    .action((host: string, state: 'up' | 'down', _options: object, command: Command) =>
      choose(async () => (await load()).linkCommand(io, host, state, optionsOf<LabCommandOptions>(command))),
    )
}

export function addTestCommand(program: Command, io: Io, choose: Choose): void {
  program
    .command('test')
    .description('try a role or a playbook on fresh lab hosts: check, converge, converge again, verify, reboot, verify')
    .argument('<role|playbook>', 'a role of roles/, or the file of a playbook')
    .addOption(inventoryOption())
    .option('--suite <suites>', 'Debian releases, one after the other: bookworm, trixie, sid', list, undefined)
    .option('--keep', 'leave the hosts for a look')
    .addOption(extraVarsOption())
    .option('-f, --forks <number>', 'hosts at a time', wholeNumber, 20)
    .option('--debug', 'show stacks of errors')
    .action((what: string, _options: object, command: Command) =>
      choose(async () => (await import('./test-command.ts')).testCommand(io, what, optionsOf<TestOptions>(command))),
    )
}
