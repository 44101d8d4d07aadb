// The live view: one line a host that says where it is, above it the lines of what happened. Drawn by listr2.
import { Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2'
import type { RunEvent } from '../core/events.ts'
import { makePaint } from './paint.ts'
import { makeLines } from './plain.ts'
import { renderDuration } from './recap.ts'
import type { Report, ScreenOptions } from './report.ts'

type Row = Pick<ListrTaskWrapper<unknown, never, never>, 'title' | 'output'>

interface HostRow {
  row: Row | undefined
  finish: (failed: boolean) => void
  /** What it does now. */
  text: string
  since: number
  failed: boolean
}

export interface LiveOptions extends ScreenOptions {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** The live report; what it prints above the rows is what the plain report prints. */
export function makeLiveReport(options: LiveOptions): Report {
  const paint = makePaint(options.colour)
  const lines = makeLines(options)
  const output = new ProcessOutput(options.stdout, options.stderr)
  const logger = new ListrLogger({ processOutput: output })
  const hosts = new Map<string, HostRow>()
  let drawing: Promise<unknown> | undefined
  let ticker: NodeJS.Timeout | undefined
  let recap: Extract<RunEvent, { type: 'recap' }> | undefined

  const show = (host: string, text: string, detail = ''): void => {
    const entry = hosts.get(host)
    if (!entry) return
    if (entry.text !== text) {
      entry.text = text
      entry.since = options.now()
    }
    if (entry.row) {
      entry.row.title = title(host, entry)
      if (detail) entry.row.output = detail
    }
  }
  const title = (host: string, entry: HostRow): string => {
    const seconds = options.now() - entry.since
    return `${paint('bold', host)}  ${entry.text}${seconds >= 1000 ? paint('dim', `  ${renderDuration(seconds)}`) : ''}`
  }

  const start = (names: readonly string[]): void => {
    const listr = new Listr(
      names.map((name) => ({
        title: name,
        task: (_context, row) =>
          new Promise<void>((resolve, reject) => {
            const entry = hosts.get(name)
            if (!entry) return resolve()
            entry.row = row
            entry.finish = (failed) => (failed ? reject(new Error('failed')) : resolve())
          }),
      })),
      {
        concurrent: true,
        exitOnError: false,
        registerSignalListeners: false,
        renderer: 'default',
        rendererOptions: {
          logger: undefined,
          processOutput: output,
          collapseErrors: false,
          showErrorMessage: false,
          outputBar: 1,
          clearOutput: true,
          formatOutput: 'truncate',
        } as never,
      },
    )
    for (const name of names)
      hosts.set(name, {
        row: undefined,
        finish: () => undefined,
        text: 'connecting',
        since: options.now(),
        failed: false,
      })
    drawing = listr.run().catch(() => undefined)
    ticker = setInterval(() => {
      for (const [host, entry] of hosts) if (entry.row) entry.row.title = title(host, entry)
    }, 1000)
    ticker.unref()
  }

  const end = async (): Promise<void> => {
    clearInterval(ticker)
    for (const entry of hosts.values()) entry.finish(entry.failed)
    await drawing
    options.stderr.write('\u001b[?25h')
    if (recap) options.output.write(lines(recap))
    recap = undefined
  }

  return {
    end,
    emit: (event) => {
      if (event.type === 'recap') {
        recap = event
        return
      }
      const text = lines(event)
      if (text) logger.toStdout(text.replace(/\n$/, ''), undefined, false)
      switch (event.type) {
        case 'run:start':
          return start(event.hosts)
        case 'host:connecting':
          return show(event.host, `connecting ${event.detail}`)
        case 'task:start':
          return show(
            event.host,
            `${event.play} ${paint('dim', `[${event.index}/${event.total}]`)} ${event.task.title}`,
          )
        case 'task:output':
          return show(event.host, hosts.get(event.host)?.text ?? '', paint('dim', event.text))
        case 'task:end':
          if (event.status === 'failed') markFailed(hosts, event.host)
          return
        case 'host:unreachable':
          markFailed(hosts, event.host)
          return show(event.host, paint('red', 'unreachable'))
        case 'host:play:end':
          return show(
            event.host,
            event.failed ? paint('red', `${event.play}: stopped`) : `${event.play}: ${paint('green', 'done')}`,
          )
      }
    },
  }
}

function markFailed(hosts: ReadonlyMap<string, HostRow>, host: string): void {
  const entry = hosts.get(host)
  if (entry) entry.failed = true
}
