import test from 'ava'
import { block, changed, flush, given, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { act, makeStandIn, note, runOn } from './stand-in.ts'

const bad = (file: string) => note({ file, text: 'x', broken: true })
const say = (text: string) => act({ say: text })

test('a rescued failure counts as ignored, nested ones too, and the recap says so', async (t) => {
  const web = makeStandIn()
  const inner = block({ tasks: bad('a'), rescue: bad('b'), always: say('inner') })
  const tasks = [block({ tasks: [inner, say('never')], rescue: say('rescued'), always: say('outer') }), say('on')]
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), 'inner\nrescued\nouter\non\n')
  t.like(result.hosts.web, { failed: 0, ignored: 2, changed: 4 })
  t.is(result.outcome, 'ok')
})

test('a failure in rescue: always runs, then the host stops', async (t) => {
  const web = makeStandIn()
  const tasks = [block({ tasks: bad('a'), rescue: bad('b'), always: say('always') }), say('never')]
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), 'always\n')
  t.like(result.hosts.web, { failed: 2, ignored: 0 })
})

test('a failure in always stops the host, after a success as after a failure', async (t) => {
  for (const first of [say('fine'), bad('a')]) {
    const web = makeStandIn()
    const tasks = [block({ tasks: first, always: [bad('b'), say('never')] }), say('never')]
    const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
    t.false(web.read('log')?.includes('never') ?? false)
    t.is(result.outcome, 'failed')
  }
})

test('when and tags of a block hold for all its parts, a flush too', async (t) => {
  const web = makeStandIn()
  const first = note({ file: 'a', text: 'x', notify: handler(say('reload')) })
  const skipped = block({ tasks: [say('t'), flush()], always: say('a'), when: given(first, (result) => result.failed) })
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks: [first, skipped, say('last')] })])
  t.deepEqual(log.slice(1, 3), ['web skipped act t', 'web skipped act a'])
  t.is(web.read('log'), 'last\nreload\n')
  const tagged = block({ tasks: say('in'), rescue: say('no'), always: say('end'), tags: 'x' })
  const other = makeStandIn()
  await runOn({ other }, [play({ hosts: 'all', tasks: [tagged, say('out')] })], { tags: ['x'] })
  t.is(other.read('log'), 'in\nend\n')
})

test('handlers notified inside a block that failed run if it was rescued', async (t) => {
  const web = makeStandIn()
  const inside = note({ file: 'a', text: 'x', notify: handler(say('reload')) })
  const tasks = [block({ tasks: [inside, bad('b')], rescue: act({ say: 'rescue', when: changed(inside) }) })]
  await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), 'rescue\nreload\n')
  t.deepEqual(web.marks(), [])
})

test('a stop inside a block: no rescue, but always, then the end; giving up runs nothing more', async (t) => {
  for (const kind of ['stop', 'giveUp'] as const) {
    const web = makeStandIn()
    const signal = new AbortController()
    const tasks = [
      block({
        tasks: [note({ file: 'a', text: 'x' }), say('never')],
        rescue: say('rescue'),
        always: [say('one'), say('two')],
      }),
      say('after'),
    ]
    const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })], {
      [kind]: signal.signal,
      now: () => {
        if (web.read('a')) signal.abort()
        return 0
      },
    })
    t.is(web.read('log'), kind === 'stop' ? 'one\ntwo\n' : undefined)
    t.is(result.outcome, 'interrupted')
  }
})

test('a connection that breaks inside a block is no failure to rescue', async (t) => {
  const web = makeStandIn()
  web.breaksAt = 'cat >a'
  const tasks = [block({ tasks: note({ file: 'a', text: 'x' }), rescue: say('rescue'), always: say('always') })]
  const { result } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('log'), undefined)
  t.is(result.outcome, 'unreachable')
  t.like(result.hosts.web, { failed: 0, unreachable: true })
})
