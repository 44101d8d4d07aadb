// The command line: arguments to a command, errors to the screen, outcomes to exit codes. Commands are imported only when they run.
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { exitCode, type Io } from './io.ts'

type Action = (io: Io) => Promise<number>

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let action: Action | undefined
  const program = makeProgram(io, (chosen) => {
    action = chosen
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return action ? await action(io) : exitCode.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.input
    const { reportError } = await import('./report-error.ts')
    return reportError(error, io, argv.includes('--debug'))
  }
}

function makeProgram(io: Io, choose: (action: Action) => void): Command {
  const program = new Command('provision')
  program
    .description('Brings hosts to the state that a playbook describes, over SSH, with nothing installed on them.')
    .version(packageVersion(), '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    })
    .showHelpAfterError('Run provision --help for all options.')

  runOptions(program.argument('[playbook]', 'the playbook, a TypeScript file', 'playbooks/site.ts')).action(
    (playbook: string, options: object) =>
      choose(async () => (await import('./run-command.ts')).runCommand(io, playbook, options, false)),
  )
  runOptions(
    program
      .command('verify')
      .description("Runs only the roles' checks: which promises are kept.")
      .argument('[playbook]', 'the playbook', 'playbooks/site.ts'),
  ).action((playbook: string, options: object) =>
    choose(async () => (await import('./run-command.ts')).runCommand(io, playbook, options, true)),
  )
  addHostCommands(program, io, choose)
  addInventoryCommands(program, io, choose)
  addLabCommands(program, io, choose)
  return program
}

function inventoryOption(): Option {
  return new Option('-i, --inventory <file>', 'the inventory').default('inventory/hosts.ts')
}

function secretsOption(): Option {
  return new Option('--secrets <file>', 'where generated secrets are kept').default('.provision/secrets.json')
}

function runOptions(command: Command): Command {
  return command
    .addOption(inventoryOption())
    .option('-l, --limit <pattern>', 'only these hosts: web, web1, web:!web2')
    .option('-t, --tags <tags>', 'only tasks with one of these tags (comma-separated)', list)
    .option('--skip-tags <tags>', 'leave tasks with one of these tags out', list)
    .option('-C, --check', 'change nothing, say what would change')
    .option('-D, --diff', 'show the texts of files that change')
    .option('--detailed-exitcode', 'with --check: exit with 4 if changes are pending')
    .option('-f, --forks <number>', 'hosts at a time', wholeNumber, 20)
    .option(
      '-e, --extra-vars <role.param=value>',
      'a parameter of a role, JSON, or @file.json; may be repeated',
      collect,
    )
    .addOption(
      new Option('-o, --output <kind>', 'live, plain, json or junit (default: live on a terminal, else plain)').choices(
        ['live', 'plain', 'json', 'junit'],
      ),
    )
    .addOption(secretsOption())
    .option('--list-hosts', 'list the hosts of each play and stop')
    .option('--list-tasks', 'list the tasks of each play and stop')
    .option('--list-tags', 'list the tags and stop')
    .option('-K, --ask-become-pass', 'ask for the password of sudo or su')
    .option('-k, --ask-pass', 'ask for the password of the login')
    .option(
      '-v, --verbose',
      'also show tasks that were ok or skipped; twice: output of commands',
      (_, count: number) => count + 1,
      0,
    )
    .option('--debug', 'show stacks of errors')
}

function addHostCommands(program: Command, io: Io, choose: (action: Action) => void): void {
  const load = () => import('./host-commands.ts')
  const common = (command: Command) =>
    command
      .addOption(inventoryOption())
      .addOption(secretsOption())
      .option('-f, --forks <number>', 'hosts at a time', wholeNumber, 20)
      .option('-K, --ask-become-pass', 'ask for the password of sudo or su')
      .option('--debug', 'show stacks of errors')
  common(
    program
      .command('ping')
      .description('Connects to hosts and says how long it took.')
      .argument('[pattern]', 'which hosts', 'all'),
  ).action((pattern: string, options: object) => choose(async () => (await load()).pingCommand(io, pattern, options)))
  common(
    program
      .command('facts')
      .description('Shows what a host tells of itself, as JSON.')
      .argument('<pattern>', 'which hosts'),
  ).action((pattern: string, options: object) => choose(async () => (await load()).factsCommand(io, pattern, options)))
  common(
    program
      .command('exec')
      .description('Runs a shell command on hosts, side by side.')
      .argument('<pattern>', 'which hosts')
      .argument('<command...>', 'the command, after --'),
  ).action((pattern: string, words: string[], options: object) =>
    choose(async () => (await load()).execCommand(io, pattern, words, options)),
  )
  common(
    program
      .command('ssh')
      .description('Opens a shell on a host with OpenSSH.')
      .argument('<host>', 'which host')
      .argument('[command...]', 'a command instead'),
  ).action((host: string, words: string[], options: object) =>
    choose(async () => (await load()).sshCommand(io, host, words, options)),
  )
}

function addInventoryCommands(program: Command, io: Io, choose: (action: Action) => void): void {
  const load = () => import('./inventory-commands.ts')
  const inventory = program.command('inventory').description('Shows the inventory.')
  inventory
    .command('list')
    .description('Hosts with address, user and groups.')
    .addOption(inventoryOption())
    .addOption(new Option('-o, --output <kind>').choices(['text', 'json']).default('text'))
    .action((options: object) => choose(async () => (await load()).listCommand(io, options)))
  inventory
    .command('graph')
    .description('Groups as a tree.')
    .addOption(inventoryOption())
    .action((options: object) => choose(async () => (await load()).graphCommand(io, options)))
  program
    .command('vars')
    .description('Shows the variables of a host and which file and line gave them.')
    .argument('<host>', 'which host')
    .argument('[name]', 'one variable, for example nginx.workers')
    .addOption(inventoryOption())
    .action((host: string, name: string | undefined, options: object) =>
      choose(async () => (await load()).varsCommand(io, host, name, options)),
    )
}

function addLabCommands(program: Command, io: Io, choose: (action: Action) => void): void {
  const load = () => import('./lab-command.ts')
  const lab = program.command('lab').description('Real Debian hosts on this machine, for trying things (Linux, root).')
  const named = (command: Command) => command.option('-n, --name <name>', 'which lab', io.env.PROVISION_LAB ?? 'lab')
  const output = () => new Option('-o, --output <kind>').choices(['text', 'json']).default('text')
  named(lab.command('up'))
    .description('Brings a lab up, or repairs one.')
    .option('--host <name:suite>', 'a host; may be repeated (default: lb1:bookworm web1:sid web2:sid)', collect)
    .option('--no-acme', 'without the ACME test authority')
    .addOption(output())
    .action((options: object) => choose(async () => (await load()).upCommand(io, options)))
  named(lab.command('status'))
    .description('Shows hosts, keys and the ACME directory.')
    .addOption(output())
    .action((options: object) => choose(async () => (await load()).statusCommand(io, options)))
  named(lab.command('ssh').argument('<host>').argument('[command...]'))
    .description('Opens a shell on a host.')
    .action((host: string, words: string[], options: object) =>
      choose(async () => (await load()).labSshCommand(io, host, words, options)),
    )
  named(lab.command('down'))
    .description('Removes a lab and all that it has here.')
    .action((options: object) => choose(async () => (await load()).downCommand(io, options)))
  named(lab.command('reset'))
    .description('Gives every host a fresh disk.')
    .addOption(output())
    .action((options: object) => choose(async () => (await load()).resetCommand(io, options)))
  named(lab.command('kill').argument('<host>'))
    .description('Pulls the plug of a host; its disk stays.')
    .action((host: string, options: object) => choose(async () => (await load()).killCommand(io, host, options)))
  named(lab.command('start').argument('<host>'))
    .description('Boots a host that was killed.')
    .action((host: string, options: object) => choose(async () => (await load()).startCommand(io, host, options)))
}

function list(value: string): string[] {
  const words = value.split(',').map((word) => word.trim())
  if (words.some((word) => word === '')) throw new InvalidArgumentError('Expected names separated by commas.')
  return words
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function wholeNumber(value: string): number {
  if (!/^[1-9][0-9]*$/.test(value)) throw new InvalidArgumentError('Expected a number from 1.')
  return Number(value)
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
