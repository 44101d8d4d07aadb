// The command line: arguments to a command, errors to the screen, outcomes to exit codes. Commands are imported only when
// they run, so that --help and --version load nothing but commander.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { ApplyCommandOptions } from './apply-command.ts'
import type { DocOptions } from './doc-command.ts'
import type { HostOptions } from './host-commands.ts'
import type { InitOptions } from './init-command.ts'
import type { InventoryOptions } from './inventory-commands.ts'
import { exitCode, type Io } from './io.ts'
import type { LabCommandOptions } from './lab-command.ts'
import { packageVersion } from './package-version.ts'
import type { PlanCommandOptions, PlanShowOptions } from './plan-command.ts'
import type { ReportCommandOptions } from './report-command.ts'
import type { RollbackOptions } from './rollback-command.ts'
import type { TestOptions } from './test-command.ts'
import type { VarsOptions } from './vars-command.ts'
import { addVaultCommands } from './vault-program.ts'
import type { WatchOptions } from './watch-round.ts'
import type { WorkerOptions } from './worker-command.ts'

type Choose = (action: () => Promise<number>) => void

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let action: (() => Promise<number>) | undefined
  const program = makeProgram(io, (chosen) => {
    action = chosen
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return action ? await action() : exitCode.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.input
    const { reportError } = await import('./report-error.ts')
    return reportError(error, io, argv.includes('--debug'))
  }
}

const examples = `
Examples:
  provision --check --diff                     what would change, and nothing else
  provision --limit web1 --tags nginx          only the role nginx on web1
  provision playbooks/upgrade.ts -i inventory/lab.ts
  provision exec web -- systemctl is-active nginx
  provision lab up                             real hosts on this machine, to try things

Exit codes: 0 done, 1 bad input, 2 a task failed, 3 a host was unreachable,
4 changes are pending (--check --detailed-exitcode), 130 interrupted.`

function makeProgram(io: Io, choose: Choose): Command {
  const program = new Command('provision')
  program
    .usage('[playbook] [options]\n       provision <command> …')
    .description('Brings hosts to the state that a playbook describes, over SSH, with nothing installed on them.')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 100, 110),
      getErrHelpWidth: () => Math.min(io.stderr.columns ?? 100, 110),
    })
    .showHelpAfterError('Run provision --help for all options.')
    .addHelpText('after', examples)
    .argument('[playbook]', 'the playbook, a TypeScript file', 'playbooks/site.ts')
  selectionOptions(program)
  program.option('--retry-failed', 'only the hosts that failed or were unreachable in the last run')
  program.option('--start-at-task <name>', 'begin at the first task of this name; * stands for any text')
  program.option('--step', 'ask before each task: yes, no, continue without asking, quit')
  checkOptions(program)
  queueOptions(program)
  reportOptions(program)
  program
    .optionsGroup('Other:')
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this')
    .action((playbook: string, _options: object, command: Command) => {
      refuseMistypedCommand(playbook, command, io)
      choose(async () => (await import('./run-command.ts')).runCommand(io, playbook, optionsOf(command), false))
    })
  program.helpCommand(false)

  program.commandsGroup('A project:')
  addInitCommand(program, io, choose)
  program
    .command('doc')
    .description('what a resource or a role is for, its options and an example; without a name a list')
    .argument('[name]', 'for example apt.package, file.template, haproxy')
    .addOption(outputOption())
    .action((name: string | undefined, _options: object, command: Command) =>
      choose(async () => (await import('./doc-command.ts')).docCommand(io, name, optionsOf<DocOptions>(command))),
    )
  addCompletionCommands(program, io, choose)
  program.commandsGroup('Hosts:')
  addHostCommands(program, io, choose)
  const verify = program
    .command('verify')
    .description("run only the roles' checks: which promises are kept")
    .argument('[playbook]', 'the playbook', 'playbooks/site.ts')
    .action((playbook: string, _options: object, command: Command) =>
      choose(async () => (await import('./run-command.ts')).runCommand(io, playbook, optionsOf(command), true)),
    )
  selectionOptions(verify)
  queueOptions(verify)
  reportOptions(verify)
  addPlanCommands(program, io, choose)
  addRollbackCommand(program, io, choose)
  addTestCommand(program, io, choose)
  addWatchCommand(program, io, choose)
  program
    .command('report')
    .description('make an HTML page of the record of a run')
    .argument('[run]', 'last, an id, or the beginning of one', 'last')
    .option('--list', 'list the records instead')
    .option('--output-file <file>', 'where the page goes, - is stdout (default: beside the record)')
    .action((run: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./report-command.ts')).reportCommand(io, run, optionsOf<ReportCommandOptions>(command)),
      ),
    )
  addWorkerCommand(program, io, choose)
  program.commandsGroup('Inventory:')
  addInventoryCommands(program, io, choose)
  program.commandsGroup('Secrets:')
  addVaultCommands(program, io, choose, optionsOf)
  program.commandsGroup('Lab:')
  addLabCommands(program, io, choose)
  return program
}

/**
 * A command's options, with those that were written before its name (`provision -i FILE ping`): commander gives them to
 * the program, and they would be lost without a word.
 */
