// What a user's module threw while it was imported or called, as an error that points at the user's line.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { type ErrorCode, isProvisionError, type Location, ProvisionError } from '../core/error.ts'
import { mapLocation } from '../core/location.ts'
import { nearest } from '../core/schema.ts'
import { sourceExcerpt } from './source-excerpt.ts'

/** The module whose code threw. */
export interface EvaluatedModule {
  readonly name: string
  readonly project: string
  readonly code: ErrorCode
  readonly inputs: readonly string[]
  /** The URL of `hostwright` itself. */
  readonly own: string
}

export async function evaluationError(error: unknown, module: EvaluatedModule): Promise<ProvisionError> {
  const where = thrownAt(error, module.inputs)
  if (isProvisionError(error)) {
    if (error.where !== undefined || where === undefined) return error
    return new ProvisionError({ ...error, message: error.message, where, cause: error.cause })
  }
  const missing = await missingExport(error, module)
  if (missing) return missing
  const hint = await nearestMember(error, module.own)
  const thrown = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new ProvisionError({
    code: module.code,
    message: `${where ? relative(module.project, where.file) : module.name} threw ${thrown}`,
    where,
    detail: where && sourceExcerpt(where),
    hint,
    cause: error,
  })
}

/** `file.templat is not a function`: what `file` of this package has. */
async function nearestMember(error: unknown, own: string): Promise<string | undefined> {
  const [, group, name] = (error instanceof TypeError && /(\w+)\.(\w+) is not a function/.exec(error.message)) || []
  if (!group || !name) return undefined
  const found: unknown = ((await import(own)) as Record<string, unknown>)[group]
  if (typeof found !== 'object' || found === null) return undefined
  const names = Object.keys(found).filter((key) => typeof found[key as keyof typeof found] === 'function')
  const near = nearest(name, names)
  return near ? `Did you mean ${group}.${near}?` : `Known: ${names.map((key) => `${group}.${key}`).join(', ')}.`
}

/** The innermost place of the user's own code in an error's stack. */
function thrownAt(error: unknown, inputs: readonly string[]): Location | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined
  for (const line of error.stack.split('\n')) {
    const frame = /^\s*at (?:.*\()?((?:file:\/\/)?\/.*?):(\d+):(\d+)\)?$/.exec(line)
    if (!frame?.[1]) continue
    const place = mapLocation(frame[1], Number(frame[2]), Number(frame[3]))
    if (inputs.includes(place.file)) return place
  }
  return undefined
}

/** An import of a name that a package does not export: Node tells the name, the user's source tells the line. */
async function missingExport(error: unknown, module: EvaluatedModule): Promise<ProvisionError | undefined> {
  if (!(error instanceof SyntaxError)) return undefined
  const [, url, name] =
    /requested module '([^']+)' does not provide an export named '([^']+)'/.exec(error.message) ?? []
  if (!url || !name) return undefined
  for (const file of module.inputs) {
    const text = readFileSync(file, 'utf8')
    for (const statement of text.matchAll(/\bimport\b[^'"`;]*?\bfrom\s*(['"])(.*?)\1/g)) {
      const offset = statement[0].search(new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`))
      if (offset === -1) continue
      const before = text.slice(0, statement.index + offset)
      const where = { file, line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') }
      const exported = url.startsWith('file:') ? Object.keys(await import(url)) : []
      const near = nearest(name, exported)
      return new ProvisionError({
        code: module.code,
        message: `${relative(module.project, file)}: '${statement[2]}' exports no '${name}'`,
        where,
        detail: sourceExcerpt(where),
        hint: near ? `Did you mean '${near}'?` : undefined,
        cause: error,
      })
    }
  }
  return undefined
}
