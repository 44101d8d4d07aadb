import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import { definePlaybook, play } from '../../src/core/play.ts'
import { role } from '../../src/core/role.ts'
import { act, busy, connectTo, makeStandIn, note, type Ran, runOn, type StandIn } from './stand-in.ts'

const make = (...names: string[]) => Object.fromEntries(names.map((name) => [name, makeStandIn()]))
const batches = ({ log }: Ran) => log.map((line) => line.split(' ')[0]).join(' ')
const warnings = ({ events }: Ran) => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
const file = (host: StandIn | undefined, name: string) => host?.read(name)

test.serial('no more hosts than forks are at work at a time', async (t) => {
  const hosts = make('h1', 'h2', 'h3', 'h4', 'h5')
  const tasks = [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })]
  busy.most = 0
  await runOn(hosts, [play({ hosts: 'all', tasks })], { forks: 2 })
  t.is(busy.most, 2)
  t.true(Object.values(hosts).every((host) => host.read('b') === 'x\n'))
  await t.throwsAsync(runOn(hosts, [play({ hosts: 'all', tasks })], { forks: 0 }), {
    message: 'forks is 0, expected a number of hosts above 0',
  })
})

test.serial('hosts that do not answer hold up nobody: the others are done before them', async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `h${index}`)
  const hosts = make(...names)
  const dead = new Set(names.slice(0, 6))
  const done: string[] = []
  const ready = connectTo(hosts)
  let tell = (): void => undefined
  const othersAreDone = new Promise<void>((resolve) => {
    tell = resolve
  })
  const ran = await runOn(hosts, [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x' }) })], {
    forks: 2,
    connect: async (host, secrets, progress) => {
      if (!dead.has(host.name)) return ready(host, secrets, progress)
      await othersAreDone
      throw new ProvisionError({ code: 'unreachable', message: `${host.name} does not answer` })
    },
    emit: (event) => {
      if (event.type !== 'host:play:end') return
      done.push(event.host)
      if (done.length === 6) tell()
    },
  })
  t.is(Object.values(ran.result.hosts).filter((host) => host.unreachable).length, 6)
  t.is(Object.values(ran.result.hosts).filter((host) => host.changed === 1).length, 6)
})

test.serial('a play that says after does not wait for the others, and each host keeps the order', async (t) => {
  const hosts = make('h1', 'h2')
  const ready = connectTo(hosts)
  let tell = (): void => undefined
  const balancerIsDone = new Promise<void>((resolve) => {
    tell = resolve
  })
  const base = play({ name: 'base', hosts: 'all', tasks: note({ file: 'a', text: 'x' }) })
  const slow = play({ name: 'slow', hosts: 'h1', tasks: note({ file: 'slow', text: 'x' }) })
  const balancer = play({ name: 'balancer', hosts: 'h2', after: base, tasks: note({ file: 'c', text: 'x' }) })
  const last = play({ name: 'last', hosts: 'all', after: [], tasks: note({ file: 'd', text: 'x' }) })
  const order: string[] = []
  const ran = await runOn(hosts, [base, slow, balancer, last], {
    connect: async (host, secrets, progress) => {
      const connection = await ready(host, secrets, progress)
      return {
        ...connection,
        requests: 0,
        run: async (steps, options) => {
          if (steps.some((step) => step.script.includes('cat >slow'))) await balancerIsDone
          return connection.run(steps, options)
        },
      }
    },
    emit: (event) => {
      if (event.type !== 'host:play:end') return
      order.push(`${event.host} ${event.play}`)
      if (event.play === 'balancer') tell()
    },
  })
  t.is(ran.result.outcome, 'ok')
  t.deepEqual(
    order.filter((line) => line.startsWith('h1')),
    ['h1 base', 'h1 slow', 'h1 last'],
  )
  t.deepEqual(
    order.filter((line) => line.startsWith('h2')),
    ['h2 base', 'h2 balancer', 'h2 last'],
  )
  t.true(order.indexOf('h2 balancer') < order.indexOf('h1 slow'))
})

