import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { after, changed } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { act, connectTo, makeInventory, makeStandIn, note, type Ran, runOn, type StandIn } from './stand-in.ts'

const make = (...names: string[]): Record<string, StandIn> =>
  Object.fromEntries(names.map((name) => [name, makeStandIn()]))
const failureOf = (ran: Ran, host: string) => {
  const failed = ran.events.find(
    (event) => event.type === 'task:end' && event.host === host && event.status === 'failed',
  )
  return failed?.type === 'task:end' ? failed.error : undefined
}
/** A task with a result, and a play that gives it. */
const makeToken = () => act({ say: 'token', env: { ECHO: 's3cr3t' } })

test('facts of another host: of the run, of one whose play comes later, of one that has none', async (t) => {
  const hosts = make('web', 'db', 'other')
  const tasks = (names: readonly string[]) =>
    play({
      hosts: 'web',
      tasks: (host) => names.map((name) => note({ file: name, text: host.factsOf(name).kernel && `${name} runs` })),
    })
  const ran = await runOn(hosts, [tasks(['web', 'db', 'other']), play({ hosts: 'db', tasks: [] })])
  t.is(ran.result.outcome, 'ok')
  t.is(hosts.web?.read('db'), 'db runs\n')
  t.is(hosts.web?.read('other'), 'other runs\n')
  t.is(hosts.other?.connections, 1)
  t.deepEqual(Object.keys(ran.result.hosts).sort(), ['db', 'web'])
})

test('hosts that read each other’s facts end with one fork', async (t) => {
  const hosts = make('h1', 'h2', 'h3')
  const names = Object.keys(hosts)
  const all = play({
    hosts: 'all',
    tasks: (host) => note({ file: 'a', text: names.map((name) => host.factsOf(name).os.id && name).join('') }),
  })
  const ran = await runOn(hosts, [all], { forks: 1 })
  t.is(ran.result.outcome, 'ok')
  t.is(hosts.h3?.read('a'), 'h1h2h3\n')
})

test('facts of a host out of reach fail the one that asks, with its line; an unknown name is told before any host is touched', async (t) => {
  const hosts = make('web', 'db')
  if (hosts.db) hosts.db.unreachable = true
  const asks = (name: string) => play({ hosts: 'web', tasks: (host) => act({ say: host.factsOf(name).kernel }) })
  const error = failureOf(await runOn(hosts, [asks('db')]), 'web')
  t.is(error?.message, 'the facts of db cannot be read: db does not answer')
  t.true(error?.where?.file.endsWith('read-other.test.ts'))
  const before = hosts.web?.connections
  const wrong = await t.throwsAsync(runOn(hosts, [asks('dbb')]))
  t.is(wrong?.message, "the inventory has no host 'dbb'")
  t.is(isProvisionError(wrong) ? wrong.hint : '', "Did you mean 'db'?")
  t.is(hosts.web?.connections, before)
})

test('the result of a task of an earlier play is read by plays on other hosts, typed', async (t) => {
  const hosts = make('web', 'db')
  const token = makeToken()
  const ran = await runOn(hosts, [
    play({ hosts: 'db', tasks: token }),
    play({
      hosts: 'all',
      tasks: (host) => {
        const { stdout, changed: isNew } = host.resultOf('db', token)
        return [note({ file: 'token', text: stdout.toUpperCase() }), isNew && act({ say: 'new' })]
      },
    }),
  ])
  t.is(ran.result.outcome, 'ok')
  for (const host of Object.values(hosts)) t.is(host.read('token'), 'S3CR3T\n')
  t.true(hosts.web?.read('log')?.includes('new'))
})

test('a branch reads it too; a result of its own host in the same play as well', async (t) => {
  const hosts = make('web', 'db')
  const token = makeToken()
  const [first, second] = [act({ say: 'x', env: { ECHO: 'mine' } }), note({ file: 'b', text: 'x' })]
  const ran = await runOn(hosts, [
    play({ hosts: 'db', tasks: token }),
    play({
      hosts: 'web',
      tasks: (host) => [
        first,
        second,
        after(second, () =>
          note({ file: 'c', text: host.resultOf('db', token).stdout + host.resultOf('web', first).stdout }),
        ),
      ],
    }),
  ])
  t.is(ran.result.outcome, 'ok')
  t.is(hosts.web?.read('c'), 's3cr3tmine\n')
})

test('a result that is not known for sure: each reason in a sentence', async (t) => {
  const token = makeToken()
  const gives = play({ name: 'gives', hosts: 'db', tasks: token })
  const reads = (more: object = {}) =>
    play({
      name: 'reads',
      hosts: 'web',
      tasks: (host) => note({ file: 'a', text: host.resultOf('db', token).stdout }),
      ...more,
    })
  const why = async (
    plays: Parameters<typeof runOn>[1],
    more: Parameters<typeof runOn>[2] = {},
    hosts = make('web', 'db'),
  ) => {
    const error = failureOf(await runOn(hosts, plays, more), 'web')
    t.true(error?.where?.file.endsWith('read-other.test.ts'))
    t.is(hosts.web?.read('a'), undefined)
    return error?.message.replace(
      /^the result of act token \(.*read-other\.test\.ts:\d+:\d+\) on db is not known: /,
      '',
    )
  }
  const both = play({ name: 'nothing', hosts: 'db', tasks: [] })
  t.is(await why([gives, reads()], { limit: 'web' }), 'no play of this run takes db')
  t.is(await why([both, reads(), gives]), 'it has not run there')
  t.is(await why([gives, reads({ tags: 'some' })], { tags: ['some'] }), 'it was left out by tags')
  t.is(
    await why([gives, reads({ after: [] })], { connect: waitsForEnd(make('web', 'db')) }),
    'the play gives, which has it, need not be over when reads begins',
  )
  const dead = make('web', 'db')
  if (dead.db) dead.db.unreachable = true
  t.is(await why([gives, reads()], {}, dead), 'db is unreachable')
  const failing = play({ hosts: 'db', tasks: [act({ say: 'x', fail: true }), token] })
  t.is(await why([failing, reads()]), 'db stopped before it')
})

