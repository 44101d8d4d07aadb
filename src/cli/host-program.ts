// The arguments of the commands that only look at hosts: ping, facts, exec, ssh.
import type { Command } from 'commander'
import type { HostOptions } from './host-commands.ts'
import type { Io } from './io.ts'
import { type Choose, connectionOptions, inventoryOption, optionsOf } from './program-options.ts'

export function addHostCommands(program: Command, io: Io, choose: Choose): void {
  const load = () => import('./host-commands.ts')
  const common = (command: Command) =>
    connectionOptions(command.addOption(inventoryOption())).option('--debug', 'show stacks of errors')
  common(program.command('ping'))
    .description('connect to hosts and say how long it took')
    .argument('[pattern]', 'which hosts', 'all')
    .action((pattern: string, _options: object, command: Command) =>
      choose(async () => (await load()).pingCommand(io, pattern, optionsOf<HostOptions>(command))),
    )
  common(program.command('facts'))
    .description('show what a host tells of itself, as JSON')
    .argument('<pattern>', 'which hosts')
    .action((pattern: string, _options: object, command: Command) =>
      choose(async () => (await load()).factsCommand(io, pattern, optionsOf<HostOptions>(command))),
    )
  common(program.command('exec'))
    .description('run a shell command on hosts, side by side')
    .argument('<pattern>', 'which hosts')
    .argument('<command...>', 'after --: one argument is shell text, several are words')
    .action((pattern: string, words: string[], _options: object, command: Command) =>
      choose(async () => (await load()).execCommand(io, pattern, words, optionsOf<HostOptions>(command))),
    )
  common(program.command('ssh'))
    .description('open a shell on a host with OpenSSH')
    .argument('<host>', 'which host')
    .argument('[command...]', 'a command instead, after --')
    .action((host: string, words: string[], _options: object, command: Command) =>
      choose(async () => (await load()).sshCommand(io, host, words, optionsOf<HostOptions>(command))),
    )
}