test('after names plays of the playbook that come earlier', (t) => {
  const first = play({ name: 'first', hosts: 'all' })
  const second = play({ name: 'second', hosts: 'all', after: first })
  t.throws(() => definePlaybook([second, first]), {
    message: "play second: option 'after' names the play first, which comes later",
  })
  t.throws(() => definePlaybook([second]), {
    message: "play second: option 'after' names the play first, which is not in the playbook",
  })
  t.throws(() => play({ hosts: 'all', after: 'first' as never }), {
    message: "play: option 'after': expected plays, found 'first'",
  })
  t.throws(() => definePlaybook([first], { packageFirst: true } as never), {
    message: "definePlaybook: unknown option 'packageFirst'",
  })
})

test.serial('a host is disconnected after its last play', async (t) => {
  const hosts = make('h1', 'h2')
  const ready = connectTo(hosts)
  const story: string[] = []
  await runOn(
    hosts,
    [
      play({ name: 'one', hosts: 'all', tasks: note({ file: 'a', text: 'x' }) }),
      play({ name: 'two', hosts: 'h2', tasks: note({ file: 'b', text: 'x' }) }),
    ],
    {
      connect: async (host, secrets, progress) => {
        const connection = await ready(host, secrets, progress)
        const close = () => {
          story.push(`${host.name} closed`)
          return connection.close()
        }
        return { ...connection, requests: 0, close }
      },
      emit: (event) => {
        if (event.type === 'play:start') story.push(event.play)
      },
    },
  )
  t.deepEqual(story, ['one', 'h1 closed', 'two', 'h2 closed'])
})

test.serial('serial takes numbers, percentages and lists; the last size repeats', async (t) => {
  const cases = [
    { serial: 1, expected: [1, 1, 1, 1, 1] },
    { serial: '40%', expected: [2, 2, 1] },
    { serial: [1, '50%'], expected: [1, 2, 2] },
    { serial: '1%', expected: [1, 1, 1, 1, 1] },
  ]
  for (const { serial, expected } of cases) {
    const hosts = make('h1', 'h2', 'h3', 'h4', 'h5')
    busy.most = 0
    const ran = await runOn(hosts, [
      play({ hosts: 'all', serial, tasks: [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })] }),
    ])
    const order = batches(ran).split(' ')
    let from = 0
    for (const size of expected) {
      const batch = order.slice(2 * from, 2 * (from + size))
      t.deepEqual(
        [...new Set(batch)].sort(),
        Array.from({ length: size }, (_, index) => `h${from + index + 1}`),
      )
      from += size
    }
  }
})

test('anyErrorsFatal: the others stop after their current task, and later plays do not begin', async (t) => {
  const hosts = make('h1', 'h2')
  const tasks = [
    note({ file: 'a', text: 'x' }),
    ...Array.from({ length: 20 }, (_, index) => note({ file: `f${index}`, text: 'x' })),
  ]
  const { result } = await runOn(hosts, [
    play({
      hosts: 'all',
      anyErrorsFatal: true,
      tasks: (host) => (host.name === 'h1' ? note({ file: 'a', text: 'x', broken: true }) : tasks),
    }),
    play({ hosts: 'all', tasks: note({ file: 'later', text: 'x' }) }),
  ])
  t.is(result.outcome, 'failed')
  t.is(file(hosts.h2, 'f19'), undefined)
  t.is(file(hosts.h2, 'later'), undefined)
  t.like(result.hosts.h2, { failed: 0 })
})

