// An error as people see it: host, task and the user's line, the sentence, the evidence, what to do.
import { relative } from 'node:path'
import { formatLocation, type Location, type ProvisionError } from '../core/error.ts'
import type { Paint } from './paint.ts'
import { clean, oneLine, widthOf } from './text.ts'

export interface ErrorContext {
  readonly paint: Paint
  readonly cwd: string
  readonly columns: number
  readonly debug: boolean
  /** `web-1 · nginx › file.template /etc/nginx/nginx.conf`, absent for errors before the run. */
  readonly subject?: string | undefined
}

/** A detail longer than this is cut in the middle. */
const mostLines = 60

/** The block, ending in a line break. */
export function renderError(error: ProvisionError, context: ErrorContext): string {
  const { paint, subject } = context
  const [message = '', ...rest] = clean(error.message).split('\n')
  const lines = heading(`✗ ${subject === undefined ? message : oneLine(subject)}`, error.where, context)
  const body = subject === undefined ? rest : [message, ...rest]
  lines.push(...body.map((line) => `  ${line}`))
  const detail = error.detail === undefined ? '' : clean(error.detail).replace(/\s+$/, '')
  if (detail) lines.push('', ...shorten(detail.split('\n'), paint).map((line) => (line ? `    ${line}` : '')))
  if (error.hint) lines.push('', renderHint(clean(error.hint), paint))
  if (context.debug) lines.push('', ...stackOf(error).map((line) => paint('dim', `    ${clean(line)}`)))
  return `${lines.join('\n')}\n`
}

/** A hint that is no sentence of its own is something to type. */
function renderHint(hint: string, paint: Paint): string {
  if (/^\p{Lu}/u.test(hint)) return `  ${hint.split('\n').join('\n  ')}`
  return `  ${paint('cyan', 'Try:')} ${hint.split('\n').join('\n       ')}`
}

/** The place stands at the right edge, or on a line of its own where it does not fit. */
function heading(head: string, where: Location | undefined, { paint, columns, cwd }: ErrorContext): string[] {
  const shown = paint(['red', 'bold'], head)
  if (!where) return [shown]
  const place = renderLocation(where, cwd)
  const gap = Math.min(columns, 120) - widthOf(head) - widthOf(place)
  if (gap >= 2) return [`${shown}${' '.repeat(gap)}${paint('dim', place)}`]
  return [shown, `  ${paint('dim', place)}`]
}

function shorten(lines: readonly string[], paint: Paint): readonly string[] {
  const left = lines.length - mostLines
  if (left <= 1) return lines
  const half = mostLines / 2
  return [...lines.slice(0, half), paint('dim', `… ${left} lines not shown`), ...lines.slice(-half)]
}

function stackOf(error: Error): string[] {
  const own = (error.stack ?? error.message).split('\n')
  return error.cause instanceof Error ? [...own, 'caused by:', ...stackOf(error.cause)] : own
}

/** `roles/nginx.ts:16:16`, relative to the working directory if it is below. */
export function renderLocation(where: Location, cwd: string): string {
  const path = relative(cwd, where.file)
  return formatLocation({ ...where, file: path === '' || path.startsWith('..') ? where.file : path })
}
