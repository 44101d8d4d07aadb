import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { after, block, changed, flush, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { role } from '../../src/core/role.ts'
import { act, makeStandIn, note, type Ran, runOn, type StandIn } from './stand-in.ts'

const make = (...names: string[]): Record<string, StandIn> =>
  Object.fromEntries(names.map((name) => [name, makeStandIn()]))
const say = (text: string, tags: readonly string[] = []) => act({ say: text, tags })
const reasons = ({ events }: Ran) =>
  events.flatMap((event) => (event.type === 'task:end' && event.reason ? [`${event.task.title}: ${event.reason}`] : []))

test('plays before it are left out with their hosts, tasks before it skipped, always ones are not', async (t) => {
  const hosts = make('db', 'web')
  const plays = [
    play({ hosts: 'db', tasks: say('db') }),
    play({ hosts: 'web', tasks: [say('one'), say('each time', ['always']), say('two'), say('three')] }),
    play({ hosts: 'web', tasks: say('last') }),
  ]
  const ran = await runOn(hosts, plays, { startAt: 'act two' })
  t.is(hosts.web?.read('log'), 'each time\ntwo\nthree\nlast\n')
  t.is(hosts.db?.connections, 0)
  t.deepEqual(Object.keys(ran.result.hosts), ['web'])
  t.deepEqual(ran.log.slice(0, 2), ['web skipped act one', 'web changed act each time'])
  t.deepEqual(reasons(ran), ['act one: before the task to start at'])
})

test('a glob, the title with its role, and the first of several tasks', async (t) => {
  const setup = role('setup', () => [say('a'), act({ say: 'b', name: 'write *.conf?' }), say('a'), say('c')])
  for (const [startAt, log] of [
    ['setup › act c', 'c\n'],
    ['act ?', 'a\nb\na\nc\n'],
    ['*.conf*', 'b\na\nc\n'],
    ['write *.conf?', 'b\na\nc\n'],
    ['setup*c', 'c\n'],
  ] as const) {
    const web = makeStandIn()
    await runOn({ web }, [play({ hosts: 'all', roles: [setup()] })], { startAt })
    t.is(web.read('log'), log, startAt)
  }
})

test('a name that no task has is told before any host is touched, with the nearest one', async (t) => {
  const web = makeStandIn()
  const plays = [play({ hosts: 'all', tasks: [act({ say: 'x', name: 'install nginx' }), say('y')] })]
  const wrong = await t.throwsAsync(runOn({ web }, plays, { startAt: 'instal nginx' }))
  t.is(wrong?.message, "--start-at-task 'instal nginx': no task has this name")
  t.is(isProvisionError(wrong) ? wrong.hint : '', "Did you mean 'install nginx'?")
  const far = await t.throwsAsync(runOn({ web }, plays, { startAt: 'zzz*' }))
  t.is(isProvisionError(far) ? far.hint : '', 'provision --list-tasks shows all names; * stands for any text.')
  // the tags leave it out
  await t.throwsAsync(runOn({ web }, plays, { startAt: 'act y', tags: ['z'] }), { message: /no task has this name/ })
  t.is(web.connections, 0)
})

test('what asks about a skipped task is skipped too, and says why; its branch is not taken', async (t) => {
  const web = makeStandIn()
  const first = note({ file: 'a', text: 'x' })
  const tasks = [
    first,
    say('start'),
    act({ say: 'asks', when: changed(first) }),
    after(first, () => say('branch')),
    say('end'),
  ]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })], { startAt: 'act start' })
  t.is(web.read('log'), 'start\nend\n')
  t.deepEqual(reasons(ran).slice(1), ['act asks: note a was left out by --start-at-task'])
  t.is(web.read('a'), undefined)
})

test('a start inside a block keeps its rescue and always, one behind it neither', async (t) => {
  const tasks = () => [
    block({ tasks: [say('a'), act({ say: 'b', fail: true })], rescue: say('rescue'), always: say('always') }),
    flush(),
    say('c'),
  ]
  for (const [startAt, log] of [
    ['act b', 'rescue\nalways\nc\n'],
    ['act always', 'always\nc\n'],
    ['act c', 'c\n'],
  ] as const) {
    const web = makeStandIn()
    const ran = await runOn({ web }, [play({ hosts: 'all', tasks: tasks() })], { startAt })
    t.is(web.read('log'), log, startAt)
    t.is(ran.result.outcome, 'ok')
  }
  await t.throwsAsync(
    runOn({ web: makeStandIn() }, [play({ hosts: 'all', tasks: tasks() })], { startAt: 'act rescue' }),
    {
      message: /no task has this name/,
    },
  )
})

test('a handler that an earlier run left marked runs, though who notifies it is skipped; no mark is called an orphan', async (t) => {
  const web = makeStandIn()
  const plays = () => [
    play({ hosts: 'all', tasks: note({ file: 'z', text: 'x', notify: handler(say('other')) }) }),
    play({
      hosts: 'all',
      tasks: [
        note({ file: 'a', text: 'x', notify: handler(say('reload')) }),
        say('start'),
        note({ file: 'b', text: 'x' }),
      ],
    }),
  ]
  // both handlers are marked and neither runs
  const broken = [
    play({
      hosts: 'all',
      tasks: [
        note({ file: 'z', text: 'x', notify: handler(say('other')) }),
        note({ file: 'a', text: 'x', notify: handler(say('reload')) }),
        act({ say: 'no', fail: true }),
      ],
    }),
  ]
  await runOn({ web }, broken)
  t.is(web.marks().length, 2)
  const ran = await runOn({ web }, plays(), { startAt: 'act start' })
  t.is(web.read('log'), 'start\nreload\n')
  t.false(ran.events.some((event) => event.type === 'warning'))
  t.is(web.marks().length, 1)
})

test('hosts of its play that do not have it do nothing there, and go on with the next play', async (t) => {
  const hosts = make('h1', 'h2')
  const plays = [
    play({ hosts: 'all', tasks: (host) => [say('one'), host.name === 'h2' && say('two'), say('three')] }),
    play({ hosts: 'all', tasks: say('last') }),
  ]
  await runOn(hosts, plays, { startAt: 'act two' })
  t.is(hosts.h1?.read('log'), 'last\n')
  t.is(hosts.h2?.read('log'), 'two\nthree\nlast\n')
})

test('a task behind facts is found when its play begins; if none has it, that is told and nothing was changed', async (t) => {
  const plays = () => [
    play({ hosts: 'all', tasks: say('offline') }),
    play({ hosts: 'all', tasks: (host) => [say('one'), say(`on ${host.facts.kernel && 'linux'}`)] }),
    play({ hosts: 'all', tasks: say('last') }),
  ]
  const web = makeStandIn()
  await runOn({ web }, plays(), { startAt: '*linux' })
  t.is(web.read('log'), 'on linux\nlast\n')
  const other = makeStandIn()
  await t.throwsAsync(runOn({ web: other }, plays(), { startAt: '*windows' }), {
    message: "--start-at-task '*windows': no task has this name",
  })
  t.is(other.read('log'), undefined)
})
