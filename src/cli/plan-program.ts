// The arguments of `provision plan …` and `provision apply`.
import { type Command, Option } from 'commander'
import type { ApplyCommandOptions } from './apply-command.ts'
import type { Io } from './io.ts'
import type { PlanCommandOptions, PlanShowOptions } from './plan-command.ts'
import {
  type Choose,
  connectionOptions,
  count,
  optionsOf,
  outputOptions,
  refuseMistypedCommand,
  selectionOptions,
  wholeNumber,
} from './program-options.ts'

export function addPlanCommands(program: Command, io: Io, choose: Choose): void {
  const load = () => import('./plan-command.ts')
  const output = (...kinds: string[]) => new Option('--output <kind>', kinds.join(' or ')).choices(kinds)
  const plan = program
    .command('plan')
    .description('look at every host and save what would change, for provision apply')
    .argument('[playbook]', 'the playbook', 'playbooks/site.ts')
    .helpCommand(false)
    .action((playbook: string, _options: object, command: Command) => {
      refuseMistypedCommand(playbook, command, io)
      choose(async () => (await load()).planCommand(io, playbook, optionsOf<PlanCommandOptions>(command)))
    })
    .addOption(new Option('-o, --out <file>', 'where the plan goes').default('site.plan'))
    .option('--detailed-exitcode', 'exit with 4 if changes are pending')
  selectionOptions(plan)
  connectionOptions(plan.optionsGroup('Connecting:'))
  plan
    .optionsGroup('Output:')
    .option('-D, --diff', 'show the texts of files that change')
    .addOption(output('live', 'plain', 'json'))
    .option('-v, --verbose', 'also tasks that are as wished', count, 0)
    .option('--debug', 'show stacks of errors')
  plan
    .command('show')
    .description('print a plan: host by host, what would change and what is unknown')
    .argument('[file]', 'the plan', 'site.plan')
    .addOption(output('text', 'json').default('text'))
    .action((file: string, _options: object, command: Command) =>
      choose(async () => (await load()).planShowCommand(io, file, optionsOf<PlanShowOptions>(command))),
    )
  const apply = program
    .command('apply')
    .description('do what a plan says, on the hosts that have not moved since')
    .argument('[file]', 'the plan', 'site.plan')
    .action((file: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./apply-command.ts')).applyCommand(io, file, optionsOf<ApplyCommandOptions>(command)),
      ),
    )
    .optionsGroup('Connecting:')
    .option('-f, --forks <number>', 'hosts at a time', wholeNumber, 20)
    .option('-k, --ask-pass', 'ask for the password of the login')
    .option('-K, --ask-become-pass', 'ask for the password of sudo or su')
    .option('--vault-key-file <file>', 'the key of the vault (default: ~/.config/provision/key)')
  outputOptions(apply)
  apply.option('-D, --diff', 'show the texts of files that change')
}
