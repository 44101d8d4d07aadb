// The command line: arguments to a command, errors to the screen, outcomes to exit codes. Commands are imported only when
// they run, so that --help and --version load nothing but commander.
import { Argument, Command, CommanderError, Option } from 'commander'
import { addDatabaseCommands } from './db-program.ts'
import type { DocOptions } from './doc-command.ts'
import { addHostCommands } from './host-program.ts'
import type { InitOptions } from './init-command.ts'
import { addInventoryCommands } from './inventory-program.ts'
import { exitCode, type Io } from './io.ts'
import { addLabCommands, addTestCommand } from './lab-program.ts'
import { packageVersion } from './package-version.ts'
import { addPlanCommands } from './plan-program.ts'
import {
  type Choose,
  checkOptions,
  connectionOptions,
  extraVarsOption,
  interval,
  inventoryOption,
  optionsOf,
  outputOption,
  queueOptions,
  refuseMistypedCommand,
  reportOptions,
  selectionOptions,
  wholeNumber,
} from './program-options.ts'
import type { ReportCommandOptions } from './report-command.ts'
import type { RollbackOptions } from './rollback-command.ts'
import { addVaultCommands } from './vault-program.ts'
import type { WatchOptions } from './watch-round.ts'
import type { WorkerOptions } from './worker-command.ts'

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
  program.commandsGroup('Databases:')
  addDatabaseCommands(program, io, choose)
  program.commandsGroup('Inventory:')
  addInventoryCommands(program, io, choose)
  program.commandsGroup('Secrets:')
  addVaultCommands(program, io, choose)
  program.commandsGroup('Lab:')
  addLabCommands(program, io, choose)
  return program
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
    .option(
      '--metrics <file>',
      "write drift for node_exporter's textfile collector (*.prom), here or on hosts (PATTERN:PATH)",
    )
    .option('-D, --diff', 'show the texts of files that differ')
  selectionOptions(watch)
  reportOptions(watch)
}
