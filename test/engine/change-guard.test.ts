import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { flush, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import type { Tasks } from '../../src/core/task.ts'
import { act, exists, makeStandIn, note, type Ran, runOn, type StandIn } from './stand-in.ts'

const make = (...names: string[]): Record<string, StandIn> =>
  Object.fromEntries(names.map((name) => [name, makeStandIn()]))
const warningsOf = ({ events }: Ran) =>
  events.flatMap((event) => (event.type === 'warning' ? [`${event.host ?? 'run'}: ${event.message}`] : []))
const restart = handler(act({ say: 'restart' }), { name: 'restart' })
/** Web servers one after the other, drained and put back at lb. */
const rolling = (tasks: Tasks, hosts = 'w1:w2') =>
  play({
    name: 'roll',
    hosts,
    serial: 1,
    beforeChanges: (host) => note({ file: host.name, text: 'drain', on: 'lb' }),
    afterChanges: (host) => [exists({ file: 'healthy' }), note({ file: host.name, text: 'ready', on: 'lb' })],
    tasks,
  })
const healthy = (hosts: Record<string, StandIn>, ...names: string[]) => {
  for (const name of names) hosts[name]?.write('healthy', '')
}

test('around the changes of each host, its handlers included, and not at all where nothing changes', async (t) => {
  const hosts = make('w1', 'w2', 'lb')
  healthy(hosts, 'w1', 'w2')
  const plays = [rolling([note({ file: 'a', text: 'x', notify: restart }), note({ file: 'b', text: 'y' })])]
  const first = await runOn(hosts, plays)
  const round = (host: string) => [
    `${host} changed note ${host}`,
    `${host} changed note a`,
    `${host} changed note b`,
    `${host} changed act restart`,
    `${host} ok exists healthy`,
    `${host} changed note ${host}`,
  ]
  t.deepEqual(first.log, [...round('w1'), ...round('w2')])
  t.is(first.result.outcome, 'ok')
  for (const host of ['w1', 'w2']) t.deepEqual(hosts[host]?.marks(), [])
  const again = await runOn(hosts, plays)
  t.deepEqual(again.log, ['w1 ok note a', 'w1 ok note b', 'w2 ok note a', 'w2 ok note b'])
  t.deepEqual(
    Object.values(again.result.hosts).map((host) => [host.changed, host.requests]),
    [
      [0, 1],
      [0, 1],
    ],
  )
  t.is(hosts.lb?.connections, 1, 'the load balancer was not even asked')
})

test('what a task found before is looked at again after beforeChanges, which may have altered it', async (t) => {
  const hosts = make('w1')
  const tasks = [note({ file: 'a', text: 'x' })]
  const ran = await runOn(hosts, [play({ hosts: 'w1', beforeChanges: note({ file: 'a', text: 'x' }), tasks })])
  t.deepEqual(ran.log, ['w1 changed note a', 'w1 ok note a'])
})

test('check mode announces both and does neither', async (t) => {
  const hosts = make('w1', 'lb')
  healthy(hosts, 'w1')
  hosts.lb?.write('w1', 'ready\n')
  const ran = await runOn(hosts, [rolling(note({ file: 'a', text: 'x' }), 'w1')], { check: true })
  t.deepEqual(ran.log, ['w1 changed note w1', 'w1 changed note a', 'w1 ok exists healthy', 'w1 ok note w1'])
  t.is(hosts.lb?.read('w1'), 'ready\n')
  t.is(hosts.w1?.read('a'), undefined)
  t.deepEqual(hosts.w1?.marks(), [])
})

test('a failed check stops the roll and leaves the host as it is; the next run goes on there', async (t) => {
  const hosts = make('w1', 'w2', 'lb')
  healthy(hosts, 'w2')
  const plays = [rolling([note({ file: 'a', text: 'x', notify: restart })])]
  const first = await runOn(hosts, plays)
  t.is(first.result.outcome, 'failed')
  t.is(hosts.lb?.read('w1'), 'drain\n')
  t.is(hosts.lb?.read('w2'), undefined)
  t.is(hosts.w2?.read('a'), undefined)
  t.deepEqual(warningsOf(first), [
    'w1: afterChanges of play roll did not run, so this still holds: note w1',
    'run: play roll stops, because w1 failed; nothing was changed by it on w2',
  ])
  t.deepEqual(hosts.w1?.marks(), ['afterChanges of play roll'])

  healthy(hosts, 'w1')
  const second = await runOn(hosts, plays)
  t.is(second.result.outcome, 'ok')
  t.deepEqual(second.log.slice(0, 3), ['w1 ok note a', 'w1 ok exists healthy', 'w1 changed note w1'])
  t.is(hosts.lb?.read('w1'), 'ready\n')
  t.is(hosts.lb?.read('w2'), 'ready\n')
  t.deepEqual(hosts.w1?.marks(), [])
})

test('after a broken connection the next run finishes: handlers first, then afterChanges', async (t) => {
  const hosts = make('w1', 'lb')
  healthy(hosts, 'w1')
  const plays = [
    rolling([note({ file: 'a', text: 'x', notify: restart }), act({ say: 'cut', changedWhen: false })], 'w1'),
  ]
  if (hosts.w1) hosts.w1.breaksAt = 'cat >a'
  const first = await runOn(hosts, plays)
  t.is(first.result.outcome, 'unreachable')
  t.is(hosts.lb?.read('w1'), 'drain\n')
  if (hosts.w1) hosts.w1.breaksAt = undefined
  const second = await runOn(hosts, plays)
  t.deepEqual(second.log, [
    'w1 ok note a',
    'w1 ok act cut',
    // a handler that is left is a change like any other: the host is drained already
    'w1 ok note w1',
    'w1 changed act restart',
    'w1 ok exists healthy',
    'w1 changed note w1',
  ])
  t.is(hosts.lb?.read('w1'), 'ready\n')
  t.deepEqual(hosts.w1?.marks(), [])
})

test('if beforeChanges fails nothing is changed, and afterChanges undoes what was done', async (t) => {
  const hosts = make('w1', 'w2', 'lb')
  healthy(hosts, 'w1', 'w2')
  const ran = await runOn(hosts, [
    play({
      name: 'roll',
      hosts: 'w1:w2',
      serial: 1,
      beforeChanges: (host) => [
        note({ file: host.name, text: 'drain', on: 'lb' }),
        act({ say: 'stuck', fail: true, on: 'lb' }),
      ],
      afterChanges: (host) => note({ file: host.name, text: 'ready', on: 'lb' }),
      tasks: note({ file: 'a', text: 'x' }),
    }),
  ])
  t.is(ran.result.outcome, 'failed')
  t.deepEqual(ran.log, ['w1 changed note w1', 'w1 failed act stuck', 'w1 changed note w1', 'w1 skipped note a'])
  t.is(hosts.w1?.read('a'), undefined)
  t.is(hosts.lb?.read('w1'), 'ready\n')
  t.deepEqual(hosts.w1?.marks(), [])
})

test('a flush runs handlers, but afterChanges waits for the end', async (t) => {
  const hosts = make('w1', 'lb')
  healthy(hosts, 'w1')
  const ran = await runOn(hosts, [
    rolling([note({ file: 'a', text: 'x', notify: restart }), flush(), note({ file: 'b', text: 'y' })], 'w1'),
  ])
  t.deepEqual(
    ran.log.map((line) => line.slice('w1 '.length)),
    [
      'changed note w1',
      'changed note a',
      'changed act restart',
      'changed note b',
      'ok exists healthy',
      'changed note w1',
    ],
  )
})

test('tags choose among the tasks, never what is done around a change', async (t) => {
  const hosts = make('w1', 'lb')
  healthy(hosts, 'w1')
  const tasks = [note({ file: 'a', text: 'x', tags: 'one' }), note({ file: 'b', text: 'y' })]
  const ran = await runOn(hosts, [rolling(tasks, 'w1')], { tags: ['one'] })
  t.deepEqual(ran.log, ['w1 changed note w1', 'w1 changed note a', 'w1 ok exists healthy', 'w1 changed note w1'])
})

test('what changes nothing by its nature, or by its user’s word, needs no guard', async (t) => {
  const hosts = make('w1', 'lb')
  healthy(hosts, 'w1')
  const ran = await runOn(hosts, [
    rolling([exists({ file: 'healthy' }), act({ say: 'look', changedWhen: false })], 'w1'),
  ])
  t.deepEqual(ran.log, ['w1 ok exists healthy', 'w1 ok act look'])
  t.is(hosts.lb?.connections, 0)
})

test('a block is no afterChanges, and that is told before any host is touched', async (t) => {
  const hosts = make('w1')
  const error = await t.throwsAsync(
    runOn(hosts, [play({ hosts: 'w1', afterChanges: [flush() as never], tasks: note({ file: 'a', text: 'x' }) })]),
  )
  t.true(isProvisionError(error))
  t.regex(error?.message ?? '', /'afterChanges' expected tasks, found a flush/)
  t.is(hosts.w1?.connections, 0)
})
