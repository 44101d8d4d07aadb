// From esbuild's messages to ours: the user's file, line and column, the line itself, and what to do.
import { readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Message } from 'esbuild'
import { type ErrorCode, ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import { sourceExcerpt } from './source-excerpt.ts'

/** The error for a failed bundle; anything that is no failure of esbuild comes back as it is. */
export function buildError(failure: unknown, project: string, code: ErrorCode): unknown {
  const message = firstMessage(failure)
  if (!message) return failure
  const { location } = message
  if (!location) return new ProvisionError({ code, message: message.text, cause: failure })
  const file = resolve(project, location.file)
  // esbuild counts columns in bytes
  const column = Buffer.from(location.lineText).subarray(0, location.column).toString().length + 1
  const where = { file, line: location.line, column }
  const said = sentenceOf(message, file, relative(project, file))
  return new ProvisionError({ code, ...said, where, detail: sourceExcerpt(where), cause: failure })
}

function firstMessage(failure: unknown): Message | undefined {
  if (!(failure instanceof Error) || !('errors' in failure) || !Array.isArray(failure.errors)) return undefined
  return failure.errors[0]
}

function sentenceOf(message: Message, file: string, name: string): { message: string; hint?: string | undefined } {
  const missing = /^Could not resolve "(.*)"$/.exec(message.text)?.[1]
  if (missing !== undefined) {
    if (/^(\.{0,2}\/|\.{1,2}$)/.test(missing))
      return { message: `${name} imports '${missing}', which does not exist`, hint: similarFile(file, missing) }
    if (missing.startsWith('hostwright/'))
      return { message: `${name} imports '${missing}', which is no part of hostwright` }
    const packageName = /^(@[^/]+\/)?[^/]+/.exec(missing)?.[0] ?? missing
    const hint = /^[@a-z0-9]/.test(packageName) ? `npm install ${packageName}` : undefined
    return { message: `${name} imports '${missing}', which is not installed`, hint }
  }
  const notExported = /^No matching export in "(.*)" for import "(.*)"$/.exec(message.text)
  if (notExported) {
    const suggestion = /Did you mean to import "(.*)" instead/.exec(message.notes[0]?.text ?? '')?.[1]
    const what = notExported[2] === 'default' ? 'no default export' : `no '${notExported[2]}'`
    return {
      message: `${name}: ${notExported[1]} exports ${what}`,
      hint: suggestion ? `Did you mean '${suggestion}'?` : undefined,
    }
  }
  return { message: `syntax error in ${name}: ${message.text}` }
}

/** A file of a like name in the folder that the import names. */
function similarFile(from: string, specifier: string): string | undefined {
  const wanted = join(dirname(from), specifier)
  let names: readonly string[]
  try {
    names = readdirSync(dirname(wanted))
  } catch {
    return undefined
  }
  const near = nearest(wanted.slice(dirname(wanted).length + 1), names)
  return near ? `Did you mean '${specifier.slice(0, specifier.lastIndexOf('/') + 1)}${near}'?` : undefined
}
