// A change to the firewall, to sshd or to our own keys stands only if a new connection confirms it. Here we try to lock ourselves
// out, and each host must be reachable by a new connection again: undone by the run, or by the host itself when the run has died.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { firewall } from '../../roles/firewall.ts'
import type { InventoryEntry } from '../../src/core/inventory.ts'
import { play } from '../../src/core/play.ts'
import type { Task } from '../../src/core/task.ts'
import { authorizedKey } from '../../src/resources/authorized-key.ts'
import { sshdConfig } from '../../src/resources/sshd-config.ts'
import type { UfwRule } from '../../src/resources/ufw-rule.ts'
import { ufwRuleset } from '../../src/resources/ufw-ruleset.ts'
import { connect } from '../../src/transport/connect.ts'
import type { Connect } from '../../src/transport/connection.ts'
import { useLab } from './harness.ts'
import playbook, { lockOuts } from './playbooks/lock-out.ts'
import { root, startProvision } from './provision.ts'

const hosts = Object.keys(lockOuts)
const suites = ['bookworm', 'trixie'] as const
const lab = useLab(
  test,
  'lock-out',
  hosts.map((host, index) => `${host}:${suites[index % 2]}`),
)

const folder = mkdtempSync(join(tmpdir(), 'hostwright-lock-out-'))
test.after.always(() => rmSync(folder, { recursive: true }))

const ssh: UfwRule = { action: 'allow', port: 22, comment: 'ssh' }
const only = (host: string, tasks: Task) => [play({ hosts: host, tasks })]
const state = `cat /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf; grep '^[A-Z]' /etc/default/ufw
cat /etc/ssh/sshd_config.d/* 2>/dev/null; cat /home/debian/.ssh/authorized_keys; sshd -T`
const armed = `ls -d /run/hostwright/revert/*/armed /run/systemd/transient/provision-revert-*.timer 2>/dev/null || true`

