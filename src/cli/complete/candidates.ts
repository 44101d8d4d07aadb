// What may stand at the end of a command line: commands, options and their values from the program itself, the rest by kind.
import type { Argument, Command, Option } from 'commander'
import type { Known } from './known.ts'

export interface Candidate {
  readonly value: string
  readonly text?: string | undefined
}

/** The candidates for the last word; the shell keeps those that begin as it does. */
export async function candidatesFor(
  program: Command,
  words: readonly string[],
  current: string,
  known: Known,
): Promise<readonly Candidate[]> {
  const place = placeOf(program, words)
  if (place.option) return await valuesOf(place.option, current, known)
  const [, name, value] = place.onlyArguments ? [] : (/^(--[\w-]+)=(.*)$/s.exec(current) ?? [])
  if (name !== undefined && value !== undefined) {
    const option = place.options.find(({ long }) => long === name)
    const values = option ? await valuesOf(option, value, known) : []
    return values.map((candidate) => ({ ...candidate, value: `${name}=${candidate.value}` }))
  }
  if (!place.onlyArguments && current.startsWith('-'))
    return place.options
      .filter(({ hidden, long }) => !hidden && long)
      .map(({ long, description }) => ({ value: long ?? '', text: description }))
  const commands = place.count === 0 ? place.command.createHelp().visibleCommands(place.command) : []
  return [
    ...commands.map((command) => ({ value: command.name(), text: command.description() })),
    ...(await argumentValues(place, current, known)),
  ]
}

interface Place {
  readonly command: Command
  readonly options: readonly Option[]
  /** Behind `--`. */
  readonly onlyArguments: boolean
  /** Arguments of the command so far. */
  readonly count: number
  /** The option whose value comes next. */
  readonly option: Option | undefined
}

function placeOf(program: Command, words: readonly string[]): Place {
  let command = program
  let options: readonly Option[] = optionsOf(command)
  let count = 0
  let onlyArguments = false
  let option: Option | undefined
  for (const word of words) {
    if (option) option = undefined
    else if (onlyArguments) count++
    else if (word === '--') onlyArguments = true
    else if (/^-./.test(word)) {
      const found = options.find(({ long, short }) => word === long || word === short)
      if (found?.required) option = found
    } else {
      const inner = count === 0 ? command.commands.find((one) => one.name() === word) : undefined
      if (inner) {
        command = inner
        options = optionsOf(command)
      } else count++
    }
  }
  return { command, options, onlyArguments, count, option }
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command)
}

async function valuesOf(option: Option, current: string, known: Known): Promise<readonly Candidate[]> {
  if (option.argChoices) return option.argChoices.map((value) => ({ value }))
  switch (option.long) {
    case '--limit':
      return await pattern(current, known, ['@failed'])
    case '--tags':
    case '--skip-tags':
      return behind(current, /^(.*,)?/, await known.tags())
    case '--start-at-task':
      return plain(await known.tasks())
    case '--name':
      return plain(await known.labs())
    default:
      return /<(file|folder)>/.test(option.flags) || ['--inventory', '--playbook'].includes(option.long ?? '')
        ? plain(known.files(current))
        : []
  }
}

async function argumentValues(place: Place, current: string, known: Known): Promise<readonly Candidate[]> {
  const { command, count } = place
  const argument: Argument | undefined = command.registeredArguments[count]
  if (argument?.argChoices) return plain(argument.argChoices)
  switch (argument?.name()) {
    case 'pattern':
      return await pattern(current, known, [])
    case 'host':
      return plain(command.parent?.name() === 'lab' ? await known.labHosts() : await known.hosts())
    case 'playbook':
      return plain([...(current.includes('/') ? [] : known.files('playbooks/')), ...known.files(current)])
    case 'folder':
    case 'file':
      return plain(known.files(current))
    case 'run':
      return plain(['last', ...known.runs()])
    case 'name':
      return command.name() === 'doc' ? known.documented() : []
    default:
      return []
  }
}

/** The last name of a host pattern: `web:!we`. */
async function pattern(current: string, known: Known, more: readonly string[]): Promise<readonly Candidate[]> {
  const names = [...(await known.groups()), 'all', ...(await known.hosts()), ...more]
  return behind(current, /^(.*[:,])?[!&]?/s, names)
}

/** Names behind what is typed already. */
function behind(current: string, head: RegExp, names: readonly string[]): readonly Candidate[] {
  const before = head.exec(current)?.[0] ?? ''
  return names.map((name) => ({ value: before + name }))
}

function plain(values: readonly string[]): readonly Candidate[] {
  return values.map((value) => ({ value }))
}
