// A run spread over workers that are processes of their own, on a real queue and real hosts: one is killed in the middle,
// one has another project, the coordinator is interrupted, and nothing secret passes through the queue.
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { useLab } from './harness.ts'
import { type CommandRun, jsonLines, provision, recapOf, root, startProvision } from './provision.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const test = anyTest as TestFn
const names = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6']
const lab = useLab(
  test,
  'worker',
  names.map((name) => `${name}:bookworm`),
)
const directory = mkdtempSync(join(root, '.provision-test-'))
const other = mkdtempSync(join(root, '.provision-test-'))
let redis: RedisServer
test.before(async () => {
  // two checkouts of one project: the coordinator's and the workers'
  for (const folder of [directory, other]) write('package.json', '{}', folder)
  redis = await startRedis()
})
test.after.always(async () => {
  for (const folder of [directory, other]) rmSync(folder, { recursive: true, force: true })
  await redis.stop()
})

const canary = 'canary-3f9c51d0'
const environment = { PROVISION_SECRET_CANARY_ONE: canary }

function write(name: string, text: string, folder = directory): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function inventoryFile(folder = directory): string {
  const { status } = lab()
  const hosts = status.hosts.map(({ name, address, user }) => `  ${name}: { address: '${address}', user: '${user}' },`)
  return write(
    'hosts.ts',
    `import { defineInventory } from 'hostwright'
export default defineInventory({
  identityFile: ${JSON.stringify(status.identityFile)},
  knownHosts: ${JSON.stringify(status.knownHosts)},
  hosts: {
${hosts.join('\n')}
  },
  groups: { half: ['w1', 'w2', 'w3'] },
})
`,
    folder,
  )
}

interface WorkerProcess {
  readonly child: ChildProcess
  readonly done: Promise<CommandRun>
}

const started: WorkerProcess[] = []
test.afterEach.always(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.splice(0).map(({ done }) => done))
  await redis.client.del('hostwright:workers')
  for (const folder of [directory, other])
    for (const name of readdirSync(folder)) if (name.endsWith('.ts')) rmSync(join(folder, name))
})

/** A worker of the other checkout, with the same playbook there. */
function startWorker(playbook: string, text = readFileSync(playbook, 'utf8')): WorkerProcess {
  const copy = write(basename(playbook), text, other)
  const worker = startProvision(
    ['worker', copy, '-i', inventoryFile(other), '--queue', redis.address, '--lease', '10', '--forks', '2'],
    environment,
  )
  started.push(worker)
  return worker
}