test('a host whose connection breaks is out; the others and later plays go on', async (t) => {
  const hosts = make('h1', 'h2')
  if (hosts.h1) hosts.h1.breaksAt = 'cat >a'
  const ran = await runOn(hosts, [
    play({ hosts: 'all', tasks: [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })] }),
    play({ hosts: 'all', tasks: note({ file: 'c', text: 'x' }) }),
  ])
  t.is(ran.result.outcome, 'unreachable')
  t.is(file(hosts.h1, 'b'), undefined)
  t.is(file(hosts.h2, 'c'), 'x\n')
  t.is(ran.events.filter((event) => event.type === 'host:unreachable').length, 1)
})

test('runOnce takes the first host that can be reached', async (t) => {
  const hosts = make('h1', 'h2', 'h3')
  if (hosts.h1) hosts.h1.unreachable = true
  const { result } = await runOn(hosts, [play({ hosts: 'all', runOnce: true, tasks: note({ file: 'a', text: 'x' }) })])
  t.is(file(hosts.h2, 'a'), 'x\n')
  t.is(file(hosts.h3, 'a'), undefined)
  t.is(result.outcome, 'unreachable')
})

test('a play is a barrier: no host begins the second before all ended the first', async (t) => {
  const hosts = make('h1', 'h2', 'h3')
  const { log } = await runOn(hosts, [
    play({
      hosts: 'all',
      tasks: (host) => (host.name === 'h1' ? [1, 2, 3].map((n) => note({ file: `a${n}`, text: 'x' })) : []),
    }),
    play({ hosts: 'all', tasks: note({ file: 'second', text: 'x' }) }),
  ])
  t.deepEqual(log.slice(0, 3), ['h1 changed note a1', 'h1 changed note a2', 'h1 changed note a3'])
  t.is(log.length, 6)
})

test('a limit that leaves no host is an error that says what it selects and what the plays are for', async (t) => {
  const hosts = make('h1', 'h2')
  const plays = [play({ hosts: 'h1', tasks: note({ file: 'a', text: 'x' }) })]
  await t.throwsAsync(runOn(hosts, plays, { limit: 'h2' }), {
    message: "the limit 'h2' leaves no host: it selects h2, and the plays are for 'h1'",
  })
  await t.throwsAsync(runOn(hosts, plays, { limit: 'none' }), {
    message: "the limit 'none' selects no host of the inventory",
  })
  const { result } = await runOn(hosts, [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x' }) })], {
    limit: 'h2',
  })
  t.deepEqual(Object.keys(result.hosts), ['h2'])
  t.is(hosts.h1?.connections, 0)
})

test('a play whose pattern selects no host, and a playbook without plays, are told', async (t) => {
  const idle = await runOn(make('h1'), [play({ hosts: 'none', tasks: [] }), play({ hosts: 'all', tasks: [] })])
  t.deepEqual(warnings(idle), ["play none: its pattern 'none' selects no host of the inventory"])
  t.like(idle.result, { outcome: 'ok' })
  t.deepEqual(warnings(await runOn(make('h1'), [])), ['the playbook has no plays'])
})

test('hosts that no play takes are not connected to', async (t) => {
  const hosts = make('h1', 'h2')
  const { result } = await runOn(hosts, [play({ hosts: 'h1', tasks: [] })])
  t.deepEqual(Object.keys(result.hosts), ['h1'])
  t.is(hosts.h2?.connections, 0)
})

test('a role that needs facts and throws fails its host alone, with the line of the user', async (t) => {
  const hosts = make('h1', 'h2')
  const picky = role('picky', (_params, host) => {
    if (host.facts.cpus > 0 && host.name === 'h1') throw new Error('not here')
    return note({ file: 'a', text: 'x' })
  })
  const { result, events } = await runOn(hosts, [play({ name: 'site', hosts: 'all', roles: [picky()] })])
  t.like(result.hosts.h1, { failed: 1 })
  t.is(file(hosts.h2, 'a'), 'x\n')
  const end = events.find((event) => event.type === 'task:end' && event.host === 'h1')
  t.true(end?.type === 'task:end')
  if (end?.type !== 'task:end') return
  t.is(end.error?.message, 'role picky on h1 threw Error: not here')
  t.regex(end.error?.where?.file ?? '', /runs\.test\.ts$/)
  t.is(end.play, 'site')
})

