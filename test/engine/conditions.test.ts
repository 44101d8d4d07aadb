import test from 'ava'
import { after, block, changed, flush, given, handler, not } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { act, exists, makeStandIn, note, type Ran, runOn, strict } from './stand-in.ts'

const ends = ({ events }: Ran) => events.flatMap((event) => (event.type === 'task:end' ? [event] : []))
const endOf = (ran: Ran, title: string) => ends(ran).find((event) => event.task.title === title)

test('a condition on a later task is a mistake that is told before any host is touched', async (t) => {
  const web = makeStandIn()
  const later = note({ file: 'b', text: 'x' })
  const early = play({ hosts: 'all', tasks: [note({ file: 'a', text: 'x', when: changed(later) }), later] })
  const error = await t.throwsAsync(runOn({ web }, [early]))
  t.regex(
    error?.message ?? '',
    /^when of note a asks about note b \(.*conditions\.test\.ts:\d+:\d+\), which comes later/,
  )
  t.is(web.connections, 0)
  await t.throwsAsync(runOn({ web }, [play({ hosts: 'all', tasks: [after(later, () => []), later] })]), {
    message: /^after asks about note b/,
  })
})

test('a condition of a branch on a task further on in the play fails the host with the line', async (t) => {
  const web = makeStandIn()
  const [first, later] = [note({ file: 'a', text: 'x' }), note({ file: 'z', text: 'x' })]
  const branch = after(first, () => note({ file: 'b', text: 'x', when: changed(later) }))
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks: [first, branch, later] })])
  t.is(ran.result.outcome, 'failed')
  t.regex(ends(ran).at(-1)?.error?.message ?? '', /^when of note b asks about note z/)
  t.regex(ends(ran).at(-1)?.error?.where?.file ?? '', /conditions\.test\.ts$/)
})

test('a needed task that tags left out, or that no list holds, skips with the reason', async (t) => {
  const web = makeStandIn()
  const [out, nowhere] = [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })]
  const tasks = [
    out,
    act({ say: 'one', tags: 'go', when: changed(out) }),
    act({ say: 'two', tags: 'go', when: changed(nowhere) }),
  ]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })], { tags: ['go'] })
  t.is(endOf(ran, 'act one')?.reason, 'note a was left out by tags')
  t.is(endOf(ran, 'act two')?.reason, 'note b did not run')
})

test('what a condition throws fails the task and points at the line of the user', async (t) => {
  const web = makeStandIn()
  const first = note({ file: 'a', text: 'x' })
  const tasks = [
    first,
    act({
      say: 'never',
      when: given(first, () => {
        throw new RangeError('oops')
      }),
    }),
  ]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })])
  const error = endOf(ran, 'act never')?.error
  t.regex(error?.message ?? '', /threw RangeError: oops$/)
  t.regex(error?.where?.file ?? '', /conditions\.test\.ts$/)
  t.is(web.read('log'), undefined)
})

test('what until, failedWhen, changedWhen or a branch throws fails the task, not the run', async (t) => {
  const boom = (): never => {
    throw new TypeError('boom')
  }
  const first = note({ file: 'a', text: 'x' })
  const cases = [
    { until: act({ say: 's', retry: { attempts: 1, until: boom } }) },
    { failedWhen: act({ say: 's', failedWhen: boom }) },
    { changedWhen: act({ say: 's', changedWhen: boom }) },
    { 'after note a on web': [first, after(first, boom)] },
  ]
  for (const made of cases) {
    for (const [what, tasks] of Object.entries(made)) {
      const web = makeStandIn()
      const ran = await runOn({ web }, [play({ hosts: 'all', tasks })])
      t.is(ran.result.hosts.web?.failed, 1, what)
      t.regex(ends(ran).at(-1)?.error?.message ?? '', /threw TypeError: boom$/, what)
      t.regex(ends(ran).at(-1)?.error?.where?.file ?? '', /conditions\.test\.ts$/, what)
    }
  }
})

test('probes of tasks whose condition is undecided break no others', async (t) => {
  const web = makeStandIn()
  web.write('there', 'yes\n')
  const first = note({ file: 'a', text: 'x' })
  const tasks = [
    first,
    strict({ file: 'missing', when: not(changed(first)) }),
    strict({ file: 'there' }),
    note({ file: 'missing', text: 'x' }),
    strict({ file: 'missing' }),
  ]
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(
    log.map((line) => line.split(' ')[1]),
    ['changed', 'skipped', 'ok', 'changed', 'ok'],
  )
})

