// The reports of a watch, round after round: what is as it was in the round before is not told again.
import type { HostRecap, RunEvent } from '../core/events.ts'
import type { Paint } from './paint.ts'
import type { Report } from './report.ts'
import { count, oneLine, renderDuration } from './text.ts'

type TaskEnd = Extract<RunEvent, { type: 'task:end' }>
type Recap = Extract<RunEvent, { type: 'recap' }>

/** What was told, by host and subject; made by `newMemory` and kept from round to round. */
export interface Memory {
  told: Map<string, Told>
  rounds: number
}

interface Told {
  readonly host: string | undefined
  readonly subject: string
  /** Two of the same text are the same news. */
  readonly text: string
}

export function newMemory(): Memory {
  return { told: new Map(), rounds: 0 }
}

export interface NewsOptions {
  /** Shows the events that are news. */
  readonly report: Report
  readonly write: (text: string) => unknown
  readonly paint: Paint
  readonly memory: Memory
  /** `09:14:05`, in front of the round's last line. */
  readonly clock: () => string
}

/** The report of one round. */
export function createNewsReport({ report, write, paint, memory, clock }: NewsOptions): Report {
  const told = new Map<string, Told>()
  const walked = new Set<string>()
  const lost = new Set<string>()
  const mended = new Map<string, Told>()
  const first = memory.rounds++ === 0
  let fresh = 0
  let check = false
  let heading: RunEvent | undefined
  let recap: Recap | undefined
  let interrupted = false

  /** Whether this was not said in the round before, or is said again in every round. */
  const isNews = (key: string, news: Told, again = false): boolean => {
    told.set(key, news)
    const old = !again && memory.told.get(key)?.text === news.text
    if (!old) fresh++
    return !old
  }
  const show = (event: RunEvent): void => {
    if (heading) report.emit(heading)
    heading = undefined
    report.emit(event)
  }

  const taskEnd = (event: TaskEnd): void => {
    const key = `task\0${event.host}\0${event.play}\0${event.task.title}`
    if (event.status === 'ok' || event.status === 'skipped') {
      const before = memory.told.get(key)
      if (before) mended.set(key, before)
      report.emit(event)
      return
    }
    const news = { host: event.host, subject: event.task.title, text: textOf(event) }
    // a change that was made is made anew each time
    const made = event.status === 'changed' && !check
    if (isNews(key, news, made)) show(event)
    if (made) told.delete(key)
  }

  return {
    ...report,
    emit: (event) => {
      switch (event.type) {
        case 'run:start':
          check = event.check
          // that nothing will be changed is told once
          return report.emit(first ? event : { ...event, check: false })
        case 'play:start':
          heading = event
          return
        case 'task:end':
          return taskEnd(event)
        case 'host:unreachable':
          lost.add(event.host)
          if (isNews(`host\0${event.host}`, { host: event.host, subject: 'unreachable', text: event.error.message }))
            show(event)
          return
        case 'host:connected': {
          const key = `host\0${event.host}`
          const before = memory.told.get(key)
          if (before) mended.set(key, { ...before, subject: 'reachable again' })
          return report.emit(event)
        }
        case 'host:play:end':
          if (event.failed) lost.add(event.host)
          else walked.add(event.host)
          return report.emit(event)
        case 'warning':
          if (isNews(`warning\0${event.host ?? ''}\0${event.message}`, { host: undefined, subject: '', text: '' }))
            report.emit(event)
          return
        case 'interrupted':
          interrupted = true
          return report.emit(event)
        case 'recap':
          recap = event
          return
        default:
          return report.emit(event)
      }
    },
    end: async () => {
      await report.end()
      if (mended.size > 0) write(renderMended([...mended.values()], paint))
      if (!recap) return
      // of what a host did not come to, nothing new is known
      for (const [key, news] of memory.told) {
        const isOpen = news.host !== undefined && (lost.has(news.host) || !walked.has(news.host))
        if (isOpen && !told.has(key) && !mended.has(key)) told.set(key, news)
      }
      memory.told = told
      write(`${renderRound(recap, { paint, time: clock(), fresh, interrupted })}\n`)
    },
  }
}

function textOf({ status, changes, reason, error }: TaskEnd): string {
  return [
    status,
    error?.message ?? reason,
    error?.detail,
    ...changes.flatMap(({ summary, diff }) => [summary, diff?.before, diff?.after]),
  ].join('\n')
}

/** So many of a host are told by name. */
const mostMended = 4

function renderMended(mended: readonly Told[], paint: Paint): string {
  const hosts = [...new Set(mended.map(({ host = '' }) => host))]
  const width = Math.max(0, ...hosts.map((host) => host.length))
  return hosts
    .flatMap((host) => {
      const own = mended.filter((entry) => entry.host === host)
      const subjects =
        own.length > mostMended ? [count(own.length, 'task')] : own.map(({ subject }) => oneLine(subject))
      return subjects.map((subject) => `${host.padEnd(width)}  ${paint('green', 'mended ')}  ${subject}\n`)
    })
    .join('')
}

interface RoundContext {
  readonly paint: Paint
  readonly time: string
  readonly fresh: number
  readonly interrupted: boolean
}

/** `09:14:05  drift on web1 (2 tasks)  in 84 ms`. */
function renderRound(recap: Recap, { paint, time, fresh, interrupted }: RoundContext): string {
  const hosts = Object.entries(recap.hosts)
  const having = (number: (host: HostRecap) => number) => hosts.filter(([, host]) => number(host) > 0)
  const on = (number: (host: HostRecap) => number): string =>
    having(number)
      .map(([name, host]) => `${name} (${count(number(host), 'task')})`)
      .join(', ')
  const failed = having((host) => host.failed).map(([name]) => name)
  const lost = hosts.filter(([, host]) => host.unreachable).map(([name]) => name)
  const changed = on((host) => host.changed)
  const unknown = on((host) => host.unknown)
  const parts = [
    ...(interrupted ? [paint('yellow', 'interrupted')] : []),
    ...(failed.length > 0 ? [paint(['red', 'bold'], `failed on ${failed.join(', ')}`)] : []),
    ...(lost.length > 0 ? [paint(['red', 'bold'], `unreachable: ${lost.join(', ')}`)] : []),
    ...(changed ? [paint('yellow', `${recap.check ? 'drift' : 'changed'} on ${changed}`)] : []),
    ...(unknown ? [paint('yellow', `unknown until then on ${unknown}`)] : []),
  ]
  const same = parts.length > 0 && fresh === 0 && !interrupted ? ', as before' : ''
  if (parts.length === 0) parts.push(paint('green', `nothing to change on ${count(hosts.length, 'host')}`))
  return `${paint('dim', time)}  ${parts.join(', ')}${same}${paint('dim', ` in ${renderDuration(recap.elapsedMs)}`)}`
}
