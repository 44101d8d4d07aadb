import test from 'ava'
import { isProvisionError, ProvisionError } from '../../src/core/error.ts'
import { block, changed, given, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { act, connectTo, exists, makeInventory, makeStandIn, note, type Ran, runOn, type StandIn } from './stand-in.ts'

const make = (...names: string[]): Record<string, StandIn> =>
  Object.fromEntries(names.map((name) => [name, makeStandIn()]))
const endsOf = ({ events }: Ran, host: string) =>
  events.flatMap((event) => (event.type === 'task:end' && event.host === host ? [event] : []))
const errorOf = (ran: Ran, host: string) => endsOf(ran, host).find((event) => event.status === 'failed')?.error

test('a task runs on another host between the changes before and behind it, and is told of as its own host’s', async (t) => {
  const hosts = make('web', 'lb')
  const order: string[] = []
  const ready = connectTo(hosts)
  const ran = await runOn(
    hosts,
    [
      play({
        hosts: 'web',
        tasks: [
          note({ file: 'a', text: 'x' }),
          note({ file: 'drain', text: 'web', on: 'lb' }),
          note({ file: 'b', text: 'x' }),
          note({ file: 'ready', text: 'web', on: 'lb' }),
        ],
      }),
    ],
    {
      connect: async (host, secrets, progress) => {
        const connection = await ready(host, secrets, progress)
        return {
          ...connection,
          get requests() {
            return connection.requests
          },
          run: (steps, options) => {
            for (const step of steps) {
              const [, file] = /cat >'?(\w+)/.exec(step.script) ?? []
              if (file) order.push(`${host.name} ${file}`)
            }
            return connection.run(steps, options)
          },
        }
      },
    },
  )
  t.deepEqual(order, ['web a', 'lb drain', 'web b', 'lb ready'])
  t.deepEqual(ran.log, ['web changed note a', 'web changed note drain', 'web changed note b', 'web changed note ready'])
  t.deepEqual(
    endsOf(ran, 'web').map((event) => event.task.on),
    [undefined, 'lb', undefined, 'lb'],
  )
  t.is(hosts.lb?.read('drain'), 'web\n')
  t.is(hosts.web?.read('drain'), undefined)
  t.deepEqual(Object.keys(ran.result.hosts), ['web'])
  t.false(ran.events.some((event) => event.type.startsWith('host:') && 'host' in event && event.host === 'lb'))
})

test('a second run changes nothing, on a host of the run and on a guest', async (t) => {
  const hosts = make('web', 'lb')
  const tasks = [
    note({ file: 'a', text: 'x' }),
    note({ file: 'c', text: 'x', on: 'lb' }),
    note({ file: 'd', text: 'y', on: 'web' }),
  ]
  for (const pattern of ['web', 'all']) {
    await runOn(hosts, [play({ hosts: pattern, tasks })])
    const again = await runOn(hosts, [play({ hosts: pattern, tasks })])
    t.true(endsOf(again, 'web').every((event) => event.status === 'ok'))
    t.is(endsOf(again, 'web').length, 3)
  }
  t.is(hosts.lb?.connections, 4)
})

test('its output is its own host’s, its facts and its errors are those of where it runs', async (t) => {
  const hosts = make('web', 'lb')
  const ran = await runOn(hosts, [
    play({ hosts: 'web', tasks: [note({ file: 'a', text: 'x', on: 'lb' }), act({ say: 'b', fail: true, on: 'lb' })] }),
  ])
  const outputs = ran.events.flatMap((event) => (event.type === 'task:output' ? [`${event.host} ${event.text}`] : []))
  t.deepEqual(outputs, ['web wrote a'])
  t.true(errorOf(ran, 'web')?.detail?.startsWith('host: lb\n'))
})

test('results and handlers belong to the host whose task it is, with the mark there before the change', async (t) => {
  const hosts = make('web', 'lb')
  const reload = handler(act({ say: 'reload' }))
  const told = handler(act({ say: 'told', on: 'lb' }), { name: 'tell lb' })
  const first = note({ file: 'a', text: 'x', on: 'lb', notify: [reload, told] })
  const tasks = [
    first,
    act({ say: 'after', when: changed(first) }),
    act({ say: 'previous', when: given(first, (result) => result.previous === 'absent') }),
  ]
  const ready = connectTo(hosts)
  const marksAtChange: (readonly string[] | undefined)[] = []
  await runOn(hosts, [play({ hosts: 'web', tasks })], {
    connect: async (host, secrets, progress) => {
      const connection = await ready(host, secrets, progress)
      return {
        ...connection,
        requests: 0,
        run: (steps, options) => {
          if (host.name === 'lb' && steps.some((step) => step.script.includes('cat >a')))
            marksAtChange.push(hosts.web?.marks())
          return connection.run(steps, options)
        },
      }
    },
  })
  t.is(marksAtChange.length, 1)
  t.is(marksAtChange[0]?.length, 2)
  t.is(hosts.web?.read('log'), 'after\nprevious\nreload\n')
  t.is(hosts.lb?.read('log'), 'told\n')
  t.deepEqual(hosts.web?.marks(), [])
  t.deepEqual(hosts.lb?.marks(), [])
})

test('a change that was none leaves no mark behind', async (t) => {
  const hosts = make('web', 'lb')
  const reload = handler(act({ say: 'reload' }))
  await runOn(hosts, [
    play({
      hosts: 'web',
      tasks: [act({ say: 'x', on: 'lb', changedWhen: () => false, notify: reload }), act({ say: 'y' })],
    }),
  ])
  t.is(hosts.web?.read('log'), 'y\n')
  t.deepEqual(hosts.web?.marks(), [])
})

test('what a task changed on another host, that host and its own look at again', async (t) => {
  const hosts = make('web', 'lb')
  hosts.lb?.write('a', 'x\n')
  const first = play({ name: 'first', hosts: 'web', tasks: note({ file: 'a', text: 'changed', on: 'lb' }) })
  const second = play({ name: 'second', hosts: 'lb', tasks: note({ file: 'a', text: 'x' }) })
  const ran = await runOn(hosts, [first, second])
  t.deepEqual(ran.log, ['web changed note a', 'lb changed note a'])
  t.is(hosts.lb?.read('a'), 'x\n')
})

test('two hosts that change the same third one come one after the other: the second finds what the first left', async (t) => {
  const hosts = make('w1', 'w2', 'w3', 'lb')
  const ran = await runOn(hosts, [
    play({
      hosts: 'w1:w2:w3',
      tasks: [note({ file: 'a', text: 'x', on: 'lb' }), act({ say: 'drained', on: 'lb' })],
    }),
  ])
  const ends = ran.log.filter((line) => line.endsWith('note a')).map((line) => line.split(' ')[1])
  t.deepEqual(ends.sort(), ['changed', 'ok', 'ok'])
  t.is(hosts.lb?.read('log'), 'drained\ndrained\ndrained\n')
  t.is(hosts.lb?.connections, 1)
})

test('hosts that run tasks on each other, and on one that waits for a place, end with one fork', async (t) => {
  const hosts = make('w1', 'w2', 'lb')
  const tasks = [
    note({ file: 'a', text: 'x', on: 'w2' }),
    note({ file: 'b', text: 'x', on: 'w1' }),
    note({ file: 'c', text: 'x', on: 'lb' }),
  ]
  const ran = await runOn(hosts, [play({ hosts: 'all', tasks })], { forks: 1 })
  t.is(ran.result.outcome, 'ok')
  t.is(ran.log.length, 9)
  t.is(ran.log.filter((line) => line.includes(' changed ')).length, 3)
})

test('an unknown host is told before any host is touched, with the task’s line and the nearest name', async (t) => {
  const hosts = make('web', 'lb')
  const say = (on: string) =>
    t.throwsAsync(runOn(hosts, [play({ hosts: 'web', tasks: note({ file: 'a', text: 'x', on }) })]), {
      instanceOf: ProvisionError,
      message: `note a: option 'on': the inventory has no host '${on}'`,
    })
  const wrong = await say('wb')
  t.is(wrong?.code, 'playbook')
  t.is(wrong?.hint, "Did you mean 'web'?")
  t.true(wrong?.where?.file.endsWith('delegation.test.ts'))
  t.is((await say('localhost'))?.hint, "Add it to the inventory's hosts: localhost: { connection: 'local' }.")
  t.is((await say('elsewhere'))?.hint, 'Hosts: web, lb.')
  const notified = note({ file: 'a', text: 'x', notify: handler(act({ say: 'x', on: 'nowhere' })) })
  await t.throwsAsync(runOn(hosts, [play({ hosts: 'web', tasks: notified })]), { message: /no host 'nowhere'/ })
  t.is(hosts.web?.connections, 0)
  const empty = t.throws(() => note({ file: 'a', text: 'x', on: '' }))
  t.is(empty?.message, "note: option 'on': expected a host's name, found ''")
})

test('a host out of reach fails the tasks that need it, not the hosts: rescue mends, others go on', async (t) => {
  const hosts = make('web', 'lb')
  const { lb } = hosts
  if (lb) lb.unreachable = true
  const task = () => note({ file: 'a', text: 'x', on: 'lb' })
  const ran = await runOn(hosts, [
    play({ hosts: 'web', tasks: [block({ tasks: task(), rescue: act({ say: 'rescued' }) })] }),
  ])
  t.is(errorOf(ran, 'web')?.message, 'lb, which it runs on, cannot be used: lb does not answer')
  t.is(errorOf(ran, 'web')?.code, 'unreachable')
  t.is(hosts.web?.read('log'), 'rescued\n')
  t.is(ran.result.outcome, 'ok')
  const failed = await runOn(hosts, [play({ hosts: 'web', tasks: [task(), act({ say: 'not reached' })] })])
  t.is(failed.result.outcome, 'failed')
  t.is(hosts.web?.read('log'), 'rescued\n')
})

test('a connection that breaks under a change elsewhere: the task fails, its handler is not lost', async (t) => {
  const hosts = make('web', 'lb')
  const { lb } = hosts
  if (lb) lb.breaksAt = 'cat >a'
  const tasks = () => note({ file: 'a', text: 'x', on: 'lb', notify: handler(act({ say: 'reload' })) })
  const ran = await runOn(hosts, [play({ hosts: 'web', tasks: tasks() })])
  t.is(errorOf(ran, 'web')?.message, 'lb, which it runs on, cannot be used: during note a: the connection broke')
  t.is(ran.result.hosts.web?.unreachable, false)
  t.is(hosts.web?.marks().length, 1)
  if (lb) lb.breaksAt = undefined
  await runOn(hosts, [play({ hosts: 'web', tasks: tasks() })])
  t.is(hosts.web?.read('log'), 'reload\n')
})

test('check mode changes nothing elsewhere either, and what it cannot know there is unknown', async (t) => {
  const hosts = make('web', 'lb')
  const tasks = [note({ file: 'a', text: 'x', on: 'lb' }), exists({ file: 'a', on: 'lb' }), exists({ file: 'a' })]
  const ran = await runOn(hosts, [play({ hosts: 'web', tasks })], { check: true })
  t.deepEqual(ran.log, ['web changed note a', 'web unknown exists a', 'web unknown exists a'])
  t.is(hosts.lb?.read('a'), undefined)
})

test('retry gives the other host’s turn to others between its attempts', async (t) => {
  const hosts = make('web', 'lb')
  const waits = exists({ file: 'flag', on: 'lb', retry: { attempts: 1000, delay: 0.01 } })
  const ran = await runOn(hosts, [
    play({ hosts: 'all', tasks: (host) => (host.name === 'lb' ? note({ file: 'flag', text: 'up' }) : waits) }),
  ])
  t.is(ran.result.outcome, 'ok')
})

test('with runOnce the one host that is chosen has it done elsewhere', async (t) => {
  const hosts = make('w1', 'w2', 'lb')
  const ran = await runOn(hosts, [play({ hosts: 'w1:w2', runOnce: true, tasks: act({ say: 'migrate', on: 'lb' }) })])
  t.deepEqual(ran.log, ['w1 changed act migrate'])
  t.is(hosts.lb?.read('log'), 'migrate\n')
})

test('what was taken away is put back after a stop, also on a host that was not connected yet', async (t) => {
  const hosts = make('web', 'lb')
  const stop = new AbortController()
  const tasks = block({
    tasks: [act({ say: 'change' }), act({ say: 'never' })],
    always: act({ say: 'put back', on: 'lb' }),
  })
  const ran = await runOn(hosts, [play({ hosts: 'web', tasks })], {
    stop: stop.signal,
    emit: (event) => {
      if (event.type === 'task:end') stop.abort()
    },
  })
  t.is(ran.result.outcome, 'interrupted')
  t.is(hosts.web?.read('log'), 'change\n')
  t.is(hosts.lb?.read('log'), 'put back\n')
})

test('a stop ends the wait for another host’s turn', async (t) => {
  const hosts = make('w1', 'w2', 'lb')
  const stop = new AbortController()
  const ran = await runOn(hosts, [play({ hosts: 'w1:w2', tasks: [act({ say: 'x', on: 'lb' })] })], {
    stop: stop.signal,
    emit: (event) => {
      if (event.type === 'task:output' || event.type === 'task:end') stop.abort()
    },
  })
  t.is(ran.result.outcome, 'interrupted')
  t.is(hosts.lb?.read('log'), 'x\n')
})

test('a worker of a spread run refuses it', async (t) => {
  const hosts = make('web', 'lb')
  const ran = await runOn(hosts, [play({ hosts: 'web', tasks: act({ say: 'x', on: 'lb' }) })], {
    inventory: makeInventory(['web', 'lb']),
    part: { play: 0, last: true },
  })
  const error = errorOf(ran, 'web')
  t.true(isProvisionError(error))
  t.is(error?.message, "act x: option 'on': with --queue no task can run on another host, and this one is for 'lb'")
})
