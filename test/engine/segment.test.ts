// Changes of several tasks in one request: what rides along, and what happens when one of them fails.
import test from 'ava'
import * as v from 'valibot'
import { block, flush, handler } from '../../src/core/flow.ts'
import { definePlaybook, play } from '../../src/core/play.ts'
import { defineResource } from '../../src/core/resource.ts'
import { sh } from '../../src/shell/quote.ts'
import { act, connectTo, makeStandIn, note, runOn } from './stand-in.ts'

interface PageArgs {
  readonly file: string
  readonly text: string
  readonly broken?: boolean
  /** A step that others may share. */
  readonly reread?: string
}

/** A text in a file that touches nothing else. */
const page = defineResource<PageArgs, PageArgs, string>({
  name: 'page',
  schema: {
    file: v.string(),
    text: v.string(),
    broken: v.optional(v.boolean()),
    reread: v.optional(v.string()),
  },
  describe: (args) => args.file,
  probe: (wishes) => wishes.map(({ file }) => sh`printf '%s\n' "$(cat ${file} 2>/dev/null || echo absent)"`).join('\n'),
  parse: (stdout, wishes) => wishes.map((_, index) => stdout.split('\n')[index] ?? ''),
  plan: (state, { file, text, broken, reread }) => {
    if (state === text) return { unchanged: `says ${text}` }
    const script = broken ? 'echo "no space" >&2; exit 3' : sh`printf '%s\n' ${text} >${file}`
    const shared = reread ? [{ script: sh`echo ${reread} >>reread`, shared: true }] : []
    return { changes: [{ summary: `${state} → ${text}`, steps: [{ script }, ...shared] }] }
  },
  footprint: ({ file }) => ({ reads: [`file:/${file}`], alters: [`file:/${file}`] }),
})

interface PackArgs {
  readonly name: string
  readonly broken?: boolean
}

/** A word in a list that one call extends by many; a call that meets a broken one fails as a whole. */
const pack = defineResource<PackArgs, PackArgs, boolean>({
  name: 'pack',
  schema: { name: v.string(), broken: v.optional(v.boolean()) },
  describe: (args) => args.name,
  probe: (wishes) =>
    wishes.map(({ name }) => sh`if grep -qsx ${name} packs; then echo yes; else echo no; fi`).join('\n'),
  parse: (stdout, wishes) => wishes.map((_, index) => stdout.split('\n')[index] === 'yes'),
  plan: (state, wish) =>
    state
      ? { unchanged: 'present' }
      : { changes: [{ summary: 'absent → present', steps: [{ script: call([wish]) }] }] },
  merge: (cases) => [{ script: call(cases.map(({ wish }) => wish)) }],
  isPackage: () => true,
  footprint: () => ({ reads: ['file:/packs'] }),
})

function call(wishes: readonly PackArgs[]): string {
  const broken = wishes.find((wish) => wish.broken)
  const fail = broken ? sh`echo ${`no ${broken.name}`} >&2; exit 100\n` : ''
  return `${fail}${sh`echo call >>calls; printf '%s\n' ${wishes.map((wish) => wish.name)} >>packs`}`
}

/** A unit that runs or not; each start and restart is noted. */
const unit = defineResource<{ state: 'started' | 'restarted' }, { state: 'started' | 'restarted' }, boolean>({
  name: 'unit',
  schema: { state: v.picklist(['started', 'restarted']) },
  describe: (args) => args.state,
  probe: (wishes) => wishes.map(() => 'if [ -e up ]; then echo yes; else echo no; fi').join('\n'),
  parse: (stdout, wishes) => wishes.map((_, index) => stdout.split('\n')[index] === 'yes'),
  plan: (isUp, { state }) =>
    isUp && state === 'started'
      ? { unchanged: 'runs' }
      : {
          changes: [{ summary: isUp ? 'restart' : 'start', steps: [{ script: sh`touch up; echo ${state} >>starts` }] }],
        },
  converges: ({ state }) => (state === 'started' ? 'state' : 'none'),
  covers: (_, handlerWish) => handlerWish.state === 'restarted',
})

const twenty = Array.from({ length: 20 }, (_, index) => `f${index}`)

