import test from 'ava'
import { after, block, changed, flush, given, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { role } from '../../src/core/role.ts'
import { act, makeStandIn, note, runOn } from './stand-in.ts'

test('a converged play costs one request that reads the facts and probes, whatever the number of tasks', async (t) => {
  const web = makeStandIn()
  const tasks = Array.from({ length: 40 }, (_, index) => note({ file: `f${index}`, text: 'x' }))
  for (let index = 0; index < 40; index++) web.write(`f${index}`, 'x\n')
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(result.hosts.web?.ok, 40)
  t.is(result.hosts.web?.changed, 0)
  t.is(result.hosts.web?.requests, 1)
})

test('one drifted task costs one more request, which also looks at what lies ahead', async (t) => {
  const web = makeStandIn()
  const files = ['a', 'b', 'c', 'd']
  for (const file of files) web.write(file, 'x\n')
  web.write('b', 'drifted\n')
  const { result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: files.map((file) => note({ file, text: 'x' })) }),
  ])
  t.is(result.hosts.web?.changed, 1)
  t.is(result.hosts.web?.requests, 2)
  t.is(web.read('b'), 'x\n')
})

test('a second run changes nothing', async (t) => {
  const web = makeStandIn()
  const plays = [
    play({ hosts: 'all', tasks: [note({ file: 'a', text: "it's $HOME" }), note({ file: 'b', text: '-n' })] }),
  ]
  const first = await runOn({ web }, plays)
  t.is(first.result.hosts.web?.changed, 2)
  const second = await runOn({ web }, plays)
  t.is(second.result.hosts.web?.changed, 0)
  t.is(web.read('a'), "it's $HOME\n")
})

test('check mode reports the same changes and touches nothing', async (t) => {
  const web = makeStandIn()
  const reload = handler(act({ say: 'reload' }))
  const plays = [
    play({ hosts: 'all', tasks: [note({ file: 'a', text: 'x', notify: reload }), note({ file: 'b', text: 'y' })] }),
  ]
  const check = await runOn({ web }, plays, { check: true })
  t.deepEqual(check.log, ['web changed note a', 'web changed note b', 'web changed act reload'])
  t.true(check.result.pending)
  t.is(web.read('a'), undefined)
  t.is(web.read('log'), undefined)
  t.deepEqual(web.marks(), [])
  const real = await runOn({ web }, plays)
  t.deepEqual(real.log, check.log)
})

test('a change that leaves a difference fails as not converged, with what remains', async (t) => {
  const web = makeStandIn()
  const { events, result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', writes: 'y' }) }),
  ])
  const end = events.find((event) => event.type === 'task:end')
  t.is(end?.error?.code, 'converge')
  t.is(end?.error?.detail, 'y → x')
  t.is(result.outcome, 'failed')
})

test('a handler runs once, at the end, for several notifications', async (t) => {
  const web = makeStandIn()
  const reload = handler(act({ say: 'reload' }))
  const tasks = [
    note({ file: 'a', text: 'x', notify: reload }),
    note({ file: 'b', text: 'x', notify: reload }),
    act({ say: 'last' }),
  ]
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), 'last\nreload\n')
  t.deepEqual(log.slice(-1), ['web changed act reload'])
  t.deepEqual(web.marks(), [])
})

test('flush runs the notified handlers where it stands', async (t) => {
  const web = makeStandIn()
  const reload = handler(act({ say: 'reload' }))
  await runOn({ web }, [
    play({ hosts: 'all', tasks: [note({ file: 'a', text: 'x', notify: reload }), flush(), act({ say: 'last' })] }),
  ])
  t.is(web.read('log'), 'reload\nlast\n')
})

test('a notified handler survives a failed run: the next run executes it though nothing changes', async (t) => {
  const web = makeStandIn()
  const make = (broken: boolean) => {
    const reload = handler(act({ say: 'reload' }))
    return [
      play({
        hosts: 'all',
        tasks: [note({ file: 'a', text: 'x', notify: reload }), note({ file: 'b', text: 'x', broken })],
      }),
    ]
  }
  const first = await runOn({ web }, make(true))
  t.is(first.result.outcome, 'failed')
  t.is(web.read('log'), undefined)
  t.deepEqual(web.marks(), ['act reload'])
  t.true(
    first.events.some((event) => event.type === 'warning' && event.message === 'handlers still to run: act reload'),
  )
  web.write('b', 'x\n')
  const second = await runOn({ web }, make(false))
  t.is(web.read('log'), 'reload\n')
  t.deepEqual(second.log, ['web ok note a', 'web ok note b', 'web changed act reload'])
  t.deepEqual(web.marks(), [])
})

test('a failed handler stays marked', async (t) => {
  const web = makeStandIn()
  const { result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', notify: handler(act({ say: 'r', fail: true })) }) }),
  ])
  t.is(result.outcome, 'failed')
  t.deepEqual(web.marks(), ['act r'])
})