function optionsOf<T extends object>(command: Command): T {
  const options: Record<string, unknown> = { ...command.opts() }
  for (let above = command.parent; above; above = above.parent) {
    for (const option of above.options) {
      const key = option.attributeName()
      if (above.getOptionValueSource(key) !== 'cli') continue
      if (!command.options.some((own) => own.attributeName() === key))
        command.error(`error: unknown option '${option.long}' for the command '${command.name()}'`)
      if (command.getOptionValueSource(key) !== 'cli') options[key] = above.getOptionValue(key)
    }
  }
  return options as T // the parsers of the options below make it so
}

function addInitCommand(program: Command, io: Io, choose: Choose): void {
  program
    .command('init')
    .description('set a project up: asks, shows what it will write, writes')
    .argument('[folder]', 'where (default: it asks; with --yes or --answers the current folder)')
    .option('--answers <file>', 'answers as JSON instead of questions; what it leaves out is as before, or the default')
    .option('-y, --yes', 'no questions: the answers as before, or the defaults')
    .option('--run', 'with --yes or --answers: bring the lab up, check, run and verify')
    .option('--debug', 'show stacks of errors')
    .action((folder: string | undefined, _options: object, command: Command) =>
      choose(async () => (await import('./init-command.ts')).initProject(io, folder, optionsOf<InitOptions>(command))),
    )
}

/** `provision pnig` is no wish to run a playbook named pnig. */
function refuseMistypedCommand(word: string, program: Command, io: Io): void {
  if (/[./\\]/.test(word) || existsSync(resolve(io.cwd, word))) return
  const error = new Command(program.name()).exitOverride().configureOutput(program.configureOutput())
  error.showHelpAfterError('Run provision --help for all options.')
  for (const { name } of program.commands.map((command) => ({ name: command.name() }))) error.command(name)
  error.parse([word], { from: 'user' })
}

function inventoryOption(): Option {
  return new Option('-i, --inventory <file>', 'the inventory').default('inventory/hosts.ts')
}

function extraVarsOption(): Option {
  const what = "a role's parameter: role.name=value, JSON or @file.json; may be repeated"
  return new Option('-e, --extra-vars <vars>', what).argParser(collect)
}

function outputOption(): Option {
  return new Option('-o, --output <kind>', 'text or json').choices(['text', 'json']).default('text')
}

function connectionOptions(command: Command): Command {
  return command
    .option('-f, --forks <number>', 'hosts at a time', wholeNumber, 20)
    .option('-k, --ask-pass', 'ask for the password of the login')
    .option('-K, --ask-become-pass', 'ask for the password of sudo or su')
    .addOption(
      new Option('--secrets <file>', 'where generated secrets are kept without a vault').default(
        '.provision/secrets.json',
      ),
    )
    .option('--vault <file>', 'the vault (default: secrets.age if it is there)')
    .option('--vault-key-file <file>', 'the key of the vault (default: ~/.config/provision/key)')
}

function selectionOptions(command: Command): void {
  command
    .optionsGroup('What to run, on what:')
    .addOption(inventoryOption())
    .option('-l, --limit <pattern>', 'only these hosts: web, web1, web:!web2, @failed (in the last run)')
    .option('-t, --tags <tags>', 'only tasks with one of these tags (comma-separated)', list, undefined)
    .option('--skip-tags <tags>', 'leave tasks with one of these tags out', list, undefined)
    .addOption(extraVarsOption())
}

function reportOptions(command: Command): void {
  connectionOptions(command.optionsGroup('Connecting:'))
  outputOptions(command)
}

function outputOptions(command: Command): void {
  command
    .optionsGroup('Output:')
    .addOption(
      new Option('-o, --output <kind>', 'live, plain, json or junit (default: live on a terminal, else plain)').choices(
        ['live', 'plain', 'json', 'junit'],
      ),
    )
    .option('--output-file <file>', 'where json or junit goes instead of stdout')
    .addOption(
      new Option('--keep-runs <number>', 'how many records of runs stay in .provision/runs; 0: leave none')
        .argParser(zeroOrMore)
        .default(50),
    )
    .option('-v, --verbose', 'also tasks that were ok or skipped; -vv: also output of commands', count, 0)
    .option('--debug', 'show stacks of errors')
}

function queueOptions(command: Command): void {
  command
    .optionsGroup('By workers:')
    .option('--queue <address>', 'let workers do it: redis://HOST:PORT/DB, rediss://…, unix:PATH or env:NAME')
    .option('--worker-wait <seconds>', 'how long to wait for a first worker', wholeNumber, 30)
}

function addWorkerCommand(program: Command, io: Io, choose: Choose): void {
  const worker = program
    .command('worker')
    .description('take hosts of runs with --queue and provision them from this machine')
    .argument('[playbook]', 'the playbook of those runs', 'playbooks/site.ts')
    .requiredOption('--queue <address>', 'the queue: redis://HOST:PORT/DB, rediss://…, unix:PATH or env:NAME')
    .option('--lease <seconds>', 'without a sign of life for this long, others take its hosts', wholeNumber, 30)
    .addOption(inventoryOption())
    .addOption(extraVarsOption())
    .option('--debug', 'show stacks of errors')
    .action((playbook: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./worker-command.ts')).workerCommand(io, playbook, optionsOf<WorkerOptions>(command)),
      ),
    )
  connectionOptions(worker)
}

