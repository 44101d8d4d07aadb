import test from 'ava'
import { block, changed, flush, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { role } from '../../src/core/role.ts'
import type { Task } from '../../src/core/task.ts'
import { act, makeStandIn, note, type Ran, runOn } from './stand-in.ts'

const reload = () => handler(act({ say: 'reload' }))
const warnings = ({ events }: Ran) =>
  events.flatMap((event) => (event.type === 'warning' ? [{ message: event.message, hint: event.hint }] : []))

test('the mark is written before the change, in the same request', async (t) => {
  const web = makeStandIn()
  await runOn({ web }, [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', notify: reload() }) })])
  const scripts = web.requests.find((steps) => steps.some((step) => step.script.startsWith('cat >a')))
  const at = (text: string) => scripts?.findIndex((step) => step.script.includes(text)) ?? -1
  t.true(at('mkdir -p') >= 0 && at('mkdir -p') < at('cat >a'))
})

test('a handler survives the connection that breaks right after the change', async (t) => {
  const web = makeStandIn()
  const plays = () => [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', notify: reload() }) })]
  web.breaksAt = 'cat >a'
  const first = await runOn({ web }, plays())
  t.is(first.result.outcome, 'unreachable')
  t.deepEqual(web.marks(), ['act reload'])
  const lost = first.events.find((event) => event.type === 'host:unreachable')
  t.is(lost?.error.message, 'during note a: the connection broke')
  t.regex(lost?.error.where?.file ?? '', /handlers\.test\.ts$/)
  web.breaksAt = undefined
  const second = await runOn({ web }, plays())
  t.deepEqual(second.log, ['web ok note a', 'web changed act reload'])
  t.deepEqual(web.marks(), [])
})

test('a handler survives a controller that dies while the handler runs: it runs again', async (t) => {
  const web = makeStandIn()
  const plays = () => [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', notify: reload() }) })]
  web.breaksAt = '>>log'
  await runOn({ web }, plays())
  t.deepEqual(web.marks(), ['act reload'])
  web.breaksAt = undefined
  await runOn({ web }, plays())
  t.is(web.read('log'), 'reload\nreload\n')
  t.deepEqual(web.marks(), [])
})

test('a change that failed half-way keeps its mark; if the host goes on, the handler runs in this run', async (t) => {
  const web = makeStandIn()
  const failing = (ignoreErrors: boolean) => [
    play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', broken: true, notify: reload(), ignoreErrors }) }),
  ]
  await runOn({ web }, failing(false))
  t.deepEqual(web.marks(), ['act reload'])
  const { log } = await runOn({ web }, failing(true))
  t.deepEqual(log, ['web ignored note a', 'web changed act reload'])
  t.deepEqual(web.marks(), [])
})

test('a pending mark is adopted though tags leave out the task that notifies', async (t) => {
  const web = makeStandIn()
  const plays = (broken: boolean) => [
    play({
      hosts: 'all',
      tasks: [
        note({ file: 'a', text: 'x', notify: reload() }),
        block({ tasks: note({ file: 'b', text: 'x', broken, tags: 'only' }) }),
      ],
    }),
  ]
  await runOn({ web }, plays(true))
  const { log } = await runOn({ web }, plays(false), { tags: ['only'] })
  t.deepEqual(log, ['web changed note b', 'web changed act reload'])
  t.deepEqual(web.marks(), [])
})

test('a handler of several tasks runs all; if one fails, the mark stays and all run again', async (t) => {
  const web = makeStandIn()
  const plays = (fail: boolean) => [
    play({
      hosts: 'all',
      tasks: note({
        file: 'a',
        text: 'x',
        notify: handler([act({ say: 'one' }), act({ say: 'two', fail })], { name: 'both' }),
      }),
    }),
  ]
  await runOn({ web }, plays(true))
  t.deepEqual(web.marks(), ['both'])
  const { log } = await runOn({ web }, plays(false))
  t.deepEqual(log, ['web ok note a', 'web changed act one', 'web changed act two'])
  t.is(web.read('log'), 'one\none\ntwo\n')
})

test('a handler that changes something notifies another handler', async (t) => {
  const web = makeStandIn()
  const plays = (fail: boolean) => {
    const second = handler(act({ say: 'second', fail }))
    const first = handler(act({ say: 'first', notify: second }))
    return [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', notify: first }) })]
  }
  await runOn({ web }, plays(true))
  t.deepEqual(web.marks(), ['act second'])
  const { log } = await runOn({ web }, plays(false))
  t.deepEqual(log, ['web ok note a', 'web changed act second'])
})

test('handlers run in the order in which tasks first name them, not in the order of their notification', async (t) => {
  const web = makeStandIn()
  web.write('a', 'x\n')
  const [first, second] = [handler(act({ say: 'first' })), handler(act({ say: 'second' }))]
  const tasks = [
    note({ file: 'a', text: 'x', notify: first }),
    note({ file: 'b', text: 'x', notify: second }),
    note({ file: 'c', text: 'x', notify: [second, first] }),
  ]
  await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), 'first\nsecond\n')
})

test('two handlers with the same title that do different things are two; two roles that do the same thing do it once', async (t) => {
  const web = makeStandIn()
  const part = (file: string, say: string) =>
    role(file, () => note({ file, text: 'x', notify: handler(act({ say, name: 'nginx' })) }))
  const [one, two, three] = [part('a', 'reload'), part('b', 'reload'), part('c', 'restart')]
  const { result } = await runOn({ web }, [play({ hosts: 'all', roles: [one(), two(), three()] })])
  t.is(web.read('log'), 'reload\nrestart\n')
  t.is(result.hosts.web?.changed, 5)
  t.deepEqual(web.marks(), [])
})

test('a change that turns out to be none notifies nobody and leaves no mark', async (t) => {
  const web = makeStandIn()
  const tasks = [
    act({ say: 'static', changedWhen: false, notify: reload() }),
    act({ say: 'dynamic', changedWhen: (result) => result.stdout === 'never', notify: reload() }),
  ]
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(log, ['web ok act static', 'web ok act dynamic'])
  t.deepEqual(web.marks(), [])
})

test('an earlier attempt that changed something notifies, though the last one found nothing to do', async (t) => {
  const web = makeStandIn()
  const task = note({
    file: 'a',
    text: 'x',
    notify: reload(),
    retry: { attempts: 2, delay: 0, until: (result) => result.previous === 'x' },
  })
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks: task })])
  t.deepEqual(log, ['web changed note a', 'web changed act reload'])
})