test('a failed host stops alone; the others finish and later plays go on without it', async (t) => {
  const [web1, web2] = [makeStandIn(), makeStandIn()]
  const plays = [
    play({ hosts: 'all', tasks: (host) => note({ file: 'a', text: 'x', broken: host.name === 'web1' }) }),
    play({ hosts: 'all', tasks: note({ file: 'b', text: 'x' }) }),
  ]
  const { result } = await runOn({ web1, web2 }, plays)
  t.is(result.outcome, 'failed')
  t.is(result.hosts.web1?.failed, 1)
  t.is(web1.read('b'), undefined)
  t.is(web2.read('b'), 'x\n')
})

test('an unreachable host is reported and costs the others nothing', async (t) => {
  const [web1, web2] = [makeStandIn(), makeStandIn()]
  web1.unreachable = true
  const { result } = await runOn({ web1, web2 }, [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x' }) })])
  t.is(result.outcome, 'unreachable')
  t.true(result.hosts.web1?.unreachable)
  t.is(web2.read('a'), 'x\n')
})

test('the error of a failed change names host, user, command, exit code, stderr in that order', async (t) => {
  const web = makeStandIn()
  const { events } = await runOn({ web }, [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', broken: true }) })])
  const end = events.find((event) => event.type === 'task:end')
  t.is(end?.error?.message, 'failed with exit code 3')
  t.regex(end?.error?.detail ?? '', /^host: web\nuser: \w+\ncommand: note a\nexit code: 3\nno space$/)
  t.regex(end?.error?.where?.file ?? '', /run\.test\.ts$/)
})

test('when: changed(task) follows the task; an undecided condition never costs its probe', async (t) => {
  const web = makeStandIn()
  const make = () => {
    const main = note({ file: 'a', text: 'x' })
    return [play({ hosts: 'all', tasks: [main, act({ say: 'checked', when: changed(main) })] })]
  }
  const first = await runOn({ web }, make())
  t.deepEqual(first.log, ['web changed note a', 'web changed act checked'])
  const second = await runOn({ web }, make())
  t.deepEqual(second.log, ['web ok note a', 'web skipped act checked'])
  t.is(second.result.hosts.web?.requests, 1)
})

test('given and after branch on typed results', async (t) => {
  const web = makeStandIn()
  web.write('a', 'old\n')
  const first = note({ file: 'a', text: 'new' })
  const tasks = [
    first,
    note({ file: 'b', text: 'was old', when: given(first, (result) => result.previous === 'old') }),
    after(first, (result) => note({ file: 'c', text: result.previous })),
  ]
  await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('b'), 'was old\n')
  t.is(web.read('c'), 'old\n')
})

test('a block: rescue runs after a failure, always in any case, and the host goes on', async (t) => {
  const web = makeStandIn()
  const tasks = [
    block({
      tasks: [note({ file: 'a', text: 'x', broken: true }), note({ file: 'never', text: 'x' })],
      rescue: note({ file: 'rescued', text: 'x' }),
      always: note({ file: 'always', text: 'x' }),
    }),
    note({ file: 'after', text: 'x' }),
  ]
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('never'), undefined)
  t.is(web.read('rescued'), 'x\n')
  t.is(web.read('always'), 'x\n')
  t.is(web.read('after'), 'x\n')
  t.is(result.outcome, 'ok')
})

test('a block without rescue: always runs, then the host stops', async (t) => {
  const web = makeStandIn()
  const tasks = [
    block({ tasks: note({ file: 'a', text: 'x', broken: true }), always: note({ file: 'always', text: 'x' }) }),
    note({ file: 'after', text: 'x' }),
  ]
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('always'), 'x\n')
  t.is(web.read('after'), undefined)
  t.is(result.outcome, 'failed')
})

test('serial runs batches one after another; anyErrorsFatal stops the rest', async (t) => {
  const hosts = { h1: makeStandIn(), h2: makeStandIn(), h3: makeStandIn() }
  const { log } = await runOn(hosts, [
    play({
      hosts: 'all',
      serial: [1, '100%'],
      tasks: [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })],
    }),
  ])
  t.deepEqual(log.slice(0, 2), ['h1 changed note a', 'h1 changed note b'])
  const stopped = await runOn(hosts, [
    play({
      hosts: 'all',
      serial: 1,
      anyErrorsFatal: true,
      tasks: (host) => note({ file: 'c', text: 'x', broken: host.name === 'h2' }),
    }),
    play({ hosts: 'all', tasks: note({ file: 'd', text: 'x' }) }),
  ])
  t.is(stopped.result.outcome, 'failed')
  t.is(hosts.h1.read('c'), 'x\n')
  t.is(hosts.h3.read('c'), undefined)
  t.is(hosts.h1.read('d'), undefined)
})