test('a group of probes that fails as a whole is asked again one by one, in one request', async (t) => {
  const web = makeStandIn()
  for (const file of ['a', 'b', 'c', 'd']) web.write(file, `${file}\n`)
  const tasks = ['a', 'b', 'missing', 'c', 'd'].map((file) => strict({ file, ignoreErrors: true }))
  const { log, result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(
    log.map((line) => line.split(' ')[1]),
    ['ok', 'ok', 'ignored', 'ok', 'ok'],
  )
  t.is(result.hosts.web?.requests, 3)
})

test('flushes and branches that give nothing cost a converged play nothing', async (t) => {
  const web = makeStandIn()
  for (const file of ['a', 'b']) web.write(file, 'x\n')
  const first = note({ file: 'a', text: 'x', notify: handler(act({ say: 'r' })) })
  const tasks = [first, flush(), after(first, () => []), block({ tasks: note({ file: 'b', text: 'x' }) })]
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(result.hosts.web?.requests, 1)
})

test('after a change the window is small and doubles', async (t) => {
  const web = makeStandIn()
  const names = Array.from({ length: 30 }, (_, index) => `f${index}`)
  for (const file of names) web.write(file, 'x\n')
  web.write('f0', 'old\n')
  await runOn({ web }, [play({ hosts: 'all', tasks: names.map((file) => note({ file, text: 'x' })) })])
  const asked = web.requests.map((steps) =>
    steps.reduce((sum, step) => sum + step.script.split('|| echo absent').length - 1, 0),
  )
  t.deepEqual(asked, [30, 1 + 4, 1 + 8, 1 + 15]) // the rest of 29: 4, 9, 16
})

test('check mode: an answer that does not depend on what is unknown is given, the rest is unknown', async (t) => {
  const web = makeStandIn()
  const command = act({ say: 'command' })
  const tasks = [
    command,
    act({ say: 'follows', when: changed(command) }),
    act({ say: 'reads', when: given(command, (result) => result.stdout === 'x') }),
    act({ say: 'flags', when: given(command, (result) => result.changed && !result.failed) }),
    after(command, (result) => act({ say: `branch ${result.stdout}` })),
    after(command, () => act({ say: 'sure' })),
  ]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })], { check: true })
  t.deepEqual(ran.log, [
    'web changed act command',
    'web changed act follows',
    'web unknown act reads',
    'web changed act flags',
    'web unknown after act command',
    'web changed act sure',
  ])
  t.is(ran.result.hosts.web?.unknown, 2)
  t.is(web.read('log'), undefined)
})

test('check mode: what an unknown task may notify is unknown, and what depends on it too', async (t) => {
  const web = makeStandIn()
  const command = act({ say: 'command', changedWhen: (result) => result.stdout === 'x' })
  const maybe = note({ file: 'a', text: 'x', when: changed(command), notify: handler(act({ say: 'r' })) })
  const tasks = [command, maybe, act({ say: 'last', when: not(changed(maybe)) })]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })], { check: true })
  t.deepEqual(ran.log, ['web unknown act command', 'web unknown note a', 'web unknown act last', 'web unknown act r'])
  t.true(ran.result.pending)
})

test('check mode: an assertion that fails after a pretended change is unknown, before one it fails', async (t) => {
  const web = makeStandIn()
  const plays = (first: boolean) => [
    play({
      hosts: 'all',
      tasks: [first && exists({ file: 'a' }), note({ file: 'a', text: 'x' }), exists({ file: 'a' })],
    }),
  ]
  t.deepEqual((await runOn({ web }, plays(true), { check: true })).log, ['web failed exists a'])
  const later = await runOn({ web }, plays(false), { check: true })
  t.deepEqual(later.log, ['web changed note a', 'web unknown exists a'])
  t.is(endOf(later, 'exists a')?.reason, 'a does not exist')
  t.deepEqual((await runOn({ web }, plays(false))).log, ['web changed note a', 'web ok exists a'])
})

test('check: false applies in check mode, with its mark; check: true never applies', async (t) => {
  const web = makeStandIn()
  const tasks = [
    note({ file: 'a', text: 'x', check: false, notify: handler(act({ say: 'r' })) }),
    note({ file: 'b', text: 'x', check: true }),
  ]
  const pretended = await runOn({ web }, [play({ hosts: 'all', tasks })], { check: true })
  t.deepEqual(pretended.log, ['web changed note a', 'web changed note b', 'web changed act r'])
  t.is(web.read('a'), 'x\n')
  t.is(web.read('log'), undefined)
  t.deepEqual(web.marks(), ['act r'])
  const real = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(real.log, ['web ok note a', 'web changed note b', 'web changed act r'])
  t.is(web.read('b'), undefined)
  t.deepEqual(web.marks(), [])
})
