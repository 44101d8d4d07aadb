// What an operator reaches for, on real hosts: tasks on another host, step by step, a start in the middle.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { Inventory } from '../../src/core/host.ts'
import { defineInventory } from '../../src/core/inventory.ts'
import { apt, block, changed, file, handler, play, shell, user } from '../../src/index.ts'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'
import { connect } from '../../src/transport/connect.ts'
import { useLab } from './harness.ts'
import { provision, root } from './provision.ts'
import { onTerminal } from './terminal.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'controls', ['web1:bookworm', 'lb1:bookworm'])

/** The lab's hosts and this machine. */
function withLocalhost(): Inventory {
  const { status } = lab()
  const { identityFile, knownHosts } = status
  const hosts = status.hosts.map((host) => [host.name, { address: host.address, user: host.user }])
  return resolveInventory(
    defineInventory({
      identityFile,
      knownHosts,
      hosts: { ...Object.fromEntries(hosts), localhost: { connection: 'local', become: false } },
    }),
  )
}

test.serial(
  'a task runs on another real host: as a user there, under its lock, between the tasks around it',
  async (t) => {
    t.timeout(300_000)
    const reload = handler(file.file({ dest: '/run/reloaded', content: 'x\n' }), { name: 'reload' })
    const who = shell.command({
      run: 'id -un; cat /etc/hostname; echo "$SHADE"',
      env: { SHADE: 'blue' },
      become: 'nobody',
      on: 'lb1',
    })
    const drained = file.file({ dest: '/etc/drained', content: 'web1\n', on: 'lb1', notify: reload })
    const tasks = [
      user({ name: 'carol', on: 'lb1' }),
      drained,
      file.file({ dest: '/etc/web', content: 'new\n', when: changed(drained) }),
      apt.package({ pkg: 'tree', on: 'lb1' }),
      shell.command({ run: 'echo middle', check: false }),
      who,
    ]
    const plays = [play({ hosts: 'web1', tasks })]
    const secrets = openSecrets({ file: lab().secretsFile, env: {} })
    let locked: Promise<unknown> | undefined
    const ran = await lab().run(plays, {
      connect: async (host, own, progress) => {
        const connection = await connect(host, own, progress)
        if (host.name !== 'web1') return connection
        const run: typeof connection.run = async (steps, options) => {
          if (steps.some((step) => step.script.includes('echo middle'))) {
            locked ??= connect(lab().inventory().host('lb1'), secrets, { lockWait: 0 }).then((other) =>
              other.run([{ script: ':' }]),
            )
            await locked.catch(() => undefined)
          }
          return await connection.run(steps, options)
        }
        return { ...connection, requests: 0, run }
      },
    })
    t.deepEqual(ran.errors, [])
    const refused = await t.throwsAsync(async () => await locked, { instanceOf: ProvisionError })
    t.is(refused?.code, 'locked')
    const output = ran.events.flatMap((event) =>
      event.type === 'task:output' && event.task.title.includes('id -un') ? [`${event.host} ${event.text}`] : [],
    )
    t.deepEqual(output, ['web1 nobody', 'web1 lb1', 'web1 blue'])
    t.is(
      await lab().must(
        'lb1',
        'cat /etc/drained; id -un carol; command -v tree; ls /run/reloaded 2>/dev/null || echo none',
      ),
      'web1\ncarol\n/usr/bin/tree\nnone\n',
    )
    t.is(
      await lab().must('web1', 'cat /etc/web /run/reloaded; ls /etc/drained 2>/dev/null || echo none'),
      'new\nx\nnone\n',
    )
    const again = await lab().run([play({ hosts: 'web1', tasks: tasks.slice(0, 4) })])
    t.deepEqual(again.errors, [])
    t.deepEqual(
      again.log.map((line) => line.split(' ')[1]),
      ['ok', 'ok', 'skipped', 'ok'],
    )
  },
)

test.serial('this machine is a host like others, and one that is out of reach fails only the task', async (t) => {
  t.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-controls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const ran = await lab().run(
    [
      play({
        hosts: 'web1:lb1',
        tasks: (host) => file.file({ dest: join(folder, host.name), content: `${host.address}\n`, on: 'localhost' }),
      }),
    ],
    { inventory: withLocalhost() },
  )
  t.deepEqual(ran.errors, [])
  for (const name of ['web1', 'lb1']) t.is(readFileSync(join(folder, name), 'utf8'), `${lab().address(name)}\n`)
  const { identityFile, knownHosts } = lab().status
  const inventory = resolveInventory(
    defineInventory({
      identityFile,
      knownHosts,
      hosts: {
        web1: { address: lab().address('web1'), user: lab().status.hosts[0]?.user },
        // nothing listens there
        gone: { address: lab().address('lb1'), port: 9, connectAttempts: 1 },
      },
    }),
  )
  const mended = await lab().run(
    [
      play({
        hosts: 'web1',
        tasks: block({ tasks: shell.command({ run: 'true', on: 'gone' }), rescue: shell.command({ run: 'true' }) }),
      }),
    ],
    { inventory },
  )
  t.regex(mended.errors[0] ?? '', /^web1: gone, which it runs on, cannot be used: .*refuses connections on port 9/s)
  t.is(mended.result.outcome, 'ok')
})