async function until(what: string, seconds: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`)
  }
}

/** Workers that have announced themselves. */
async function present(count: number): Promise<void> {
  await until(`${count} workers to be there`, 60, async () => (await redis.client.zcard('hostwright:workers')) >= count)
}

async function stop(workers: readonly WorkerProcess[]): Promise<void> {
  for (const { child } of workers) child.kill('SIGTERM')
  await Promise.all(workers.map(({ done }) => done))
}

function coordinate(playbook: string, more: readonly string[] = []): ReturnType<typeof startProvision> {
  const options = ['-i', inventoryFile(), '--queue', redis.address, '--output', 'json', '--worker-wait', '1', ...more]
  return startProvision([playbook, ...options], environment)
}

/** Fails the test with all that was said, if the code is another. */
function codeOf(run: CommandRun, workers: readonly string[] = []): number | null {
  if (run.code !== 0) process.stderr.write(`${run.stderr}\n${workers.join('\n')}\n`)
  return run.code
}

test.serial('three workers, one killed in the middle: every host is provisioned and told once', async (t) => {
  t.timeout(300_000)
  const playbook = write(
    'killed.ts',
    `import { definePlaybook, file, handler, play, secret, secretText, shell } from 'hostwright'
const reload = handler(shell.command({ run: 'echo reloaded >>/root/reloads' }), { name: 'reload it' })
export default definePlaybook([
  play({ hosts: 'all', name: 'first', tasks: [
    file.file({ dest: '/root/first', mode: '0600', content: secretText\`first \${secret('canary.one')}\\n\`, notify: reload }),
    shell.command({ run: 'echo slept >>/root/slept; sleep 4; cat /root/first; touch /root/awake', creates: '/root/awake' }),
  ] }),
  play({ hosts: 'half', name: 'second', tasks: (host) => [file.file({ dest: '/root/second', content: \`\${host.facts.os.id}\\n\` })] }),
])
`,
  )
  const workers = [startWorker(playbook), startWorker(playbook), startWorker(playbook)]
  await present(3)
  const { done } = coordinate(playbook, ['-vv'])
  // killed while its two hosts are between a changed file and its handler
  const victim = workers[0] as WorkerProcess
  const held = async (): Promise<string> =>
    (await Promise.all(names.map((name) => lab().on(name, 'test -e /root/slept')))).map(({ code }) => code).join('')
  await until('all hosts to be in the middle', 60, async () => (await held()) === '000000')
  const inside = await redis.dump()
  victim.child.kill('SIGKILL')
  const run = await done
  await stop(workers)
  const said = await Promise.all(workers.map(async (worker) => (await worker.done).stderr))
  t.is(codeOf(run, said), 0)

  t.is(run.stdout.match(/"type":"recap"/g)?.length, 1)
  const { hosts } = recapOf(run)
  t.deepEqual(Object.keys(hosts), names)
  const again = jsonLines(run).filter(
    ({ type, message }) => type === 'warning' && /begins the play again/.test(`${message}`),
  )
  t.is(again.length, 2, 'the two hosts of the killed worker were taken up by others')
  const retried = again.map(({ host }) => host)
  for (const name of names) {
    const { changed = 0, failed, unreachable } = hosts[name] ?? {}
    t.deepEqual({ failed, unreachable }, { failed: 0, unreachable: false }, name)
    // the step that ran when the worker was killed may have come to its end, with nobody there to be told
    const all = name < 'w4' ? 4 : 3
    t.true(changed === all || (changed === all - 1 && retried.includes(name)), `${name}: ${changed} of ${all}`)
  }
  // a task that changed something is told once for each host, in the order of the play
  for (const name of names) {
    const told = jsonLines(run).filter(({ type, host }) => type === 'task:end' && host === name)
    const changes = told
      .filter(({ status }) => status === 'changed')
      .map(({ task }) => (task as { title: string }).title)
    t.is(new Set(changes).size, changes.length, name)
    const ids = told.map(({ task }) => (task as { id: number }).id)
    t.is(new Set(ids).size, ids.length, name)
  }
  for (const name of names) {
    t.is(await lab().must(name, 'cat /root/first'), `first ${canary}\n`)
    t.is(await lab().must(name, 'cat /root/reloads'), 'reloaded\n')
    t.is(await lab().must(name, 'ls -A /var/lib/hostwright/pending'), '')
  }
  t.is(await lab().must('w2', 'cat /root/second'), 'debian\n')

  t.regex(inside, /fleet-/)
  t.regex(run.stdout, /first ‹secret›/)
  for (const text of [inside, await redis.dump(), run.stdout, run.stderr, ...said]) t.false(text.includes(canary))
  t.false(
    (await redis.client.keys('*')).some((key) => key.includes(':run:')),
    'nothing of the run stays',
  )

  const fresh = [startWorker(playbook)]
  await present(1)
  const second = recapOf(await coordinate(playbook).done)
  t.deepEqual(
    names.map((name) => second.hosts[name]?.changed),
    names.map(() => 0),
  )
  await stop(fresh)
})

test.serial('a worker with another project is refused and never touches a host', async (t) => {
  t.timeout(120_000)
  const text = (content: string) =>
    `import { definePlaybook, file, play } from 'hostwright'
export default definePlaybook([play({ hosts: 'w1', tasks: [file.file({ dest: '/root/project', content: '${content}' })] })])
`
  const playbook = write('project.ts', text('ours'))
  const stale = startWorker(playbook, text('theirs'))
  await present(1)
  const refused = await coordinate(playbook).done
  t.is(refused.code, 1)
  t.regex(refused.stderr, /no worker on unix:\S+ has this project/)
  t.regex(refused.stderr, /project\.ts: differs/)
  t.not((await lab().on('w1', 'test -e /root/project')).code, 0)

  const good = startWorker(playbook)
  await present(2)
  const run = await coordinate(playbook).done
  t.is(codeOf(run), 0)
  t.regex(run.stderr, /has another project .* and takes no part/)
  t.is(await lab().must('w1', 'cat /root/project'), 'ours')
  await stop([stale, good])
})

test.serial('a worker whose files changed gives its host back and ends', async (t) => {
  t.timeout(120_000)
  const text = (content: string) =>
    `import { definePlaybook, file, play } from 'hostwright'
export default definePlaybook([play({ hosts: 'w1', tasks: [file.file({ dest: '/root/changed', content: '${content}' })] })])
`
  const playbook = write('changed.ts', text('first'))
  const worker = startWorker(playbook)
  await present(1)
  write('changed.ts', text('second'), other)
  const run = await coordinate(playbook).done
  t.is(run.code, 3)
  t.regex(run.stderr, /does not take part: the project changed since this worker started: changed\.ts: differs/)
  t.not((await lab().on('w1', 'test -e /root/changed')).code, 0)
  t.is((await worker.done).code, 1)
})

test.serial('an interrupted run stops its workers after the running step, and no host is begun any more', async (t) => {
  t.timeout(120_000)
  const playbook = write(
    'interrupted.ts',
    `import { definePlaybook, file, play, shell } from 'hostwright'
export default definePlaybook([play({ hosts: 'all', tasks: [
  shell.command({ run: 'touch /root/begun; until [ -e /root/go ]; do sleep 0.1; done; touch /root/ended' }),
  file.file({ dest: '/root/after', content: 'x' }),
] })])
`,
  )
  const worker = startWorker(playbook)
  let said = ''
  worker.child.stderr?.on('data', (text: string) => {
    said += text
  })
  await present(1)
  const { child, done } = coordinate(playbook)
  const begun = async (): Promise<string[]> => {
    const answers = await Promise.all(names.map((name) => lab().on(name, 'test -e /root/begun')))
    return names.filter((_, index) => answers[index]?.code === 0)
  }
  await until('two hosts to begin', 60, async () => (await begun()).length === 2)
  child.kill('SIGINT')
  await until('both hosts to be told', 60, async () => {
    await lab().on('w6', 'true')
    return said.match(/stops after its running step, its run was stopped/g)?.length === 2
  })
  for (const name of await begun()) await lab().must(name, 'touch /root/go')
  const run = await done
  t.is(run.code, 130)
  const hosts = await begun()
  t.is(hosts.length, 2)
  for (const name of hosts) t.is((await lab().on(name, 'test -e /root/ended && ! test -e /root/after')).code, 0, name)
  t.is((await redis.client.keys('*:run:*')).length, 0)
  await stop([worker])
})

test.serial('a killed run is noticed: its workers stop after the running step and begin nothing more', async (t) => {
  t.timeout(120_000)
  const playbook = write(
    'orphaned.ts',
    `import { definePlaybook, file, play, shell } from 'hostwright'
export default definePlaybook([play({ hosts: 'all', tasks: [
  shell.command({ run: 'touch /root/orphan; until [ -e /root/home ]; do sleep 0.1; done' }),
  file.file({ dest: '/root/later', content: 'x' }),
] })])
`,
  )
  const worker = startWorker(playbook)
  let said = ''
  worker.child.stderr?.on('data', (text: string) => {
    said += text
  })
  await present(1)
  const { child, done } = coordinate(playbook)
  const begun = async (): Promise<string[]> => {
    const answers = await Promise.all(names.map((name) => lab().on(name, 'test -e /root/orphan')))
    return names.filter((_, index) => answers[index]?.code === 0)
  }
  await until('two hosts to begin', 60, async () => (await begun()).length === 2)
  child.kill('SIGKILL')
  await done
  await until('the worker to notice', 60, async () => {
    await lab().on('w6', 'true')
    return said.match(/nobody waits for its run any more/g)?.length === 2
  })
  const hosts = await begun()
  for (const name of hosts) await lab().must(name, 'touch /root/home')
  await stop([worker])
  t.deepEqual(await begun(), hosts)
  for (const name of hosts) t.not((await lab().on(name, 'test -e /root/later')).code, 0, name)
})

test.serial('all workers gone: the hosts that are left are unreachable in the recap, not lost', async (t) => {
  t.timeout(120_000)
  const playbook = write(
    'gone.ts',
    `import { definePlaybook, play, shell } from 'hostwright'
export default definePlaybook([play({ hosts: 'half', tasks: [shell.command({ run: 'touch /root/gone; sleep 30' })] })])
`,
  )
  const worker = startWorker(playbook)
  await present(1)
  const { done } = coordinate(playbook)
  await until('a host to begin', 60, async () => (await lab().on('w1', 'test -e /root/gone')).code === 0)
  worker.child.kill('SIGKILL')
  const run = await done
  t.is(run.code, 3)
  const { hosts } = recapOf(run)
  t.deepEqual(
    ['w1', 'w2', 'w3'].map((name) => hosts[name]?.unreachable),
    [true, true, true],
  )
  t.regex(run.stderr, /no worker of this project is left/)
})

test.serial('a queue that cannot be used is told at once by both sides', async (t) => {
  t.timeout(120_000)
  const guarded = await startRedis('the-password')
  t.teardown(() => guarded.stop())
  const playbook = write(
    'nothing.ts',
    `import { definePlaybook, play } from 'hostwright'
export default definePlaybook([play({ hosts: 'all', tasks: [] })])
`,
  )
  for (const command of [[], ['worker']]) {
    const at = (address: string, env = {}) =>
      provision([...command, playbook, '-i', inventoryFile(), '--queue', address], env)
    const away = await at('unix:/nowhere/redis.sock')
    t.is(away.code, 1)
    t.regex(away.stderr, /the queue unix:\/nowhere\/redis\.sock cannot be used: connect ENOENT/)
    const locked = await at(guarded.address)
    t.is(locked.code, 1)
    t.regex(locked.stderr, /cannot be used: NOAUTH.*\n\n {2}Set PROVISION_QUEUE_PASSWORD/)
  }
  const file = write('password', 'the-password\n')
  const run = await provision([playbook, '-i', inventoryFile(), '--queue', guarded.address, '--worker-wait', '1'], {
    PROVISION_QUEUE_PASSWORD_FILE: file,
  })
  t.is(run.code, 1)
  t.regex(run.stderr, /no worker is there on unix:/)
  t.is(readFileSync(file, 'utf8'), 'the-password\n')
})
