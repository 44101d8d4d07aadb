// Where a run's time went: the events of `--output json`, each with the moment it arrived, become spans on each host, and
// from the spans follows the path that decided how long the run took. Pure; critical-path.ts is its command.

/** One line of `--output json`, with the milliseconds since the run began. */
export interface StampedEvent {
  readonly at: number
  readonly event: RunLine
}

/** The fields of an event that are read here; the events themselves are in src/core/events.ts. */
export interface RunLine {
  readonly type: string
  readonly host?: string
  readonly play?: string
  readonly task?: { readonly title: string; readonly resource: string }
  readonly status?: string
}

/** A stretch of one host's time. */
export interface Span {
  readonly host: string
  readonly play: string
  readonly kind: 'connect' | 'task' | 'between'
  readonly title: string
  readonly resource: string
  readonly status: string
  readonly from: number
  readonly to: number
}

/** The host had nothing to do from `from` to `to`; `for` is the host whose play ended then. */
export interface Wait {
  readonly host: string
  readonly from: number
  readonly to: number
  readonly for: string | undefined
  readonly before: string
}

export interface Timeline {
  readonly spans: readonly Span[]
  readonly waits: readonly Wait[]
  /** What decided the end of the run, in order of time. */
  readonly path: readonly (Span | Wait)[]
  readonly elapsedMs: number
}

/** Cuts a run into spans and waits and finds its critical path. */
export function timelineOf(events: readonly StampedEvent[]): Timeline {
  const hosts = [...new Set(events.flatMap(({ event }) => event.host ?? []))]
  const spans: Span[] = []
  const waits: Wait[] = []
  for (const host of hosts) cutHost(host, events, spans, waits)
  const elapsedMs = events.at(-1)?.at ?? 0
  return { spans, waits, path: pathOf(spans, waits), elapsedMs }
}

function cutHost(host: string, events: readonly StampedEvent[], spans: Span[], waits: Wait[]): void {
  const own = events.filter(({ event }) => event.host === host)
  const add = (span: Omit<Span, 'host'>): void => {
    if (span.to > span.from) spans.push({ host, ...span })
  }
  let idleFrom: number | undefined
  let last = 0
  let play = ''
  for (const { at, event } of own) {
    const part = { play, kind: 'between', resource: '', status: '', from: last, to: at } as const
    switch (event.type) {
      case 'host:connected':
        add({ ...part, kind: 'connect', title: 'connect, agent, facts' })
        idleFrom = at
        break
      case 'host:play':
        play = event.play ?? ''
        if (idleFrom !== undefined && at > idleFrom)
          waits.push({ host, from: idleFrom, to: at, for: whoEnded(host, events, idleFrom, at), before: play })
        break
      case 'task:start':
        add({ ...part, title: 'between tasks' })
        break
      case 'task:end': {
        const { title = '?', resource = '?' } = event.task ?? {}
        add({ ...part, kind: 'task', title, resource, status: event.status ?? '' })
        break
      }
      case 'host:play:end':
        add({ ...part, title: 'end of the play' })
        idleFrom = at
        break
      default:
        continue
    }
    last = at
  }
}

/** The other host whose last event before `to` is the end of a play, the latest one: that is what was waited for. */
function whoEnded(host: string, events: readonly StampedEvent[], from: number, to: number): string | undefined {
  return events
    .filter(({ at, event }) => event.type === 'host:play:end' && event.host !== host && at >= from && at <= to)
    .at(-1)?.event.host
}

/** Backwards from the last thing that ended: what a host did, and where it waited, what the other host did meanwhile. */
function pathOf(spans: readonly Span[], waits: readonly Wait[]): (Span | Wait)[] {
  const path: (Span | Wait)[] = []
  const latest = [...spans].sort((a, b) => a.to - b.to).at(-1)
  if (!latest) return path
  let host = latest.host
  let time = latest.to
  for (;;) {
    const candidates = [...spans, ...waits].filter((part) => part.host === host && part.to <= time)
    const part = candidates.sort((a, b) => a.to - b.to || a.from - b.from).at(-1)
    if (!part) return path.reverse()
    if ('before' in part && part.for !== undefined) {
      host = part.for
      time = part.to
      continue
    }
    path.push(part)
    time = part.from
  }
}
