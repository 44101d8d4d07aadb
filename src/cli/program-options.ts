// What the commands have in common: options by what they are about, and how values are read.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Io } from './io.ts'

/** Told what to do when all arguments are read. */
export type Choose = (action: () => Promise<number>) => void

/**
 * A command's options, with those that were written before its name (`provision -i FILE ping`): commander gives them to
 * the program, and they would be lost without a word.
 */
export function optionsOf<T extends object>(command: Command): T {
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

/** `provision pnig` is no wish to run a playbook named pnig. */
export function refuseMistypedCommand(word: string, program: Command, io: Io): void {
  if (/[./\\]/.test(word) || existsSync(resolve(io.cwd, word))) return
  const error = new Command(program.name()).exitOverride().configureOutput(program.configureOutput())
  error.showHelpAfterError('Run provision --help for all options.')
  for (const { name } of program.commands.map((command) => ({ name: command.name() }))) error.command(name)
  error.parse([word], { from: 'user' })
}

export function inventoryOption(): Option {
  return new Option('-i, --inventory <file>', 'the inventory').default('inventory/hosts.ts')
}

export function extraVarsOption(): Option {
  const what = "a role's parameter: role.name=value, JSON or @file.json; may be repeated"
  return new Option('-e, --extra-vars <vars>', what).argParser(collect)
}

export function outputOption(): Option {
  return new Option('-o, --output <kind>', 'text or json').choices(['text', 'json']).default('text')
}

export function connectionOptions(command: Command): Command {
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

export function selectionOptions(command: Command): void {
  command
    .optionsGroup('What to run, on what:')
    .addOption(inventoryOption())
    .option('-l, --limit <pattern>', 'only these hosts: web, web1, web:!web2, @failed (in the last run)')
    .option('-t, --tags <tags>', 'only tasks with one of these tags (comma-separated)', list, undefined)
    .option('--skip-tags <tags>', 'leave tasks with one of these tags out', list, undefined)
    .addOption(extraVarsOption())
}

export function reportOptions(command: Command): void {
  connectionOptions(command.optionsGroup('Connecting:'))
  outputOptions(command)
}

export function outputOptions(command: Command): void {
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

export function queueOptions(command: Command): void {
  command
    .optionsGroup('By workers:')
    .option('--queue <address>', 'let workers do it: redis://HOST:PORT/DB, rediss://…, unix:PATH or env:NAME')
    .option('--worker-wait <seconds>', 'how long to wait for a first worker', wholeNumber, 30)
}

export function checkOptions(command: Command): void {
  command
    .optionsGroup('Looking first:')
    .option('-C, --check', 'change nothing, say what would change')
    .option('-D, --diff', 'show the texts of files that change')
    .option('--detailed-exitcode', 'with --check: exit with 4 if changes are pending')
    .option('--list-hosts', 'list the hosts of each play and stop')
    .option('--list-tasks', 'list the tasks of each play and stop')
    .option('--list-tags', 'list the tags and stop')
}

/** Names separated by commas; an option that is given again adds to them. */
export function list(value: string, before: readonly string[] = []): string[] {
  const words = value.split(',').map((word) => word.trim())
  if (words.includes('')) throw new InvalidArgumentError('Expected names separated by commas.')
  return [...before, ...words]
}

export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

export function count(_value: string, before: number): number {
  return before + 1
}

export function wholeNumber(value: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new InvalidArgumentError('Expected a whole number from 1.')
  return Number(value)
}

/** Milliseconds; without end for `off`. */
export function interval(value: string): number {
  if (value === 'off') return Number.POSITIVE_INFINITY
  const [, number, unit = 's'] = /^([1-9][0-9]{0,6})([smh]?)$/.exec(value) ?? []
  if (!number) throw new InvalidArgumentError('Expected a time such as 30s, 5m or 1h, or off.')
  return Number(number) * ({ s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1000)
}

export function zeroOrMore(value: string): number {
  return value === '0' ? 0 : wholeNumber(value)
}