test('changes that do not touch each other cost one request, and are told one by one', async (t) => {
  const web = makeStandIn()
  const tasks = () => twenty.map((file) => page({ file, text: 'x' }))
  const { result, log } = await runOn({ web }, [play({ hosts: 'all', tasks: tasks() })])
  t.deepEqual(
    log,
    twenty.map((file) => `web changed page ${file}`),
  )
  t.is(result.hosts.web?.requests, 2) // the facts with all probes; all changes with all probes
  t.is((await runOn({ web }, [play({ hosts: 'all', tasks: tasks() })])).result.hosts.web?.changed, 0)
})

test('one that drifted costs one request, which looks at nothing else again', async (t) => {
  const web = makeStandIn()
  for (const file of twenty) web.write(file, file === 'f3' ? 'old\n' : 'x\n')
  const { result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: twenty.map((file) => page({ file, text: 'x' })) }),
  ])
  t.is(result.hosts.web?.requests, 2)
  t.deepEqual(
    web.requests[1]?.map((step) => step.script.split('cat ').length - 1),
    [0, 1],
  )
})

test('a change of the same part waits for its turn', async (t) => {
  const web = makeStandIn()
  const tasks = [page({ file: 'a', text: 'x' }), page({ file: 'a', text: 'y' }), page({ file: 'b', text: 'z' })]
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(log, ['web changed page a', 'web changed page a', 'web changed page b'])
  t.is(web.read('a'), 'y\n')
})

test('one that fails stops those behind it; those before it are told, and their handlers stay marked', async (t) => {
  const web = makeStandIn()
  const [early, late] = [handler(act({ say: 'early' })), handler(act({ say: 'late' }))]
  const tasks = (broken: boolean) => [
    page({ file: 'a', text: 'x', notify: early }),
    page({ file: 'b', text: 'x', broken }),
    page({ file: 'c', text: 'x', notify: late }),
  ]
  const { log, result, events } = await runOn({ web }, [play({ hosts: 'all', tasks: tasks(true) })])
  t.deepEqual(log, ['web changed page a', 'web failed page b'])
  const failed = events.find((event) => event.type === 'task:end' && event.status === 'failed')
  t.regex(failed?.type === 'task:end' ? (failed.error?.detail ?? '') : '', /command: page b\nexit code: 3\nno space$/)
  t.is(web.read('c'), undefined)
  t.like(result.hosts.web, { changed: 1, failed: 1 })
  t.deepEqual(web.marks(), ['act early'])
  const again = await runOn({ web }, [play({ hosts: 'all', tasks: tasks(false) })])
  t.deepEqual(again.log, [
    'web ok page a',
    'web changed page b',
    'web changed page c',
    'web changed act early',
    'web changed act late',
  ])
  t.deepEqual(web.marks(), [])
})

test('if the first fails, no other is made', async (t) => {
  const web = makeStandIn()
  const reload = handler(act({ say: 'reload' }))
  const tasks = [page({ file: 'a', text: 'x', broken: true }), page({ file: 'b', text: 'x', notify: reload })]
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(log, ['web failed page a'])
  t.is(web.read('b'), undefined)
  t.deepEqual(web.marks(), [])
})

test('when the connection breaks, the handlers of all that were sent stay marked', async (t) => {
  const web = makeStandIn()
  web.breaksAt = 'middle'
  const names = ['one', 'two', 'three']
  const plays = () => [
    play({
      hosts: 'all',
      tasks: names.map((name) =>
        page({ file: name, text: name === 'two' ? 'middle' : 'x', notify: handler(act({ say: name })) }),
      ),
    }),
  ]
  const first = await runOn({ web }, plays())
  t.true(first.result.hosts.web?.unreachable)
  t.deepEqual([...web.marks()].sort(), ['act one', 'act three', 'act two'])
  web.breaksAt = undefined
  const second = await runOn({ web }, plays())
  t.is(web.read('log'), 'one\ntwo\nthree\n')
  t.is(second.result.outcome, 'ok')
  t.deepEqual(web.marks(), [])
})

test('a task that may fail, or whose result its user judges, does not ride along', async (t) => {
  const web = makeStandIn()
  const tasks = [
    page({ file: 'a', text: 'x' }),
    page({ file: 'b', text: 'x', broken: true, ignoreErrors: true }),
    page({ file: 'c', text: 'x', failedWhen: () => true, ignoreErrors: true }),
    page({ file: 'd', text: 'x' }),
  ]
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(log, ['web changed page a', 'web ignored page b', 'web ignored page c', 'web changed page d'])
})

