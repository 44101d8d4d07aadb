// Renders EJS templates for configuration files: nothing is HTML-escaped, nothing undefined is printed, secrets are
// revealed, and every mistake is an error with the template's file and line.
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isProvisionError, ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import { redacted, type Secrets } from '../core/secret.ts'
import { type CompiledTemplate, compileTemplate } from './compile.ts'
import { exposeSecrets } from './locals.ts'
import { lostSecretHint, printValue, Unprintable } from './print.ts'
import { templateError } from './problem.ts'

/** What to render. */
export interface TemplateInput {
  /** Absolute path of the template, as `resolveTemplate` gives it; includes are relative to it. */
  readonly file: string
  /** The template's text. @default what the file holds */
  readonly text?: string | undefined
  /** The variables that the template sees; secrets in them, nested ones too, read as their text. */
  readonly vars: Readonly<Record<string, unknown>>
  readonly secrets: Secrets
  /** Keeps compiled templates, for callers that render one for many hosts. @default compiled anew each time */
  readonly cache?: TemplateCache | undefined
  /** Told each file that an include looks at. */
  readonly onRead?: ((path: string) => void) | undefined
}

/** Compiled templates by file, text and variable names. */
export type TemplateCache = Map<string, CompiledTemplate>

/** What one rendering and its includes share. */
interface Rendering {
  readonly secrets: Secrets
  readonly cache: TemplateCache | undefined
  readonly onRead: TemplateInput['onRead']
}

const deepest = 50

/** The rendered text, exact to the byte; throws a ProvisionError (`template`) with the template's file and line. */
export function renderTemplate(input: TemplateInput): string {
  const text = input.text ?? readTemplate(input.file)
  const output = renderText(
    { file: input.file, text },
    exposeSecrets(input.vars, input.secrets),
    { secrets: input.secrets, cache: input.cache, onRead: input.onRead },
    1,
  )
  if (!output.includes(redacted)) return output
  const line = text.split('\n').findIndex((row) => row.includes(redacted)) + 1
  throw templateError(
    { file: input.file, text },
    {
      message: `the rendered text holds ${redacted} in place of a secret`,
      line: Math.max(1, line),
      hint: lostSecretHint,
    },
  )
}

/** The text of a template file; throws a ProvisionError (`template`) if it is not there or not UTF-8. */
export function readTemplate(file: string): string {
  const fail = (message: string, cause?: unknown): never => {
    throw new ProvisionError({ code: 'template', message, where: { file, line: 1, column: 1 }, cause })
  }
  const status = statSync(file, { throwIfNoEntry: false })
  if (!status) return fail(`template ${file} does not exist`)
  if (!status.isFile()) return fail(`template ${file} is not a file`)
  const bytes = readFileSync(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    return fail(`template ${file} is not UTF-8 text`, error)
  }
}

function renderText(
  source: { file: string; text: string },
  locals: Record<string, unknown>,
  rendering: Rendering,
  depth: number,
): string {
  const names = Object.keys(locals)
  const { secrets, cache } = rendering
  const key = cache ? `${source.file}\0${names.join(' ')}\0${source.text}` : ''
  const template = cache?.get(key) ?? compileTemplate(source, names)
  cache?.set(key, template)
  const print = (index: number, ...values: readonly unknown[]): string => {
    const tag = template.printed[index]
    const expression = tag?.code.trim().replace(/\s+/g, ' ') ?? ''
    try {
      return printValue(values.at(-1), expression, secrets)
    } catch (error) {
      if (!(error instanceof Unprintable)) throw error
      throw templateError(source, {
        message: error.message,
        line: tag?.line ?? 1,
        column: tag?.column,
        hint: error.hint,
      })
    }
  }
  const include = (path: string, data: Readonly<Record<string, unknown>> = {}): string => {
    const file = findInclude(source.file, path, rendering.onRead)
    if (depth >= deepest)
      throw new Unprintable(`include('${path}') is nested more than ${deepest} deep; does it include itself?`)
    const own = Object.getOwnPropertyDescriptors(exposeSecrets(data, secrets))
    const inner = Object.create(null, { ...Object.getOwnPropertyDescriptors(locals), ...own })
    return renderText({ file, text: readTemplate(file) }, inner, rendering, depth + 1)
  }
  const rethrow = (error: unknown, _text: string, _file: string, line: number): never => {
    throw runtimeError(template, error, line, names)
  }
  return template.run(locals, print, include, rethrow)
}

function findInclude(from: string, path: string, onRead: TemplateInput['onRead']): string {
  const asWritten = resolve(dirname(from), path)
  const places = [asWritten, `${asWritten}.ejs`]
  const found = places.find((place) => {
    onRead?.(place)
    return statSync(place, { throwIfNoEntry: false })?.isFile()
  })
  if (found) return found
  throw new Unprintable(`include('${path}') was not found; looked at ${places.join(' and ')}`)
}

/** What the template's own code threw, at the line that ejs was in. */
function runtimeError(
  template: CompiledTemplate,
  error: unknown,
  line: number,
  names: readonly string[],
): ProvisionError {
  const { source } = template
  if (isProvisionError(error)) {
    if (error.where === undefined || error.where.file === source.file) return error
    const evidence = error.detail ? `${error.detail}\n\n` : ''
    const detail = `${evidence}included from ${source.file}:${line}`
    return new ProvisionError({ ...error, message: error.message, detail, cause: error.cause })
  }
  if (error instanceof Unprintable) return templateError(source, { message: error.message, line, hint: error.hint })
  const unknownName = error instanceof ReferenceError ? /^(\S+) is not defined$/.exec(error.message)?.[1] : undefined
  if (unknownName) {
    const near = nearest(unknownName, names)
    return templateError(source, {
      message: `variable '${unknownName}' is not defined`,
      ...findName(template, unknownName, line),
      hint: near
        ? `Did you mean '${near}'?`
        : `Add it to the task's vars${names.length > 0 ? ` (given: ${names.join(', ')})` : ''}, or write locals.${unknownName} if it may be missing.`,
      cause: error,
    })
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`
  const tag = template.tags.find((entry) => entry.line <= line && line <= entry.endLine)
  return templateError(source, { message, line, column: tag?.line === line ? tag.column : undefined, cause: error })
}

/** The first use of a name in the tags that run at this line. */
function findName(template: CompiledTemplate, name: string, line: number): { line: number; column?: number } {
  const rows = template.source.text.split('\n')
  const end = template.tags.filter((tag) => tag.line === line).reduce((last, tag) => Math.max(last, tag.endLine), line)
  for (let number = line; number <= end; number++) {
    const column = (rows[number - 1] ?? '').search(new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`))
    if (column !== -1) return { line: number, column: column + 1 }
  }
  return { line }
}