test('maxFailPercentage stops the roll when too many of a batch failed', async (t) => {
  const hosts = { h1: makeStandIn(), h2: makeStandIn(), h3: makeStandIn(), h4: makeStandIn() }
  const broken = ['h1', 'h2']
  await runOn(hosts, [
    play({
      hosts: 'all',
      serial: 2,
      maxFailPercentage: 50,
      tasks: (host) => note({ file: 'c', text: 'x', broken: broken.includes(host.name) }),
    }),
  ])
  t.is(hosts.h3.read('c'), undefined)
})

test('runOnce takes the first host only', async (t) => {
  const hosts = { h1: makeStandIn(), h2: makeStandIn() }
  await runOn(hosts, [play({ hosts: 'all', runOnce: true, tasks: note({ file: 'a', text: 'x' }) })])
  t.is(hosts.h1.read('a'), 'x\n')
  t.is(hosts.h2.read('a'), undefined)
})

test('tags, skip-tags, always and never', async (t) => {
  const hosts = { h1: makeStandIn() }
  const tasks = [
    note({ file: 'a', text: 'x', tags: 'web' }),
    note({ file: 'b', text: 'x', tags: ['db'] }),
    note({ file: 'c', text: 'x', tags: 'always' }),
    note({ file: 'd', text: 'x', tags: ['never', 'rare'] }),
    note({ file: 'e', text: 'x' }),
  ]
  const names = async (more: object) =>
    (await runOn(hosts, [play({ hosts: 'all', tasks })], { check: true, ...more })).log
      .map((line) => line.slice(-1))
      .join('')
  t.is(await names({}), 'abce')
  t.is(await names({ tags: ['web'] }), 'ac')
  t.is(await names({ skipTags: ['web'] }), 'bce')
  t.is(await names({ tags: ['rare'] }), 'cd')
})

test('retry tries again until the result satisfies', async (t) => {
  const web = makeStandIn()
  const { events, result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', broken: true, retry: { attempts: 3, delay: 0 } }) }),
  ])
  t.is(events.filter((event) => event.type === 'task:retry').length, 2)
  t.is(result.hosts.web?.failed, 1)
})

test('ignoreErrors, failedWhen and changedWhen have the last word', async (t) => {
  const web = makeStandIn()
  const { log } = await runOn({ web }, [
    play({
      hosts: 'all',
      tasks: [
        note({ file: 'a', text: 'x', broken: true, ignoreErrors: true }),
        act({ say: 'quiet', changedWhen: false }),
        note({ file: 'b', text: 'x', failedWhen: (result) => result.previous === 'absent', ignoreErrors: true }),
      ],
    }),
  ])
  t.deepEqual(log, ['web ignored note a', 'web ok act quiet', 'web ignored note b'])
})

test('no secret passes an event: diffs, titles and errors are hidden', async (t) => {
  const web = makeStandIn()
  const { events } = await runOn({ web }, [
    play({ hosts: 'all', tasks: note({ file: 'a', text: 'hunter22', name: 'set hunter22' }) }),
  ])
  t.false(JSON.stringify(events).includes('hunter22'))
  t.true(JSON.stringify(events).includes('‹secret›'))
})

test('a change that could lock us out stands only if a new connection succeeds', async (t) => {
  const web = makeStandIn()
  const plays = [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', confirm: true }) })]
  web.lockedOut = true
  const refused = await runOn({ web }, plays)
  const end = refused.events.find((event) => event.type === 'task:end')
  t.is(end?.error?.message, 'the new text would have locked us out, so the previous state is back')
  t.is(web.read('a'), undefined)
  web.lockedOut = false
  const accepted = await runOn({ web }, plays)
  t.is(accepted.result.outcome, 'ok')
  t.is(web.read('disarmed'), 'disarmed\n')
})

test('a role that reads facts is expanded after connecting; its user-code error names the line', async (t) => {
  const web = makeStandIn()
  const reads = role('reads', (_params, host) =>
    note({ file: 'os', text: host.facts.bootId.length > 0 ? 'known' : 'unknown' }),
  )
  await runOn({ web }, [play({ hosts: 'all', roles: [reads()] })])
  t.is(web.read('os'), 'known\n')
  const throws = role('throws', () => {
    throw new TypeError('boom')
  })
  const error = await t.throwsAsync(runOn({ web }, [play({ hosts: 'all', roles: [throws()] })]))
  t.is(error?.message, 'role throws on web threw TypeError: boom')
})

test('stop finishes the running task and leaves the rest', async (t) => {
  const web = makeStandIn()
  const stop = new AbortController()
  const plays = [play({ hosts: 'all', tasks: [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })] })]
  const { result } = await runOn({ web }, plays, {
    stop: stop.signal,
    now: () => {
      if (web.read('a')) stop.abort()
      return 0
    },
  })
  t.is(result.outcome, 'interrupted')
  t.is(web.read('b'), undefined)
})
