// `provision doc`: resources and roles as the sources describe them.
import { ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import { makePaint, type Paint } from '../report/paint.ts'
import { type EntryDoc, firstSentence, type OptionDoc, readDocumentation } from './documentation.ts'
import { exitCode, hasColour, type Io } from './io.ts'

export interface DocOptions {
  readonly output: 'text' | 'json'
}

/** `provision doc [NAME]`. */
export async function docCommand(io: Io, name: string | undefined, options: DocOptions): Promise<number> {
  const entries = readDocumentation()
  const found = name === undefined ? undefined : findEntry(entries, name)
  if (options.output === 'json') io.stdout.write(`${JSON.stringify(found ?? entries, undefined, 2)}\n`)
  else {
    const paint = makePaint(hasColour(io, io.stdout))
    const columns = Math.min(io.stdout.columns ?? 100, 110)
    io.stdout.write(found ? renderEntry(found, paint, columns) : renderList(entries, paint, columns))
  }
  return exitCode.ok
}

function findEntry(entries: readonly EntryDoc[], name: string): EntryDoc {
  const found = entries.find((entry) => entry.name === name)
  if (found) return found
  const names = entries.map((entry) => entry.name)
  const inside = names.filter((known) => known.startsWith(`${name}.`))
  const near = nearest(name, names) ?? names.find((known) => known.endsWith(`.${name}`))
  throw new ProvisionError({
    code: 'input',
    message: `there is no resource or role '${name}'`,
    hint:
      inside.length > 0
        ? `Known: ${inside.join(', ')}.`
        : near
          ? `Did you mean '${near}'?`
          : 'provision doc lists all of them',
  })
}

function renderList(entries: readonly EntryDoc[], paint: Paint, columns: number): string {
  const width = Math.max(...entries.map(({ name }) => name.length)) + 2
  const section = (title: string, kind: EntryDoc['kind']) => [
    paint('bold', title),
    ...entries
      .filter((entry) => entry.kind === kind)
      .map(({ name, text }) => `  ${name.padEnd(width)}${cut(firstSentence(text), columns - width - 2)}`),
  ]
  const lines = [...section('Resources', 'resource'), '', ...section('Roles (hostwright/roles)', 'role')]
  return `${lines.join('\n')}\n\nOne of them with its options and an example: provision doc apt.package\n`
}

function renderEntry(entry: EntryDoc, paint: Paint, columns: number): string {
  const heading = (text: string) => ['', paint('bold', text)]
  const lines = [`${paint('bold', entry.name)}  ${paint('dim', entry.kind)}`, '', ...wrap(entry.text, columns, '')]
  lines.push(...heading(entry.kind === 'role' ? 'Parameters' : 'Options'))
  for (const option of entry.options) lines.push(...renderOption(option, paint, columns))
  if (entry.kind === 'resource')
    lines.push('', ...wrap(`Every task also takes ${taskOptions}; see docs/playbooks.md.`, columns, ''))
  if (entry.returns.length > 0) lines.push(...heading('Returns, for given(task, …) and after(task, …)'))
  for (const { name, type, text } of entry.returns)
    lines.push(`  ${paint('cyan', name)}  ${paint('dim', type)}`, ...wrap(text, columns, '      '))
  lines.push(...heading('Errors'), ...wrap(errors[entry.kind], columns, '  '))
  lines.push(...heading(entry.examples.length > 1 ? 'Examples' : 'Example'))
  for (const example of entry.examples) lines.push(...example.split('\n').map((line) => `  ${line}`))
  return `${[...lines, '', paint('dim', `Source: ${entry.source}`)].join('\n')}\n`
}

const taskOptions =
  'name, when, notify, tags, retry, ignoreErrors, changedWhen, failedWhen, on, become, check, noLog, env and timeout'

const errors = {
  resource:
    'A wrong option is found before any host is touched, with the file and the line (exit 1). A change that fails, or that the host does not show afterwards, fails the task (exit 2).',
  role: 'A wrong or missing parameter is found before any host is touched, with the line of the play (exit 1).',
} as const

function renderOption({ name, type, required, default: usual, text }: OptionDoc, paint: Paint, columns: number) {
  const inner = name.includes('.') ? '  ' : ''
  const tail = required ? 'required' : usual === undefined ? '' : `default: ${usual}`
  const head = `  ${inner}${paint('cyan', name)}  ${paint('dim', type)}`
  return [head, ...wrap([text, tail && `(${tail})`].filter(Boolean).join(' '), columns, `      ${inner}`)]
}

function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line)
      line = word
    } else line = line ? `${line} ${word}` : word
  }
  return line ? [...lines, indent + line] : lines
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
