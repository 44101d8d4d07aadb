// An error as people see it: host, task and the user's line, the sentence, the evidence, what to do.
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Location, ProvisionError } from '../core/error.ts'
import type { Paint } from './paint.ts'

export interface ErrorContext {
  readonly paint: Paint
  readonly cwd: string
  readonly columns: number
  readonly debug: boolean
  /** `web-1 · nginx › file.template /etc/nginx/nginx.conf`, absent for errors before the run. */
  readonly subject?: string | undefined
}

/** The block, ending in a line break. */
export function renderError(error: ProvisionError, context: ErrorContext): string {
  const { paint } = context
  const place = error.where ? renderLocation(error.where, context.cwd) : ''
  const head = `✗ ${context.subject ?? error.message}`
  const gap = Math.max(2, Math.min(context.columns, 120) - stripVTControlCharacters(head).length - place.length)
  const lines = [`${paint(['red', 'bold'], head)}${place ? `${' '.repeat(gap)}${paint('dim', place)}` : ''}`]
  if (context.subject) lines.push(`  ${error.message}`)
  if (error.detail) lines.push('', ...error.detail.split('\n').map((line) => (line ? `    ${line}` : '')))
  if (error.hint) lines.push('', `  ${paint('cyan', 'Try:')} ${error.hint.split('\n').join('\n       ')}`)
  if (context.debug && error.stack) lines.push('', ...stackOf(error).map((line) => paint('dim', `    ${line}`)))
  return `${lines.join('\n')}\n`
}

function stackOf(error: Error): string[] {
  const own = (error.stack ?? '').split('\n')
  return error.cause instanceof Error ? [...own, 'caused by:', ...(error.cause.stack ?? '').split('\n')] : own
}

/** `roles/nginx.ts:16:16`, relative to the working directory if it is below. */
export function renderLocation(where: Location, cwd: string): string {
  const path = relative(cwd, where.file)
  return `${path.startsWith('..') ? where.file : path}:${where.line}:${where.column}`
}
