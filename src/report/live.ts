// The live view: one line a host that says where it is, above it the lines of what happened. Each host is a task of
// listr2; the renderer is our own, because listr2's keeps back what is written during a run, draws on process.stdout
// only, and loses the hosts that do not fit on the screen.
import { Listr, type ListrRenderer, Spinner } from 'listr2'
import type { RunEvent } from '../core/events.ts'
import { renderFrame } from './frame.ts'
import { advance, type HostRow, newRow } from './host-row.ts'
import { interruption, makeLines } from './lines.ts'
import { makePaint } from './paint.ts'
import type { Report, ScreenOptions } from './report.ts'
import { openScreen, type Terminal } from './screen.ts'

export interface LiveOptions extends ScreenOptions {
  readonly stream: Terminal
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Milliseconds between two pictures. @default 100 */
  readonly interval?: number | undefined
}

interface LiveHost {
  row: HostRow
  /** Ends the host's task. */
  settle: () => void
}

/** The live report; what it prints above the rows is what the plain report prints. */
export function createLiveReport(options: LiveOptions): Report {
  const { now, stream } = options
  const paint = makePaint(options.colour)
  const lines = makeLines(options)
  const screen = openScreen(stream)
  const hosts = new Map<string, LiveHost>()
  const started = now()
  const totals = { changed: 0, failed: 0, notice: '' }
  let above = ''
  let drawing: Promise<unknown> = Promise.resolve()

  const draw: DrawTasks = (tasks, spinner) => {
    const frame = {
      ...totals,
      hosts: [...hosts].map(([name, { row }], index) => ({ name, row, ended: tasks[index]?.hasFinalized() ?? false })),
      elapsedMs: now() - started,
      now: now(),
      spinner,
      columns: stream.columns || 80,
      rows: stream.rows ?? 24,
    }
    screen.draw(above, renderFrame(frame, paint))
    above = ''
  }

  const start = (names: readonly string[]): void => {
    const tasks = names.map((name) => {
      const host: LiveHost = { row: newRow(now()), settle: () => undefined }
      const ended = new Promise<void>((resolve) => {
        host.settle = resolve
      })
      hosts.set(name, host)
      const task = async () => {
        await ended
        if (isLost(host.row)) throw new Error(host.row.text)
      }
      return { title: name, task }
    })
    drawing = new Listr(tasks, {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false, // what Ctrl-C means is the command line's business
      renderer: FrameRenderer,
      rendererOptions: { draw, interval: options.interval ?? 100 },
    }).run()
  }

  return {
    emit: (event) => {
      const text = lines(event)
      if (event.type !== 'interrupted') above += text // the last row says so as long as it is true
      if (event.type === 'run:start') start(event.hosts)
      if (event.type === 'interrupted') totals.notice = interruption(event)
      if (event.type === 'task:end' && event.status === 'changed') totals.changed++
      if (event.type === 'task:end' && event.status === 'failed') totals.failed++
      const host = hostOf(event, hosts)
      if (host) host.row = advance(host.row, event, now())
    },
    end: async () => {
      for (const host of hosts.values()) host.settle()
      await drawing
      screen.close(above)
      above = ''
    },
    abandon: () => screen.close(above),
  }
}

function hostOf(event: RunEvent, hosts: ReadonlyMap<string, LiveHost>): LiveHost | undefined {
  return 'host' in event && event.host !== undefined ? hosts.get(event.host) : undefined
}

function isLost(row: HostRow): boolean {
  return row.phase === 'failed' || row.phase === 'unreachable'
}

type DrawTasks = (tasks: readonly { readonly hasFinalized: () => boolean }[], spinner: string) => void

/** A renderer of listr2 that hands its tasks to us, so many times a second. */
class FrameRenderer implements ListrRenderer {
  static nonTTY = true // whether the stream is a terminal was decided by who made the report
  static rendererOptions: { draw: DrawTasks; interval: number }
  static rendererTaskOptions: never
  private readonly spinner = new Spinner()
  private readonly tasks: Parameters<DrawTasks>[0]
  private readonly options: (typeof FrameRenderer)['rendererOptions']

  constructor(tasks: Parameters<DrawTasks>[0], options: (typeof FrameRenderer)['rendererOptions']) {
    this.tasks = tasks
    this.options = options
  }

  render(): void {
    const draw = () => this.options.draw(this.tasks, this.spinner.fetch())
    draw()
    this.spinner.start(draw, this.options.interval)
  }

  end(): void {
    this.spinner.stop()
  }
}