/** The host `web` answers when all that is asked of `db` is done. */
function waitsForEnd(hosts: Readonly<Record<string, StandIn>>) {
  const ready = connectTo(hosts)
  let tell = (): void => undefined
  const closed = new Promise<void>((resolve) => {
    tell = resolve
  })
  return async (...[host, secrets, progress]: Parameters<ReturnType<typeof connectTo>>) => {
    if (host.name === 'web') await closed
    const connection = await ready(host, secrets, progress)
    const close = async () => {
      if (host.name === 'db') tell()
    }
    return { ...connection, requests: 0, close }
  }
}

test('of a task that was skipped it is known that it was; other fields say so', async (t) => {
  const hosts = make('web', 'db')
  const token = act({ say: 'token', when: false })
  const gives = play({ hosts: 'db', tasks: token })
  const asks = play({
    hosts: 'web',
    tasks: (host) => note({ file: 'a', text: host.resultOf('db', token).skipped ? 'skipped' : 'ran' }),
  })
  await runOn(hosts, [gives, asks])
  t.is(hosts.web?.read('a'), 'skipped\n')
  const reads = play({ hosts: 'web', tasks: (host) => note({ file: 'b', text: host.resultOf('db', token).stdout }) })
  t.regex(failureOf(await runOn(hosts, [gives, reads]), 'web')?.message ?? '', /is not known: it was skipped$/)
})

test('what runOnce did on one host is the result of all hosts of its play, and of no other', async (t) => {
  const hosts = make('db1', 'db2', 'web')
  if (hosts.db1) hosts.db1.unreachable = true
  const token = makeToken()
  const reads = (name: string) =>
    play({ hosts: 'web', tasks: (host) => note({ file: 'a', text: host.resultOf(name, token).stdout }) })
  const gives = play({ hosts: 'db1:db2', runOnce: true, tasks: token })
  await runOn(hosts, [gives, reads('db1')])
  t.is(hosts.web?.read('a'), 's3cr3t\n')
  t.regex(failureOf(await runOn(hosts, [gives, reads('web')]), 'web')?.message ?? '', /it has not run there$/)
})

test('a play that names the giving one in after may read it', async (t) => {
  const hosts = make('web', 'db')
  const token = makeToken()
  const gives = play({ name: 'gives', hosts: 'db', tasks: token })
  const between = play({ name: 'between', hosts: 'db', after: gives, tasks: [] })
  for (const before of [gives, between]) {
    const reads = play({
      hosts: 'web',
      after: before,
      tasks: (host) => note({ file: 'a', text: host.resultOf('db', token).stdout }),
    })
    t.is((await runOn(hosts, [gives, between, reads])).result.outcome, 'ok')
  }
})

test('in check mode a play that rests on a result of a change is unknown, and the run goes on', async (t) => {
  const hosts = make('web', 'db')
  const token = makeToken()
  const plays = [
    play({ hosts: 'db', tasks: token }),
    play({ hosts: 'web', tasks: (host) => note({ file: 'a', text: host.resultOf('db', token).stdout }) }),
    play({ hosts: 'web', tasks: note({ file: 'b', text: 'x' }) }),
  ]
  const ran = await runOn(hosts, plays, { check: true })
  t.deepEqual(ran.log, ['db changed act token', 'web unknown the tasks of the play', 'web changed note b'])
  t.is(ran.result.outcome, 'ok')
  t.true(ran.result.pending)
})

test('a result of another host is no condition: changed of it says that the task did not run here', async (t) => {
  const hosts = make('web', 'db')
  const shared = note({ file: 'a', text: 'x' })
  const ran = await runOn(hosts, [
    play({ hosts: 'db', tasks: shared }),
    play({ hosts: 'web', tasks: act({ say: 'x', when: changed(shared) }) }),
  ])
  t.deepEqual([...ran.log].sort(), ['db changed note a', 'web skipped act x'])
})

test('a worker of a spread run reads nothing of other hosts', async (t) => {
  const ran = await runOn(
    make('web', 'db'),
    [play({ hosts: 'web', tasks: (host) => act({ say: host.factsOf('db').kernel }) })],
    {
      inventory: makeInventory(['web', 'db']),
      part: { play: 0, last: true },
    },
  )
  t.is(
    failureOf(ran, 'web')?.message,
    'the facts of db cannot be read: with --queue each host is one worker’s business',
  )
})