test('a mark whose handler is in no play is told once, with how to forget it', async (t) => {
  const web = makeStandIn()
  await runOn({ web }, [play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', broken: true, notify: reload() }) })])
  const other = play({ hosts: 'all', tasks: note({ file: 'b', text: 'x' }) })
  const told = warnings(await runOn({ web }, [other, other]))
  t.is(told.length, 1)
  t.is(told[0]?.message, 'an earlier run notified the handler act reload, which no play of this run has')
  t.regex(told[0]?.hint ?? '', /rm \S+\/hostwright\/pending\/[0-9a-f]{24}$/)
  t.deepEqual(web.marks(), ['act reload'])
})

test('a marked handler whose arguments were edited since runs as it is now, and its old mark goes', async (t) => {
  const web = makeStandIn()
  const plays = (say: string, broken: boolean) => [
    play({
      hosts: 'all',
      tasks: [
        note({ file: 'a', text: 'x', notify: handler(act({ say }), { name: 'r' }) }),
        note({ file: 'b', text: 'x', broken }),
      ],
    }),
  ]
  await runOn({ web }, plays('old', true))
  const ran = await runOn({ web }, plays('new', false))
  t.is(web.read('log'), 'new\n')
  t.deepEqual(web.marks(), [])
  t.deepEqual(warnings(ran), [])
})

test('check mode tells that a marked handler would run, and leaves the mark', async (t) => {
  const web = makeStandIn()
  const plays = (broken: boolean) => [
    play({
      hosts: 'all',
      tasks: [note({ file: 'a', text: 'x', notify: reload() }), note({ file: 'b', text: 'x', broken })],
    }),
  ]
  await runOn({ web }, plays(true))
  const { log } = await runOn({ web }, plays(false), { check: true })
  t.deepEqual(log, ['web ok note a', 'web changed note b', 'web changed act reload'])
  t.deepEqual(web.marks(), ['act reload'])
  t.is(web.read('log'), undefined)
})

test('noLog keeps the output, the error text and the diff of a task out of every event', async (t) => {
  const web = makeStandIn()
  web.write('a', 'before-private\n')
  const tasks = [
    note({ file: 'a', text: 'private', noLog: true }),
    note({ file: 'private', text: 'private', noLog: true, broken: true, ignoreErrors: true }),
    note({ file: 'c', text: 'private', writes: 'private2', noLog: true, ignoreErrors: true }),
    note({ file: 'a', text: 'private', noLog: true }),
  ]
  const { events, log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(log, ['web changed note', 'web ignored note', 'web ignored note', 'web ok note'])
  const texts = JSON.stringify(
    events.map((event) =>
      event.type === 'task:end' ? { ...event, error: [event.error?.message, event.error?.detail] } : event,
    ),
  )
  t.false(texts.includes('private'))
  t.false(texts.includes('no space'))
  t.true(texts.includes('did not converge'))
})

test('a handler that a flush ran is notified again by a later change, and marked again', async (t) => {
  const web = makeStandIn()
  const again = reload()
  const tasks = [
    note({ file: 'a', text: 'x', notify: again }),
    flush(),
    note({ file: 'b', text: 'x', notify: again }),
    note({ file: 'c', text: 'x', broken: true }),
  ]
  await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), 'reload\n')
  t.deepEqual(web.marks(), ['act reload'])
})

test('a change at the end of a play and its handler cost two requests: each probe rides along', async (t) => {
  const web = makeStandIn()
  const { result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: note({ file: 'a', text: 'x', notify: reload() }) }),
  ])
  t.is(result.hosts.web?.requests, 4) // facts with the probe, change, handler, removal of the mark
})

test('a handler with a condition of its own is skipped, and counts as done', async (t) => {
  const web = makeStandIn()
  const other: Task = note({ file: 'b', text: 'x' })
  web.write('b', 'x\n')
  const maybe = handler(act({ say: 'maybe', when: changed(other) }))
  const { log } = await runOn({ web }, [
    play({ hosts: 'all', tasks: [other, note({ file: 'a', text: 'x', notify: maybe })] }),
  ])
  t.deepEqual(log, ['web ok note b', 'web changed note a', 'web skipped act maybe'])
  t.deepEqual(web.marks(), [])
})