function checkOptions(command: Command): void {
  command
    .optionsGroup('Looking first:')
    .option('-C, --check', 'change nothing, say what would change')
    .option('-D, --diff', 'show the texts of files that change')
    .option('--detailed-exitcode', 'with --check: exit with 4 if changes are pending')
    .option('--list-hosts', 'list the hosts of each play and stop')
    .option('--list-tasks', 'list the tasks of each play and stop')
    .option('--list-tags', 'list the tags and stop')
}

function addHostCommands(program: Command, io: Io, choose: Choose): void {
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

function addRollbackCommand(program: Command, io: Io, choose: Choose): void {
  const rollback = program
    .command('rollback')
    .description('go back to the previous release of a role on all its hosts, as its plays change them')
    .argument('<role>', 'the role, for example app')
    .argument('[playbook]', 'the playbook (default: playbooks/deploy.ts if it is there, else playbooks/site.ts)')
    .option('--to <release>', 'this one of the releases that are kept, by the beginning of its identity')
    .option('-C, --check', 'change nothing, say what would change')
    .addOption(inventoryOption())
    .option('-l, --limit <pattern>', 'only these hosts')
    .addOption(extraVarsOption())
    .action((role: string, playbook: string | undefined, _options: object, command: Command) =>
      choose(async () =>
        (await import('./rollback-command.ts')).rollbackCommand(
          io,
          role,
          playbook,
          optionsOf<RollbackOptions>(command),
        ),
      ),
    )
  reportOptions(rollback)
}

function addTestCommand(program: Command, io: Io, choose: Choose): void {
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

function addCompletionCommands(program: Command, io: Io, choose: Choose): void {
  program
    .command('completion')
    .description('print the completion of provision for a shell')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .action((shell: 'bash' | 'zsh' | 'fish') =>
      choose(async () => {
        io.stdout.write((await import('./complete/scripts.ts')).completionScripts[shell])
        return exitCode.ok
      }),
    )
  program
    .command('complete', { hidden: true })
    .argument('<shell>')
    .argument('[words...]')
    .action((shell: string, words: string[]) =>
      choose(async () => (await import('./complete/command.ts')).completeCommand(io, program, shell, words)),
    )
}

function addWatchCommand(program: Command, io: Io, choose: Choose): void {
  const watch = program
    .command('watch')
    .description('run again when a file changes and by an interval, over held connections: shows drift as it appears')
    .argument('[playbook]', 'the playbook', 'playbooks/site.ts')
    .action((playbook: string, _options: object, command: Command) =>
      choose(async () =>
        (await import('./watch-command.ts')).watchCommand(io, playbook, optionsOf<WatchOptions>(command)),
      ),
    )
  watch
    .optionsGroup('Watching:')
    .option('--apply', 'converge; otherwise nothing is changed')
    .addOption(
      new Option('--interval <time>', 'how often to look without a change: 30s, 5m, 1h, or off')
        .argParser(interval)
        .default(300_000, '5m'),
    )
    .option('--metrics <file>', "write drift for node_exporter's textfile collector (*.prom)")
    .option('-D, --diff', 'show the texts of files that differ')
  selectionOptions(watch)
  reportOptions(watch)
}

function addPlanCommands(program: Command, io: Io, choose: Choose): void {
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

function addInventoryCommands(program: Command, io: Io, choose: Choose): void {
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

function addLabCommands(program: Command, io: Io, choose: Choose): void {
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
  add('kill', 'pull the plug of a host; its disk stays')
    .argument('<host>')
    .action((host: string, _options: object, command: Command) =>
      choose(async () => (await load()).killCommand(io, host, optionsOf<LabCommandOptions>(command))),
    )
  add('start', 'boot a host that was killed')
    .argument('<host>')
    .action((host: string, _options: object, command: Command) =>
      choose(async () => (await load()).startCommand(io, host, optionsOf<LabCommandOptions>(command))),
    )
}

/** Names separated by commas; an option that is given again adds to them. */
function list(value: string, before: readonly string[] = []): string[] {
  const words = value.split(',').map((word) => word.trim())
  if (words.includes('')) throw new InvalidArgumentError('Expected names separated by commas.')
  return [...before, ...words]
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function count(_value: string, before: number): number {
  return before + 1
}

function wholeNumber(value: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new InvalidArgumentError('Expected a whole number from 1.')
  return Number(value)
}

/** Milliseconds; without end for `off`. */
function interval(value: string): number {
  if (value === 'off') return Number.POSITIVE_INFINITY
  const [, number, unit = 's'] = /^([1-9][0-9]{0,6})([smh]?)$/.exec(value) ?? []
  if (!number) throw new InvalidArgumentError('Expected a time such as 30s, 5m or 1h, or off.')
  return Number(number) * ({ s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1000)
}

function zeroOrMore(value: string): number {
  return value === '0' ? 0 : wholeNumber(value)
}
