import test from 'ava'
import { block, changed, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import type { StepAnswer, StepQuestion } from '../../src/engine/steps.ts'
import { act, makeStandIn, note, type Ran, runOn, type StandIn } from './stand-in.ts'

const make = (...names: string[]): Record<string, StandIn> =>
  Object.fromEntries(names.map((name) => [name, makeStandIn()]))

/** An operator who answers by title, `yes` if nothing is said, and remembers what was asked. */
function operator(answers: Readonly<Record<string, StepAnswer>> = {}) {
  const asked: StepQuestion[] = []
  let now = 0
  let most = 0
  const ask = async (question: StepQuestion): Promise<StepAnswer> => {
    most = Math.max(most, ++now)
    asked.push(question)
    await new Promise((resolve) => setImmediate(resolve))
    now--
    return answers[question.title] ?? 'yes'
  }
  return { ask, asked, titles: () => asked.map(({ title }) => title), most: () => most }
}
const reasonOf = ({ events }: Ran, title: string) =>
  events.flatMap((event) => (event.type === 'task:end' && event.task.title === title ? [event.reason] : []))

test('each task is asked about once for all hosts, one question at a time, and no change is made before', async (t) => {
  const hosts = make('h1', 'h2', 'h3')
  const { ask, titles, most } = operator()
  const content = () => Object.values(hosts).map((host) => `${host.read('a') ?? '-'}${host.read('b') ?? '-'}`)
  const seen: string[] = []
  const ran = await runOn(
    hosts,
    [play({ hosts: 'all', tasks: () => [note({ file: 'a', text: 'x' }), note({ file: 'b', text: 'x' })] })],
    {
      ask: async (question) => {
        seen.push(...(question.title === 'note a' ? content() : content().map((text) => text.slice(-1))))
        return await ask(question)
      },
    },
  )
  t.deepEqual(titles(), ['note a', 'note b'])
  t.is(most(), 1)
  t.true(
    seen.every((text) => /^-+$/.test(text)),
    seen.join(),
  )
  t.deepEqual(
    Object.values(ran.result.hosts).map(({ changed: count }) => count),
    [2, 2, 2],
  )
})

test('no skips the task on all hosts: what asks about it does not run, and it is told who skipped it', async (t) => {
  const hosts = make('h1', 'h2')
  const { ask, titles } = operator({ 'note a': 'no' })
  const tasks = () => {
    const first = note({ file: 'a', text: 'x', notify: handler(act({ say: 'reload' })) })
    return [first, act({ say: 'after', when: changed(first) }), note({ file: 'b', text: 'x' })]
  }
  const ran = await runOn(hosts, [play({ hosts: 'all', tasks })], { ask })
  t.deepEqual(titles(), ['note a', 'note b'])
  t.deepEqual(reasonOf(ran, 'note a'), ['skipped by the operator', 'skipped by the operator'])
  t.is(hosts.h1?.read('a'), undefined)
  t.is(hosts.h1?.read('log'), undefined)
  t.is(hosts.h2?.read('b'), 'x\n')
  t.deepEqual(ran.result.hosts.h1 && [ran.result.hosts.h1.skipped, ran.result.hosts.h1.changed], [2, 1])
})

test('continue asks no more; tasks of one name in a row are asked about one by one', async (t) => {
  const web = makeStandIn()
  const { ask, titles } = operator({ second: 'continue' })
  const same = () => act({ say: 'same', name: 'same' })
  const tasks = [same(), same(), act({ say: '2', name: 'second' }), same(), act({ say: '3' })]
  await runOn({ web }, [play({ hosts: 'all', tasks })], { ask })
  t.deepEqual(titles(), ['same', 'same', 'second'])
  t.is(web.read('log'), 'same\nsame\n2\nsame\n3\n')
})

test('quit ends the run as a stop does: nothing more is changed, but what was begun is put back', async (t) => {
  const hosts = make('h1', 'h2')
  const stop = new AbortController()
  const { ask, asked, titles } = operator({ 'act two': 'quit' })
  const tasks = () => [
    block({ tasks: [act({ say: 'one' }), act({ say: 'two' }), act({ say: 'three' })], always: act({ say: 'back' }) }),
  ]
  const ran = await runOn(hosts, [play({ hosts: 'all', tasks })], {
    stop: stop.signal,
    ask: async (question) => {
      const answer = await ask(question)
      if (answer === 'quit') stop.abort()
      return answer
    },
  })
  t.is(ran.result.outcome, 'interrupted')
  t.deepEqual(titles(), ['act one', 'act two'])
  t.is(hosts[asked[1]?.host ?? '']?.read('log'), 'one\nback\n')
  // the other one may not have come so far
  for (const host of Object.values(hosts)) t.true([undefined, 'one\nback\n'].includes(host.read('log')))
})

test('a handler that is skipped stays marked, and the next run runs it', async (t) => {
  const web = makeStandIn()
  const tasks = () => note({ file: 'a', text: 'x', notify: handler(act({ say: 'reload' })) })
  const { ask, asked } = operator({ 'act reload': 'no' })
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks: tasks() })], { ask })
  t.deepEqual(
    asked.map(({ handler: isHandler }) => isHandler),
    [false, true],
  )
  t.deepEqual(reasonOf(ran, 'act reload'), ['skipped by the operator; the next run runs it'])
  t.is(web.marks().length, 1)
  await runOn({ web }, [play({ hosts: 'all', tasks: tasks() })])
  t.is(web.read('log'), 'reload\n')
  t.deepEqual(web.marks(), [])
})

test('a question shows no secret', async (t) => {
  const { ask, titles } = operator()
  await runOn({ web: makeStandIn() }, [play({ hosts: 'all', tasks: act({ say: 'hunter22' }) })], { ask })
  t.deepEqual(titles(), ['act ‹secret›'])
})

test('a question says where the task runs, and what the conditions leave out is not asked about', async (t) => {
  const hosts = make('web', 'lb')
  const { ask, asked } = operator()
  const tasks = [act({ say: 'off', when: false }), act({ say: 'on', on: 'lb' })]
  await runOn(hosts, [play({ name: 'Web', hosts: 'web', tasks })], { ask })
  t.deepEqual(
    asked.map(({ play: name, title, host, on }) => [name, title, host, on]),
    [['Web', 'act on', 'web', 'lb']],
  )
})