test('a shared step runs once, after all changes that are sent together', async (t) => {
  const web = makeStandIn()
  const tasks = ['a', 'b', 'c'].map((file) => page({ file, text: 'x', reread: 'units' }))
  const { log } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(log.filter((line) => line.includes('changed')).length, 3)
  t.is(web.read('reread'), 'units\n')
  await runOn({ web }, [play({ hosts: 'all', tasks: [page({ file: 'a', text: 'y', reread: 'units' }), flush()] })])
  t.is(web.read('reread'), 'units\nunits\n')
})

test('tasks in a row that one call can make true cost one call', async (t) => {
  const web = makeStandIn()
  const tasks = ['p', 'q', 'r'].map((name) => pack({ name }))
  const { log, result } = await runOn({ web }, [
    play({ hosts: 'all', tasks: [...tasks, note({ file: 'n', text: 'x' })] }),
  ])
  t.deepEqual(log, ['web changed pack p', 'web changed pack q', 'web changed pack r', 'web changed note n'])
  t.is(web.read('calls'), 'call\n')
  t.is(result.hosts.web?.requests, 3)
})

test('if the one call fails, each is tried alone, so that the error names the right one', async (t) => {
  const web = makeStandIn()
  const tasks = [pack({ name: 'p' }), pack({ name: 'q', broken: true }), pack({ name: 'r' })]
  const { log, events } = await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.deepEqual(log, ['web changed pack p', 'web failed pack q'])
  t.is(web.read('packs'), 'p\n')
  const failed = events.find((event) => event.type === 'task:end' && event.status === 'failed')
  t.regex(failed?.type === 'task:end' ? (failed.error?.detail ?? '') : '', /exit code: 100\nno q$/)
})

test('what was found for a later play is not asked again while nobody changes anything', async (t) => {
  const web = makeStandIn()
  for (const file of twenty) web.write(file, 'x\n')
  const plays = () => twenty.map((file) => play({ hosts: 'all', tasks: note({ file, text: 'x' }) }))
  const quiet = await runOn({ web }, plays())
  t.is(quiet.result.hosts.web?.requests, 1)
  web.write('f0', 'old\n')
  const drifted = await runOn({ web }, plays())
  t.is(drifted.result.hosts.web?.changed, 1)
  t.is(drifted.result.hosts.web?.requests, 1 + twenty.length) // the change; then each play looks for itself
})

test('a change on one host makes the others look again at their next play', async (t) => {
  const [web, db] = [makeStandIn(), makeStandIn()]
  db.write('seen', 'x\n')
  const plays = [
    play({ hosts: 'web', tasks: note({ file: 'a', text: 'x' }) }),
    play({ hosts: 'db', tasks: note({ file: 'seen', text: 'x' }) }),
  ]
  const { result } = await runOn({ web, db }, plays)
  t.is(result.hosts.db?.requests, 2)
})

test('packagesFirst: one call for the packages of all plays, each told where its task is', async (t) => {
  const web = makeStandIn()
  const plays = () => [
    play({ name: 'one', hosts: 'all', tasks: [note({ file: 'n', text: 'x' }), pack({ name: 'p' })] }),
    play({ name: 'two', hosts: 'all', tasks: [note({ file: 'm', text: 'x' }), block({ tasks: pack({ name: 'q' }) })] }),
  ]
  const { log } = await runOn({ web }, plays(), { playbook: definePlaybook(plays(), { packagesFirst: true }) })
  t.deepEqual(log, ['web changed note n', 'web changed pack p', 'web changed note m', 'web changed pack q'])
  t.is(web.read('calls'), 'call\n')
  const other = makeStandIn()
  await runOn({ web: other }, plays())
  t.is(other.read('calls'), 'call\ncall\n')
})

test('packagesFirst: a package behind a task that alters what is known of packages waits for its turn', async (t) => {
  const web = makeStandIn()
  const source = page({ file: 'packs', text: 'x' })
  const plays = [play({ hosts: 'all', tasks: [pack({ name: 'p' }), source, pack({ name: 'q' })] })]
  await runOn({ web }, plays, { playbook: definePlaybook(plays, { packagesFirst: true }) })
  t.is(web.read('calls'), 'call\ncall\n')
})

test('packagesFirst: when the host fails later on, the packages that came early are told', async (t) => {
  const web = makeStandIn()
  const plays = [
    play({ hosts: 'all', tasks: [pack({ name: 'p' }), note({ file: 'n', text: 'x', broken: true })] }),
    play({ hosts: 'all', tasks: pack({ name: 'q' }) }),
  ]
  const { log } = await runOn({ web }, plays, { playbook: definePlaybook(plays, { packagesFirst: true }) })
  t.deepEqual(log, ['web changed pack p', 'web failed note n', 'web changed pack q'])
})

