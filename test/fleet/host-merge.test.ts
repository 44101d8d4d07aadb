import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { HostRecap, RunEvent, TaskStatus } from '../../src/core/events.ts'
import { HostMerge } from '../../src/fleet/host-merge.ts'
import type { HostEvent } from '../../src/fleet/messages.ts'

const nothing: HostRecap = {
  ok: 0,
  changed: 0,
  failed: 0,
  skipped: 0,
  ignored: 0,
  unknown: 0,
  unreachable: false,
  requests: 0,
}

function taskOf(title: string, id: number) {
  return { id, title, role: undefined, resource: 'r', where: undefined, handler: false }
}

const begin = (title: string, id: number): HostEvent => ({
  type: 'task:start',
  host: 'h',
  play: 'p',
  task: taskOf(title, id),
  index: id,
  total: 3,
})

function task(title: string, id: number, status: TaskStatus): HostEvent[] {
  const end: HostEvent = {
    type: 'task:end',
    host: 'h',
    play: 'p',
    task: taskOf(title, id),
    status,
    changes: [],
    reason: undefined,
    error: undefined,
    elapsedMs: 1,
  }
  return [begin(title, id), end]
}

const playStart: HostEvent = { type: 'host:play', host: 'h', play: 'p', tasks: 3 }
const playEnd: HostEvent = { type: 'host:play:end', host: 'h', play: 'p', failed: false }

function make(): { merge: HostMerge; told: () => string[] } {
  const events: RunEvent[] = []
  const merge = new HostMerge('h', (event) => events.push(event))
  merge.startPart()
  const told = (): string[] =>
    events.map((event) => {
      if (event.type === 'task:start') return `start ${event.task.id} ${event.task.title}`
      if (event.type === 'task:end') return `end ${event.task.id} ${event.task.title} ${event.status}`
      return event.type === 'warning' ? event.message : event.type
    })
  return { merge, told }
}

test('one attempt is told as it is', (t) => {
  const { merge, told } = make()
  merge.receive(1, 'a', [playStart, ...task('x', 1, 'changed'), ...task('y', 2, 'ok')])
  merge.receive(1, 'a', [playEnd])
  merge.endPart({ ...nothing, ok: 1, changed: 1, requests: 3 })
  t.deepEqual(told(), ['host:play', 'start 1 x', 'end 1 x changed', 'start 2 y', 'end 2 y ok', 'host:play:end'])
  t.deepEqual(merge.recap, { ...nothing, ok: 1, changed: 1, requests: 3 })
})

test('what a lost attempt told is not told twice, and what it changed counts as changed', (t) => {
  const { merge, told } = make()
  merge.receive(1, 'a', [playStart, ...task('x', 1, 'changed'), ...task('y', 2, 'ok'), begin('z', 3)])
  merge.receive(2, 'b', [playStart, ...task('x', 1, 'ok'), ...task('y', 2, 'ok'), ...task('z', 3, 'changed'), playEnd])
  merge.endPart({ ...nothing, ok: 2, changed: 1, requests: 2 })
  t.deepEqual(told(), [
    'host:play',
    'start 1 x',
    'end 1 x changed',
    'start 2 y',
    'end 2 y ok',
    'start 3 z',
    'the worker a was lost or gave the host back; b begins the play again',
    'host:play',
    'start 6 z',
    'end 6 z changed',
    'host:play:end',
  ])
  t.deepEqual(merge.recap, { ...nothing, ok: 1, changed: 2, requests: 2 })
})

test('a task that changes something in both attempts is told and counted twice', (t) => {
  const { merge, told } = make()
  merge.receive(1, 'a', task('x', 1, 'changed'))
  merge.receive(2, 'b', task('x', 1, 'changed'))
  merge.endPart({ ...nothing, changed: 1 })
  t.is(told().filter((line) => line.endsWith('x changed')).length, 2)
  t.is(merge.recap.changed, 2)
})

test('a handler that ran in a lost attempt stays counted though the retry does not need it', (t) => {
  const { merge } = make()
  merge.receive(1, 'a', [...task('file', 1, 'changed'), ...task('handler', 2, 'changed')])
  merge.receive(2, 'b', task('file', 1, 'ok'))
  merge.endPart({ ...nothing, ok: 1 })
  t.deepEqual(merge.recap, { ...nothing, changed: 2 })
})

test('three attempts count a change once', (t) => {
  const { merge } = make()
  merge.receive(1, 'a', task('x', 1, 'changed'))
  merge.receive(2, 'b', task('x', 1, 'ok'))
  merge.receive(3, 'c', task('x', 1, 'ok'))
  merge.endPart({ ...nothing, ok: 1 })
  t.deepEqual(merge.recap, { ...nothing, changed: 1 })
})

test('events of an attempt that was given up are dropped', (t) => {
  const { merge, told } = make()
  merge.receive(2, 'b', task('x', 1, 'ok'))
  merge.receive(1, 'a', task('x', 1, 'failed'))
  t.deepEqual(told(), ['start 1 x', 'end 1 x ok'])
})

test('a part that nobody ends is unreachable, with what was told counted', (t) => {
  const { merge, told } = make()
  merge.receive(1, 'a', [playStart, ...task('x', 1, 'changed'), begin('y', 2)])
  merge.losePart(new ProvisionError({ code: 'unreachable', message: 'gone' }))
  t.deepEqual(told().slice(-2), ['host:unreachable', 'host:play:end'])
  t.deepEqual(merge.recap, { ...nothing, changed: 1, unreachable: true })
})

test('parts add up, with ids that are unique in the run', (t) => {
  const { merge, told } = make()
  merge.receive(1, 'a', task('x', 1, 'ok'))
  merge.endPart({ ...nothing, ok: 1, requests: 2 })
  merge.startPart()
  merge.receive(1, 'b', task('x', 1, 'ok'))
  merge.endPart({ ...nothing, ok: 1, requests: 1 })
  t.deepEqual(told(), ['start 1 x', 'end 1 x ok', 'start 2 x', 'end 2 x ok'])
  t.deepEqual(merge.recap, { ...nothing, ok: 2, requests: 3 })
})