test('an error for input is redacted too', async (t) => {
  const throws = role('throws', () => {
    throw new Error('hunter22 is wrong')
  })
  await t.throwsAsync(runOn(make('h1'), [play({ hosts: 'all', roles: [throws()] })]), {
    message: 'role throws on h1 threw Error: ‹secret› is wrong',
  })
})

test('warnings, retries and connection details hide secrets', async (t) => {
  const hosts = make('h1')
  const { events } = await runOn(
    hosts,
    [
      play({
        hosts: 'all',
        tasks: note({ file: 'hunter22', text: 'x', broken: true, retry: { attempts: 2, delay: 0 } }),
      }),
    ],
    {
      connect: (_host, _secrets, progress) => {
        progress?.onAttempt?.(1, 'password hunter22')
        return Promise.reject(new Error('refused hunter22'))
      },
    },
  )
  t.true(events.some((event) => event.type === 'host:connecting'))
  t.false(JSON.stringify(events).includes('hunter22'))
})

test('a stop that comes when all is done interrupts nothing; one between plays leaves the rest out', async (t) => {
  for (const plays of [1, 2]) {
    const hosts = make('h1')
    const stop = new AbortController()
    const all = ['a', 'b'].slice(0, plays).map((name) => play({ hosts: 'all', tasks: note({ file: name, text: 'x' }) }))
    const { result } = await runOn(hosts, all, {
      stop: stop.signal,
      emit: (event) => {
        if (event.type === 'host:play:end') stop.abort()
      },
    })
    t.is(result.outcome, plays === 1 ? 'ok' : 'interrupted')
    t.is(file(hosts.h1, 'b'), undefined)
  }
})

test('a task that cannot be put into words fails alone: not its neighbours, not other hosts', async (t) => {
  const hosts = make('h1', 'h2')
  const { result, log } = await runOn(hosts, [
    play({
      hosts: 'all',
      tasks: (host) => [
        note({ file: 'a', text: 'x' }),
        note({ file: host.name === 'h1' ? 'nul\0' : 'b', text: 'x', name: 'odd' }),
      ],
    }),
  ])
  t.true(log.includes('h1 changed note a'))
  t.true(log.includes('h1 failed odd'))
  t.like(result.hosts.h1, { failed: 1, unreachable: false })
  t.is(file(hosts.h2, 'b'), 'x\n')
})

test('maxFailPercentage must be a share', (t) => {
  t.throws(() => play({ hosts: 'all', maxFailPercentage: 200 }), {
    message: /expected a number from 0 to 100, found 200$/,
  })
  t.notThrows(() => definePlaybook(play({ hosts: 'all', maxFailPercentage: undefined, tasks: act({ say: 'x' }) })))
})

test('a stop ends the waiting of a retry, and the connecting to a host that does not answer', async (t) => {
  const hosts = make('h1', 'h2')
  const stop = new AbortController()
  const waiting = note({ file: 'a', text: 'x', broken: true, retry: { attempts: 9, delay: 1000 } })
  const { result, events } = await runOn(
    hosts,
    [play({ hosts: 'h1', tasks: waiting }), play({ hosts: 'h2', tasks: [] })],
    {
      stop: stop.signal,
      connect: (host, secrets, progress) => {
        if (host.name === 'h1') return connectTo(hosts)(host, secrets, progress)
        return new Promise((_, reject) =>
          progress?.signal?.addEventListener('abort', () => reject(new Error('aborted'))),
        )
      },
      emit: (event) => {
        if (event.type === 'task:retry') stop.abort()
      },
    },
  )
  t.is(result.outcome, 'interrupted')
  t.like(result.hosts, { h1: { failed: 1 }, h2: { unreachable: false } })
  t.deepEqual(events, [])
})
