import test from 'ava'
import * as v from 'valibot'
import { given, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { defineResource } from '../../src/core/resource.ts'
import { secret } from '../../src/core/secret.ts'
import { act, exists, makeStandIn, note, type Ran, runOn, strict } from './stand-in.ts'

const userOf = (web: ReturnType<typeof makeStandIn>, part: string) =>
  web.requests.flat().find((step) => step.script.includes(part))?.user
const ends = ({ events }: Ran) => events.flatMap((event) => (event.type === 'task:end' ? [event] : []))

test('retry looks again at a read-only resource until it is so', async (t) => {
  const web = makeStandIn()
  const ended: string[] = []
  const task = exists({ file: 'late', retry: { attempts: 5, delay: 0 } })
  await runOn({ web }, [play({ hosts: 'all', tasks: task })], {
    emit: (event) => {
      if (event.type === 'task:retry' && event.attempt === 2) web.write('late', 'x')
      if (event.type === 'task:retry') ended.push(event.reason)
      if (event.type === 'task:end') ended.push(event.status)
    },
  })
  t.deepEqual(ended, ['late does not exist', 'late does not exist', 'ok'])
})

test('retry.until asks the typed result of each attempt and says what it waited for', async (t) => {
  const web = makeStandIn()
  const wait = act({ say: 'x', retry: { attempts: 3, delay: 0, until: (result) => result.stdout === 'never' } })
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks: wait })])
  t.is(web.read('log'), 'x\nx\nx\n')
  t.is(ends(ran)[0]?.error?.message, 'the condition of retry.until is still false')
})

test('an ignored failure is known to later conditions, and its handler runs', async (t) => {
  const web = makeStandIn()
  const bad = note({ file: 'a', text: 'x', broken: true, ignoreErrors: true, notify: handler(act({ say: 'reload' })) })
  await runOn({ web }, [
    play({ hosts: 'all', tasks: [bad, act({ say: 'mend', when: given(bad, (result) => result.failed) })] }),
  ])
  t.is(web.read('log'), 'mend\nreload\n')
})

test('failedWhen and changedWhen read the typed result of a task that was ok, in check mode too', async (t) => {
  for (const check of [false, true]) {
    const web = makeStandIn()
    web.write('a', 'x\n')
    const tasks = [
      note({ file: 'a', text: 'x', changedWhen: (result) => result.previous === 'x' }),
      note({ file: 'a', text: 'x', failedWhen: (result) => result.previous === 'x' }),
    ]
    const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })], { check })
    t.deepEqual(log, ['web changed note a', 'web failed note a'])
  }
})

test('become of a task wins over the play, false is the login user, and probes run as the same user', async (t) => {
  const web = makeStandIn()
  const tasks = [
    note({ file: 'a', text: 'x' }),
    note({ file: 'b', text: 'x', become: 'postgres' }),
    note({ file: 'c', text: 'x', become: false }),
  ]
  await runOn({ web }, [play({ hosts: 'all', become: 'www-data', tasks })])
  t.is(userOf(web, 'cat a'), 'www-data')
  t.is(userOf(web, 'cat >a'), 'www-data')
  t.is(userOf(web, 'cat b'), 'postgres')
  t.is(userOf(web, 'cat >b'), 'postgres')
  t.not(userOf(web, 'cat >c'), 'www-data')
})

test('env reaches probes and applies, with secrets resolved and in no script', async (t) => {
  const web = makeStandIn()
  web.write('f', 'file\n')
  const tasks = [
    strict({ file: 'f', env: { PREFIX: secret('p') } }),
    strict({ file: 'f' }),
    act({ say: 's', env: { ECHO: secret('p') } }),
  ]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(
    ends(ran).map((end) => end.reason),
    ['says ‹secret›file', 'says file', undefined],
  )
  t.false(JSON.stringify(ran.events).includes('hunter22'))
  t.false(web.requests.flat().some((step) => step.script.includes('hunter22')))
})

test('a missing secret of env is found before any host is touched, but not for tasks that tags leave out', async (t) => {
  const web = makeStandIn()
  const tasks = [act({ say: 's', env: { A: secret('none') } }), act({ say: 'go', tags: 'go' })]
  const secrets = {
    reveal: () => {
      throw new Error('no secret none')
    },
    redact: (text: string) => text,
  }
  await t.throwsAsync(runOn({ web }, [play({ hosts: 'all', tasks })], { secrets }), {
    message: 'env of act: no secret none',
  })
  t.is(web.connections, 0)
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })], { secrets, tags: ['go'] })
  t.deepEqual(log, ['web changed act go'])
})

test('timeout travels with each step of the task; probes have one too', async (t) => {
  const web = makeStandIn()
  await runOn({ web }, [play({ hosts: 'all', tasks: [note({ file: 'a', text: 'x', timeout: 7 }), act({ say: 'b' })] })])
  const timeouts = (part: string) => web.requests.flat().find((step) => step.script.includes(part))?.timeout
  t.is(timeouts('cat >a'), 7)
  t.is(timeouts('echo b'), 1800)
  t.true(web.requests.flat().every((step) => step.timeout !== undefined || step.script.includes('marks')))
})

/** Waits for something: its apply tells whether it changed anything. */
const wait = defineResource<{ say: string; fail?: boolean | undefined }, { say: string; fail?: boolean }, undefined>({
  name: 'wait',
  schema: { say: v.string(), fail: v.optional(v.boolean()) },
  describe: (args) => args.say,
  probe: () => ':',
  parse: (_, wishes) => wishes.map(() => undefined),
  plan: (_, wish) => ({
    changes: [{ summary: 'closed → open', steps: [{ script: `echo ${wish.say}; ${wish.fail ? 'exit 1' : ':'}` }] }],
  }),
  didChange: (outputs) => outputs.some((output) => output.stdout.startsWith('changed')),
  converges: 'none',
})

test('an apply that says by its output that it changed nothing is ok, notifies nobody and leaves no mark', async (t) => {
  const web = makeStandIn()
  const reload = handler(act({ say: 'reload' }))
  const tasks = [
    wait({ say: 'nothing', notify: reload }),
    wait({ say: 'nothing', fail: true, ignoreErrors: true, notify: reload }),
    wait({ say: 'changed', name: 'real' }),
  ]
  const ran = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(ran.log, ['web ok wait nothing', 'web ignored wait nothing', 'web changed real'])
  t.is(ends(ran)[0]?.reason, 'closed → open')
  t.deepEqual(web.marks(), [])
})