test('a unit that was started after the change is not restarted for it', async (t) => {
  const web = makeStandIn()
  const tasks = (text: string) => [
    note({ file: 'config', text, notify: handler([unit({ state: 'restarted' }), act({ say: 'healthy' })]) }),
    unit({ state: 'started' }),
  ]
  const first = await runOn({ web }, [play({ hosts: 'all', tasks: tasks('a') })])
  t.deepEqual(first.log, [
    'web changed note config',
    'web changed unit started',
    'web ok unit restarted',
    'web changed act healthy',
  ])
  t.is(web.read('starts'), 'started\n')
  t.deepEqual(web.marks(), [])
  await runOn({ web }, [play({ hosts: 'all', tasks: tasks('b') })])
  t.is(web.read('starts'), 'started\nrestarted\n')
})

test('a change after the start restarts the unit all the same', async (t) => {
  const web = makeStandIn()
  const restart = handler(unit({ state: 'restarted' }))
  const tasks = [
    note({ file: 'a', text: 'x', notify: restart }),
    unit({ state: 'started' }),
    note({ file: 'b', text: 'x', notify: restart }),
  ]
  await runOn({ web }, [play({ hosts: 'all', tasks })])
  t.is(web.read('starts'), 'started\nrestarted\n')
})

test('a change that a saved plan does not announce neither rides along nor is made in its turn', async (t) => {
  const web = makeStandIn()
  const tasks = ['a', 'b', 'c'].map((file) => page({ file, text: 'x' }))
  const asked: string[] = []
  const { log, events } = await runOn({ web }, [play({ name: 'Pages', hosts: 'all', tasks })], {
    permits: (host, { title, resource }, at) => {
      asked.push(`${host} ${resource} ${title} ${at}`)
      return title !== 'page b'
    },
  })
  t.deepEqual(log, ['web changed page a', 'web failed page b'])
  t.deepEqual([web.read('a'), web.read('b'), web.read('c')], ['x\n', undefined, undefined])
  t.deepEqual(asked, ['web page page a Pages', 'web page page b undefined', 'web page page b Pages'])
  const failed = events.flatMap((event) => (event.type === 'task:end' && event.error ? [event.error] : []))
  t.deepEqual(
    failed.map(({ code, detail }) => [code, detail]),
    [['moved', 'absent → x']],
  )
})

test('no change is brought forward past a task that runs on another host', async (t) => {
  const [web, lb] = [makeStandIn(), makeStandIn()]
  const plays = [
    play({
      hosts: 'web',
      tasks: [
        page({ file: 'a', text: 'x' }),
        pack({ name: 'p' }),
        // what the other host finds when its turn comes
        act({ say: 'drain', on: 'lb' }),
        page({ file: 'b', text: 'x' }),
        pack({ name: 'q' }),
      ],
    }),
  ]
  const { log } = await runOn({ web, lb }, plays, {
    playbook: definePlaybook(plays, { packagesFirst: true }),
    connect: async (host, secrets, progress) => {
      const connection = await connectTo({ web, lb })(host, secrets, progress)
      const run: typeof connection.run = (steps, options) => {
        if (host.name === 'lb' && steps.some((step) => step.script.includes('drain')))
          lb.write('seen', `${web.read('a') ?? ''}${web.read('b') ?? ''}${web.read('packs') ?? ''}`)
        return connection.run(steps, options)
      }
      return { ...connection, requests: 0, run }
    },
  })
  t.deepEqual(log, [
    'web changed page a',
    'web changed pack p',
    'web changed act drain',
    'web changed page b',
    'web changed pack q',
  ])
  t.is(lb.read('seen'), 'x\np\n')
})

test('a unit that was started on another host covers no handler of this one', async (t) => {
  const [web, lb] = [makeStandIn(), makeStandIn()]
  const config = note({ file: 'config', text: 'x', notify: handler(unit({ state: 'restarted' })) })
  const tasks = [config, unit({ state: 'started', on: 'lb' })]
  await runOn({ web, lb }, [play({ hosts: 'web', tasks })])
  t.is(web.read('starts'), 'restarted\n')
  t.is(lb.read('starts'), 'started\n')
})