/** The key without its public half: nothing tells the run which of the user's keys it came in with. */
const inventory = () => {
  const identityFile = join(folder, 'key')
  copyFileSync(lab().status.identityFile, identityFile)
  const settings: Partial<InventoryEntry> = { connectTimeout: 15, connectAttempts: 1, identityFile }
  return lab().inventory(settings)
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited three minutes in vain: ${what}`)
    await delay(200)
  }
}

/** A new connection by OpenSSH, past our own transport, finds the state as it was and nothing left that waits. */
const isAsBefore = async (host: string, before: string | undefined): Promise<boolean> =>
  (await lab().on(host, 'true')).code === 0 &&
  (await lab().must(host, armed)) === '' &&
  (await lab().must(host, state)) === before

const states = async () =>
  new Map(await Promise.all(hosts.map(async (host) => [host, await lab().must(host, state)] as const)))

test.serial('a firewall that lets us in is confirmed', async (t) => {
  t.deepEqual((await lab().run([play({ hosts: 'all', roles: [firewall({})] })])).errors, [])
  for (const host of hosts) t.is(await lab().must(host, armed), '')
  await lab().must('keyless', 'useradd --create-home ann')
})

/** What the run says of each. */
const sentences: Readonly<Record<string, RegExp>> = {
  deny: /the new firewall rules would have locked us out, so the previous state is back[\s\S]*A new connection failed: .*connecting/,
  port: /the new firewall rules would have locked us out, so the previous state is back[\s\S]*A new connection failed: .*connecting/,
  moved:
    /the new settings of sshd would have locked us out, so the previous state is back[\s\S]*A new connection failed: .*refuses connections on port 22/,
  keyless:
    /the new settings of sshd would have locked us out, so the previous state is back[\s\S]*A new connection failed: /,
  keys: /the new keys of debian would have locked us out, so the previous state is back[\s\S]*A new connection failed: /,
  loopback:
    /the new settings of sshd would have locked us out, so the previous state is back[\s\S]*A new connection failed: .*refuses connections on port 22/,
  foreign: /sshd ended when it read its new settings[\s\S]*The previous state is back\./,
}

test.serial('the run undoes what locks us out, over the connection that it has, and says so', async (t) => {
  const before = await states()
  const ran = await lab().run(playbook.plays, { inventory: inventory() })
  for (const host of hosts) {
    t.is(ran.result.hosts[host]?.failed, 1, host)
    t.regex(ran.errors.find((error) => error.startsWith(`${host}: `)) ?? '', sentences[host] ?? /$^/, host)
    t.true(await isAsBefore(host, before.get(host)), host)
  }
})

test.serial('the host undoes it by itself when the run dies before it can', async (t) => {
  t.timeout(600_000)
  const before = await states()
  const { dying, refusals } = makeDying()
  await lab().run(playbook.plays, { connect: dying, inventory: inventory() })
  for (const host of hosts) {
    await until(`${host} takes new connections`, () => isAsBefore(host, before.get(host)))
    if (host === 'foreign') continue // sshd that ended was started again by the step itself
    t.true(refusals.has(host), `${host} was locked out`)
    t.is((await lab().on(host, 'test -d /run/hostwright/revert/*/reverted')).code, 0, host)
  }
})

test.serial('the host undoes it by itself after kill -9 of the run', async (t) => {
  t.timeout(600_000)
  const before = await lab().must('deny', state)
  await lab().must('deny', 'rm -rf /run/hostwright/revert/ufw')
  const file = join(folder, 'hosts.ts')
  // the run tries to come in again for so long that the kill meets it there
  writeFileSync(
    file,
    `import { defineInventory } from 'hostwright'
export default defineInventory({
  identityFile: ${JSON.stringify(lab().status.identityFile)},
  knownHosts: ${JSON.stringify(lab().status.knownHosts)},
  connectTimeout: 100,
  hosts: { deny: { address: '${lab().address('deny')}', user: 'debian' } },
})
`,
  )
  // over a connection from before the change, which the firewall lets go on
  const watch = `touch /run/watching
until [ -d /run/hostwright/revert/ufw/armed ] && iptables -S ufw-user-input | grep -q eth9; do sleep 0.1; done`
  const changed = lab().on('deny', watch)
  await until('the change is watched', async () => (await lab().on('deny', 'test -e /run/watching')).code === 0)
  const { child, done } = startProvision([
    `${root}test/lab/playbooks/lock-out.ts`,
    '--inventory',
    file,
    '--keep-runs',
    '0',
  ])
  t.is((await changed).code, 0)
  child.kill('SIGKILL')
  t.is((await done).code, null)
  await until('deny takes new connections', () => isAsBefore('deny', before))
  t.is((await lab().on('deny', 'test -d /run/hostwright/revert/ufw/reverted')).code, 0)
})

test.serial('a good change that nobody confirmed is confirmed by the next run', async (t) => {
  const task = () => only('deny', ufwRuleset({ rules: [ssh, { action: 'allow', port: 8443 }], revertAfter: 3600 }))
  const { dying, refusals } = makeDying()
  await lab().run(task(), { connect: dying })
  t.is(refusals.size, 0)
  t.not(await lab().must('deny', armed), '')
  const next = await lab().run(task())
  t.deepEqual(next.errors, [])
  const summaries = next.events.flatMap((event) => (event.type === 'task:end' ? event.changes : []))
  t.deepEqual(
    summaries.map((change) => change.summary),
    ['the last change was not confirmed → confirmed'],
  )
  t.is(await lab().must('deny', armed), '')
  t.is((await lab().run(task())).result.hosts.deny?.changed, 0)
})

test.serial('keys that leave us in are confirmed at once', async (t) => {
  const key = async () => (await lab().must('keys', 'cat /home/debian/.ssh/authorized_keys')).split('\n')[0] ?? ''
  await lab().must('keys', `echo 'ssh-ed25519 ${'B'.repeat(68)} bob' >>/home/debian/.ssh/authorized_keys`)
  const task = authorizedKey({ user: 'debian', key: await key(), exclusive: true })
  const ran = await lab().run(only('keys', task), { inventory: inventory() })
  t.deepEqual(ran.errors, [])
  t.is(ran.result.hosts.keys?.changed, 1)
  t.is(await lab().must('keys', armed), '')
  t.is((await lab().run(only('keys', task))).result.hosts.keys?.changed, 0)
})

// What can be known before it is done is refused, and nothing is changed.
const refused: readonly (readonly [string, string, Task, RegExp])[] = [
  [
    'a firewall that denies ssh',
    'port',
    ufwRuleset({ rules: [{ action: 'deny', from: '0.0.0.0/1' }, ssh] }),
    /these rules do not let us in again: no rule allows port 22\/tcp from /,
  ],
  [
    'a firewall that opens another port',
    'port',
    ufwRuleset({ rules: [{ action: 'allow', port: 2222 }] }),
    /these rules do not let us in again: no rule allows port 22\/tcp from /,
  ],
  [
    'settings that sshd does not know',
    'loopback',
    sshdConfig({ options: { Ciphers: ['rot13'] } }),
    /sshd refuses the new [\s\S]*Bad SSH2 cipher spec 'rot13'/,
  ],
  [
    'keys without the one that we came in with',
    'keys',
    authorizedKey({ user: 'debian', key: `ssh-ed25519 ${'B'.repeat(68)} bob`, exclusive: true }),
    /this would remove ssh-ed25519 .* of debian, the key that this run is connected with/,
  ],
]
for (const [title, host, task, message] of refused) {
  test.serial(`${title} never take${title.startsWith('a ') ? 's' : ''} effect`, async (t) => {
    const before = await lab().must(host, state)
    const ran = await lab().run(only(host, task))
    t.regex(ran.errors[0] ?? '', message)
    t.is(await lab().must(host, state), before)
    t.is(await lab().must(host, armed), '')
  })
}

test.serial('a main file that another hand has broken is told, and sshd goes on with what it has', async (t) => {
  await lab().must('foreign', "cp -p /etc/ssh/sshd_config /root/; echo 'Nonsense yes' >>/etc/ssh/sshd_config")
  const ran = await lab().run(only('foreign', sshdConfig({ options: { MaxAuthTries: 3 } })))
  t.regex(ran.errors[0] ?? '', /sshd refuses [\s\S]*Bad configuration option: Nonsense/)
  t.is((await lab().on('foreign', 'test ! -e /etc/ssh/sshd_config.d/10-provision.conf')).code, 0)
  await lab().must('foreign', 'cp -p /root/sshd_config /etc/ssh/')
})

/** A controller that dies at the moment when it would confirm: after it saw whether a new connection succeeds. */
function makeDying(): { dying: Connect; refusals: Map<string, unknown> } {
  const refusals = new Map<string, unknown>()
  const dying: Connect = async (host, secrets, progress) => {
    const connection = await connect(host, secrets, progress)
    let dead = false
    const died = () => new Error('the controller died')
    return {
      ...connection,
      get requests() {
        return connection.requests
      },
      run: (steps, options) => (dead ? Promise.reject(died()) : connection.run(steps, options)),
      probeFresh: async () => {
        await connection.probeFresh().catch((error: unknown) => refusals.set(host.name, error))
        dead = true
        await connection.close()
        throw died()
      },
      close: () => connection.close(),
    }
  }
  return { dying, refusals }
}
