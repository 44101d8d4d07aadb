// Events as lines of text. The plain report is nothing but these; the live view prints them above its rows.
import type { RunEvent, TaskStatus } from '../core/events.ts'
import { renderDiff } from './diff.ts'
import { type ErrorContext, renderError } from './error.ts'
import { makePaint, type Paint, type Style } from './paint.ts'
import { renderRecap } from './recap.ts'
import type { ScreenOptions } from './report.ts'
import { clean, count, oneLine, renderHosts, renderTaskHost } from './text.ts'

/** So many changes of a task are told on its line; `-v` tells all. */
const mostChanges = 4

const styles: Readonly<Record<TaskStatus, Style>> = {
  ok: 'green',
  changed: 'yellow',
  failed: 'red',
  ignored: 'magenta',
  skipped: 'dim',
  unknown: 'magenta',
}

interface LineContext extends Pick<ScreenOptions, 'diff'> {
  readonly paint: Paint
  readonly verbosity: number
  readonly host: (name: string) => string
  readonly error: ErrorContext
}

/** Makes the function that gives an event's lines, each ending in a line break, or nothing. */
export function makeLines(options: ScreenOptions): (event: RunEvent) => string {
  const paint = makePaint(options.colour)
  let width = 0
  let blank = true
  let interrupted = false
  const context = (): LineContext => ({
    paint,
    verbosity: options.verbosity ?? 0,
    diff: options.diff,
    host: (name) => name.padEnd(width),
    error: { paint, cwd: options.cwd, columns: options.stream.columns ?? 100, debug: options.debug ?? false },
  })
  return (event) => {
    if (event.type === 'run:start') width = Math.max(0, ...event.hosts.map((host) => host.length))
    if (event.type === 'interrupted') interrupted = true
    const text = event.type === 'recap' ? renderRecap(event, paint, interrupted) : linesOf(event, context())
    if (!text) return ''
    // blocks are set off by a blank line, never by two
    const shown = blank ? text.replace(/^\n/, '') : text
    blank = shown.endsWith('\n\n')
    return shown
  }
}

function linesOf(event: Exclude<RunEvent, { type: 'recap' }>, context: LineContext): string {
  const { paint, verbosity, host, error } = context
  switch (event.type) {
    case 'run:start':
      return event.check ? `${paint('yellow', 'check mode: nothing will be changed')}\n` : ''
    case 'play:start':
      return `\n${paint('bold', event.play)} ${paint('dim', `(${renderHosts(event.hosts)})`)}\n`
    case 'host:connecting':
      if (event.attempt === 1 && event.detail === 'connecting' && verbosity === 0) return ''
      return `${host(event.host)}  ${paint('dim', oneLine(event.detail))}\n`
    case 'task:output':
      if (verbosity < 2) return ''
      return `${host(renderTaskHost(event.host, event.task))}  ${paint(event.stream === 'stderr' ? 'red' : 'dim', '│')} ${clean(event.text)}\n`
    case 'task:retry': {
      const why = `(attempt ${event.attempt} of ${event.of}: ${oneLine(event.reason)})`
      return `${host(renderTaskHost(event.host, event.task))}  ${paint('yellow', 'retry  ')}  ${oneLine(event.task.title)}  ${paint('dim', why)}\n`
    }
    case 'task:end':
      return taskEnd(event, context)
    case 'host:unreachable':
      return `\n${renderError(event.error, { ...error, subject: `${event.host} · unreachable` })}\n`
    case 'warning': {
      const head = `! ${event.host ? `${event.host}: ` : ''}${oneLine(event.message)}`
      return `${paint('yellow', head)}\n${event.hint ? `  ${oneLine(event.hint)}\n` : ''}`
    }
    case 'interrupted':
      return `${paint('yellow', interruption(event))}\n`
    case 'host:connected':
    case 'host:play':
    case 'host:play:end':
    case 'task:start':
    case 'play:end':
      return ''
  }
}

/** What happens now that somebody wants to stop. */
export function interruption(event: { readonly giveUp: boolean }): string {
  return event.giveUp ? 'giving up' : 'finishing the running step; press Ctrl-C again to give up'
}

function taskEnd(event: Extract<RunEvent, { type: 'task:end' }>, context: LineContext): string {
  const { paint, verbosity, host, error, diff } = context
  const { status, task } = event
  if ((status === 'ok' || status === 'skipped') && verbosity < 1) return ''
  const title = `${task.handler ? 'handler · ' : ''}${oneLine(task.title)}`
  const name = renderTaskHost(event.host, task)
  if (status === 'failed' && event.error) {
    return `\n${renderError(event.error, { ...error, subject: `${name} · ${title}` })}\n`
  }
  const what = oneLine(status === 'ignored' ? (event.error?.message ?? '') : summary(event, verbosity))
  const line = `${host(name)}  ${paint(styles[status], status.padEnd(7))}  ${title}${what ? `  ${paint('dim', `(${what})`)}` : ''}\n`
  const diffs = diff ? event.changes.map((change) => (change.diff ? renderDiff(change.diff, paint) : '')) : []
  return line + diffs.join('')
}

function summary({ changes, reason }: Extract<RunEvent, { type: 'task:end' }>, verbosity: number): string {
  if (changes.length === 0) return reason ?? ''
  const told = verbosity > 0 ? changes.length : mostChanges
  const sentences = changes.slice(0, told).map((change) => change.summary)
  if (changes.length > told) sentences.push(count(changes.length - told, 'more change'))
  return sentences.join('; ')
}
