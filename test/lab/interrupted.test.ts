// Half of a run killed: `kill -9` on the controller in the middle of apt and between a changed file and its handler.
// The next run completes and converges, handlers included.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { useLab } from './harness.ts'
import { provision, recapOf, root, startProvision } from './provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'killed', ['web1:bookworm'])
const directory = mkdtempSync(join(root, '.provision-test-'))
test.after.always(async () => {
  const { rmSync } = await import('node:fs')
  rmSync(directory, { recursive: true, force: true })
})

function write(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

function inventoryFile(): string {
  const { status } = lab()
  return write(
    'hosts.ts',
    `import { defineInventory } from 'hostwright'
export default defineInventory({
  identityFile: ${JSON.stringify(status.identityFile)},
  knownHosts: ${JSON.stringify(status.knownHosts)},
  hosts: { web1: { address: '${lab().address('web1')}', user: '${status.hosts[0]?.user}' } },
})
`,
  )
}

async function until(what: string, seconds: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`)
  }
}

async function killWhen(playbook: string, what: string, condition: () => Promise<boolean>): Promise<void> {
  const { child, done } = startProvision([playbook, '--inventory', inventoryFile(), '--output', 'json'])
  await until(what, 120, condition)
  child.kill('SIGKILL')
  await done
}

/** What the killed run began goes on holding the host's lock until it ends; a run says so, and is started again. */
async function completes(playbook: string): Promise<void> {
  const deadline = Date.now() + 120_000
  const start = () => provision([playbook, '--inventory', inventoryFile(), '--output', 'json'])
  let run = await start()
  while (run.code === 3 && /locked by/.test(run.stdout + run.stderr) && Date.now() < deadline) run = await start()
  if (run.code !== 0) throw new Error(`exit code ${run.code}\n${run.stderr}\n${run.stdout}`)
  const again = recapOf(await provision([playbook, '--inventory', inventoryFile(), '--output', 'json']))
  if (again.hosts.web1?.changed !== 0) throw new Error(`did not converge: ${JSON.stringify(again)}`)
}

test.serial('killed in the middle of apt, the next run completes', async (t) => {
  t.timeout(300_000)
  const playbook = write(
    'apt.ts',
    `import { apt, definePlaybook, play, systemd } from 'hostwright'
export default definePlaybook([play({ hosts: 'all', tasks: [
  apt.package({ pkg: ['nginx', 'haproxy'] }),
  systemd.service({ unit: 'nginx', state: 'started', enabled: true }),
] })])
`,
  )
  await killWhen(
    playbook,
    'dpkg to run',
    async () => (await lab().on('web1', 'pgrep -x dpkg || pgrep -x apt-get')).code === 0,
  )
  await completes(playbook)
  t.is((await lab().on('web1', 'dpkg --audit; systemctl is-active nginx')).stdout.trim(), 'active')
})

test.serial('killed in the middle of dpkg itself (power cut), the next run repairs and completes', async (t) => {
  t.timeout(300_000)
  const playbook = write(
    'dpkg.ts',
    `import { apt, definePlaybook, play } from 'hostwright'
export default definePlaybook([play({ hosts: 'all', tasks: apt.package({ pkg: ['keepalived', 'rsyslog'] }) })])
`,
  )
  // the brackets keep pgrep from finding the shell that looks
  const cut = `until pgrep -f 'dpkg.*--unpac[k]' >/dev/null; do sleep 0.02; done; pkill -KILL -x apt-get; pkill -KILL -f 'dpkg.*--unpac[k]'`
  await killWhen(playbook, 'dpkg to unpack', async () => (await lab().on('web1', cut)).code === 0)
  await completes(playbook)
  t.is((await lab().on('web1', 'dpkg --audit')).stdout.trim(), '')
})

test.serial('killed between a changed file and its handler, the next run runs the handler', async (t) => {
  t.timeout(120_000)
  const playbook = write(
    'handler.ts',
    `import { definePlaybook, file, handler, play, shell } from 'hostwright'
const reload = handler(shell.command({ run: 'echo reloaded >>/root/reloads' }), { name: 'reload it' })
export default definePlaybook([play({ hosts: 'all', tasks: [
  file.file({ dest: '/etc/sample.conf', content: 'one\\n', notify: reload }),
  shell.command({ run: 'sleep 20; touch /root/slept', creates: '/root/slept' }),
] })])
`,
  )
  await killWhen(
    playbook,
    'the file to be there',
    async () => (await lab().on('web1', 'test -e /etc/sample.conf')).code === 0,
  )
  t.not((await lab().on('web1', 'test -e /root/reloads')).code, 0)
  await lab().on('web1', 'pkill -x sleep; touch /root/slept')
  await completes(playbook)
  t.is(await lab().must('web1', 'cat /root/reloads'), 'reloaded\n')
  t.is(await lab().must('web1', 'ls -A /var/lib/hostwright/pending'), '')
})