/** A project of a playbook for the lab's hosts. */
function project(t: ExecutionContext, playbook: string): { folder: string; args: string[] } {
  // inside the checkout, so that the package is found by its own name
  const folder = mkdtempSync(join(root, '.provision-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { identityFile, knownHosts, hosts } = lab().status
  const entries = hosts.map(({ name, address, user: login }) => [name, { address, user: login }])
  const entry = JSON.stringify({ identityFile, knownHosts, hosts: Object.fromEntries(entries) })
  writeFileSync(
    join(folder, 'hosts.ts'),
    `import { defineInventory } from 'hostwright'\nexport default defineInventory(${entry})\n`,
  )
  writeFileSync(join(folder, 'site.ts'), playbook)
  return { folder, args: ['site.ts', '--inventory', 'hosts.ts', '--keep-runs', '0'] }
}

const three = `import { definePlaybook, file, play } from 'hostwright'
export default definePlaybook([play({ name: 'Three', hosts: 'all', tasks: () => ['one', 'two', 'three'].map((name) =>
  file.file({ name, dest: '/etc/step-' + name, content: name + '\\n' })) })])
`

test.serial(
  '--step on a real terminal: asked once for both hosts, and nothing is changed before the answer',
  async (t) => {
    t.timeout(300_000)
    const { folder, args } = project(t, three)
    const { CI: _ci, NO_COLOR: _noColour, ...env } = process.env
    const present = async () =>
      (await Promise.all(['web1', 'lb1'].map((host) => lab().must(host, 'ls /etc | grep ^step- || true'))))
        .map((names) => names.split('\n').filter(Boolean).join())
        .join(' ')
    const terminal = onTerminal([...args, '--step'], folder, { ...env, TERM: 'xterm' })
    await terminal.sees('one (web1, lb1)? [y]es, [n]o, [c]ontinue without asking, [q]uit: ', 120)
    t.is(await present(), ' ')
    terminal.types('n\r')
    await terminal.sees('two (web1, lb1)? [y]es', 120)
    terminal.types('y\r')
    await terminal.sees('three (web1, lb1)? [y]es', 120)
    // Ctrl-C quits: the task that was said yes to is finished, on the host that is slower too
    terminal.types('\u0003')
    t.is(await terminal.code, 130)
    t.false((await present()).includes('step-one'))
    t.false((await present()).includes('step-three'))
    t.true((await present()).includes('step-two'))

    const second = onTerminal([...args, '--step', '-v'], folder, { ...env, TERM: 'xterm' })
    await second.sees('one (web1, lb1)? [y]es', 120)
    second.types('c\r')
    t.is(await second.code, 0)
    t.is(await present(), 'step-one,step-three,step-two step-one,step-three,step-two')
    t.true(second.shown().includes('web1  changed  one'))
    t.false(second.shown().includes('two (web1, lb1)?'))
  },
)

test.serial(
  '--start-at-task on real hosts: what comes before is not done, and a wrong name is told at once',
  async (t) => {
    t.timeout(120_000)
    const { folder, args } = project(t, three.replaceAll('step-', 'begun-'))
    const wrong = await provision([...args, '--start-at-task', 'tow'], {}, folder)
    t.is(wrong.code, 1)
    t.true(wrong.stderr.includes("✗ --start-at-task 'tow': no task has this name"))
    t.true(wrong.stderr.includes("Did you mean 'two'?"))
    const ran = await provision([...args, '--start-at-task', 'two', '-v'], {}, folder)
    t.is(ran.code, 0, ran.stdout + ran.stderr)
    t.true(ran.stdout.includes('web1  skipped  one  (before the task to start at)'))
    for (const host of ['web1', 'lb1'])
      t.is(await lab().must(host, 'ls /etc | grep ^begun-'), 'begun-three\nbegun-two\n')
  },
)

test.serial(
  'a host reads the facts and an earlier result of another real host, and check mode says what it cannot know',
  async (t) => {
    t.timeout(120_000)
    const token = shell.command({
      name: 'token',
      run: 'cat /etc/hostname /proc/sys/kernel/random/boot_id',
      changedWhen: false,
    })
    const plays = [
      play({ hosts: 'lb1', tasks: token }),
      play({
        hosts: 'web1',
        tasks: (host) => [
          file.file({ dest: '/etc/told', content: host.resultOf('lb1', token).stdout }),
          file.file({ dest: '/etc/facts', content: `${host.factsOf('lb1').bootId} ${host.factsOf('lb1').hostname}\n` }),
        ],
      }),
    ]
    const check = await lab().run(plays, { check: true })
    t.deepEqual(check.log.at(-1), 'web1 unknown the tasks of the play')
    const ran = await lab().run(plays)
    t.deepEqual(ran.errors, [])
    const boot = (await lab().must('lb1', 'cat /proc/sys/kernel/random/boot_id')).trim()
    t.is(await lab().must('web1', 'cat /etc/told /etc/facts'), `lb1\n${boot}\n${boot} lb1\n`)
    t.is((await lab().run(plays)).result.hosts.web1?.changed, 0)
    // facts of a host that the limit leaves out, which is connected for them alone
    const alone = await lab().run([
      play({ hosts: 'web1', tasks: (host) => shell.command({ run: `test ${host.factsOf('lb1').cpus} -gt 0` }) }),
    ])
    t.deepEqual(alone.errors, [])
    t.deepEqual(Object.keys(alone.result.hosts), ['web1'])
  },
)

test.serial('two real hosts that change a third thing at once take turns there', async (t) => {
  t.timeout(120_000)
  // read, wait, write: two at a time would count one
  const count = 'n=$(cat /run/count 2>/dev/null || echo 0); sleep 0.2; echo $((n + 1)) >/run/count'
  const ran = await lab().run([
    play({ hosts: 'all', tasks: () => [1, 2, 3].map(() => shell.command({ run: count, on: 'lb1' })) }),
  ])
  t.deepEqual(ran.errors, [])
  t.is(await lab().must('lb1', 'cat /run/count'), '6\n')
})
