// A record as the story of its hosts: what each task did, when, and how it ended.
import type { TaskStatus } from '../../core/events.ts'
import type { RecordedChange, RecordedError, RecordedTask, RunDescription, RunRecord } from '../../core/run-record.ts'

export interface StoryTask {
  /** Unique in the page. */
  readonly anchor: string
  readonly host: string
  readonly play: string
  readonly task: RecordedTask
  /** `running`: the record ends before the task does. */
  readonly status: TaskStatus | 'running'
  /** Milliseconds since the run began. */
  readonly start: number
  readonly end: number
  readonly changes: readonly RecordedChange[]
  readonly reason: string | undefined
  readonly error: RecordedError | undefined
  readonly output: string
}

export interface StoryHost {
  readonly name: string
  readonly groups: readonly string[]
  readonly roles: readonly string[]
  readonly status: 'failed' | 'unreachable' | 'unfinished' | 'changed' | 'ok'
  readonly connected: number | undefined
  readonly unreachable: RecordedError | undefined
  readonly tasks: readonly StoryTask[]
}

export interface Story {
  readonly description: RunDescription
  /** `unfinished`: the record has no end: the run was killed, or goes on still. */
  readonly outcome: NonNullable<RunDescription['outcome']> | 'unfinished'
  readonly hosts: readonly StoryHost[]
  readonly duration: number
  readonly warnings: readonly { readonly host?: string; readonly message: string; readonly hint?: string }[]
  /** What kept the run from going on. */
  readonly error: RecordedError | undefined
}

type Draft = { -readonly [Key in keyof StoryHost]: StoryHost[Key] } & { tasks: StoryTask[] }

/** Tells the story of a record. */
export function storyOf({ description, events }: RunRecord): Story {
  const hosts = new Map<string, Draft>()
  const hostOf = (name: string): Draft => {
    const found = hosts.get(name)
    if (found) return found
    const groups = (description.groups[name] ?? []).filter((group) => group !== 'all')
    const made: Draft = {
      name,
      groups,
      roles: [],
      status: 'ok',
      connected: undefined,
      unreachable: undefined,
      tasks: [],
    }
    hosts.set(name, made)
    return made
  }
  const open = new Map<string, StoryTask>()
  const outputs = new Map<string, string[]>()
  const warnings: Story['warnings'][number][] = []
  let error: RecordedError | undefined
  const keyOf = (host: string, task: RecordedTask): string => `${host}\0${task.id}`

  for (const event of events) {
    switch (event.type) {
      case 'run:start':
        for (const name of event.hosts) hostOf(name)
        break
      case 'host:connected':
        hostOf(event.host).connected = event.at
        break
      case 'task:start':
        open.set(keyOf(event.host, event.task), unfinished(event))
        break
      case 'task:output': {
        const key = keyOf(event.host, event.task)
        outputs.set(key, [...(outputs.get(key) ?? []), event.text])
        break
      }
      case 'task:end': {
        const key = keyOf(event.host, event.task)
        open.delete(key)
        hostOf(event.host).tasks.push({
          ...unfinished(event),
          status: event.status,
          start: Math.max(0, event.at - event.elapsedMs),
          end: event.at,
          changes: event.changes,
          reason: event.reason,
          error: event.error,
          output: (outputs.get(key) ?? []).join('\n'),
        })
        break
      }
      case 'host:unreachable':
        hostOf(event.host).unreachable = event.error
        break
      case 'warning':
        warnings.push(event)
        break
      case 'error':
        error = event.error
        break
      default: // what only a screen needs
    }
  }
  const duration = Math.max(1, ...events.map((event) => event.at))
  for (const task of open.values()) hostOf(task.host).tasks.push({ ...task, end: duration })
  const ended = description.outcome !== undefined
  return {
    description,
    outcome: description.outcome ?? 'unfinished',
    hosts: [...hosts.values()].map((host) => ({ ...host, roles: rolesOf(host.tasks), status: statusOf(host, ended) })),
    duration,
    warnings,
    error,
  }
}

function unfinished(event: { at: number; host: string; play: string; task: RecordedTask }): StoryTask {
  const { host, play, task, at } = event
  const anchor = `t-${host}-${task.id}`
  return {
    anchor,
    host,
    play,
    task,
    status: 'running',
    start: at,
    end: at,
    changes: [],
    reason: undefined,
    error: undefined,
    output: '',
  }
}

function rolesOf(tasks: readonly StoryTask[]): string[] {
  return [...new Set(tasks.flatMap(({ task }) => task.role ?? []))]
}

function statusOf(host: StoryHost, ended: boolean): StoryHost['status'] {
  if (host.unreachable) return 'unreachable'
  const having = (...wanted: readonly StoryTask['status'][]) => host.tasks.some(({ status }) => wanted.includes(status))
  if (having('failed')) return 'failed'
  if (!ended || having('running')) return 'unfinished'
  return having('changed', 'unknown') ? 'changed' : 'ok'
}
