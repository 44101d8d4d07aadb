// Plain lines: for CI, for pipes, for NO_COLOR. One line a task that did something; -v shows the others too.
import type { RunEvent, TaskStatus } from '../core/events.ts'
import { renderDiff } from './diff.ts'
import { renderError } from './error.ts'
import { makePaint, type Paint } from './paint.ts'
import { renderRecap } from './recap.ts'
import type { Report, ScreenOptions } from './report.ts'

/** The plain report. */
export function makePlainReport(options: ScreenOptions): Report {
  const lines = makeLines(options)
  return {
    emit: (event) => {
      const text = lines(event)
      if (text) options.output.write(text)
    },
    end: () => Promise.resolve(),
  }
}

/** The lines of an event as text, or nothing; the live view prints the same ones. */
export function makeLines(options: ScreenOptions): (event: RunEvent) => string {
  const paint = makePaint(options.colour)
  const verbosity = options.verbosity ?? 0
  let width = 0
  const context = { paint, cwd: options.cwd, columns: options.output.columns ?? 100, debug: options.debug ?? false }
  return (event) => {
    switch (event.type) {
      case 'run:start':
        width = Math.max(0, ...event.hosts.map((host) => host.length))
        return event.check ? `${paint('yellow', 'check mode: nothing will be changed')}\n` : ''
      case 'play:start':
        return `\n${paint('bold', event.play)} ${paint('dim', `(${event.hosts.join(', ')})`)}\n`
      case 'host:connecting':
        return verbosity > 0 || event.attempt > 1
          ? `${paint('dim', `${event.host.padEnd(width)}  connecting  ${event.detail}`)}\n`
          : ''
      case 'task:output':
        return verbosity > 1 ? `${event.host.padEnd(width)}  ${paint('dim', `│ ${event.text}`)}\n` : ''
      case 'task:retry':
        return `${event.host.padEnd(width)}  ${paint('yellow', 'retry'.padEnd(7))}  ${event.task.title} ${paint('dim', `(${event.attempt} of ${event.of}: ${event.reason})`)}\n`
      case 'task:end':
        return taskEnd(event, { ...options, paint, width, context, verbosity })
      case 'host:unreachable':
        return `${renderError(event.error, { ...context, subject: `${event.host} · unreachable` })}\n`
      case 'warning':
        return `${paint('yellow', `! ${event.host ? `${event.host}: ` : ''}${event.message}`)}${event.hint ? paint('dim', ` ${event.hint}`) : ''}\n`
      case 'interrupted':
        return `${paint('yellow', event.giveUp ? 'giving up' : 'finishing the running steps; press Ctrl-C again to give up')}\n`
      case 'recap':
        return renderRecap(event, paint)
      default:
        return ''
    }
  }
}

interface LineContext extends ScreenOptions {
  readonly paint: Paint
  readonly width: number
  readonly verbosity: number
  readonly context: { paint: Paint; cwd: string; columns: number; debug: boolean }
}

const styles: Readonly<Record<TaskStatus, 'green' | 'yellow' | 'red' | 'dim' | 'magenta'>> = {
  ok: 'green',
  changed: 'yellow',
  failed: 'red',
  ignored: 'magenta',
  skipped: 'dim',
  unknown: 'magenta',
}

function taskEnd(
  event: Extract<RunEvent, { type: 'task:end' }>,
  { paint, width, verbosity, context, diff }: LineContext,
): string {
  const { status, task } = event
  if ((status === 'ok' || status === 'skipped') && verbosity < 1) return ''
  const title = `${task.handler ? 'handler · ' : ''}${task.title}`
  if (status === 'failed' && event.error)
    return `\n${renderError(event.error, { ...context, subject: `${event.host} · ${title}` })}\n`
  const because = status === 'ignored' ? event.error?.message : event.reason
  const what = event.changes.length > 0 ? event.changes.map((change) => change.summary).join('; ') : (because ?? '')
  const line = `${event.host.padEnd(width)}  ${paint(styles[status], status.padEnd(7))}  ${title}${what ? paint('dim', `  (${what})`) : ''}\n`
  const diffs = diff ? event.changes.map((change) => (change.diff ? renderDiff(change.diff, paint) : '')).join('') : ''
  return line + diffs
}
