// `provision test`: a role, a playbook with an inventory of addresses that nobody has, and what a broken stage looks like.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { labDown, labStatus } from '../../src/lab/lab.ts'
import { provision, root } from './provision.ts'

const test = anyTest as TestFn
const folder = mkdtempSync(join(root, '.provision-test-'))
test.after.always(async () => {
  rmSync(folder, { recursive: true, force: true })
  await labDown('test-twice-bookworm')
})

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const inventory = () =>
  write(
    'hosts.ts',
    `import { defineInventory } from 'hostwright'
export default defineInventory({
  user: 'nobody', becomePassword: 'unused',
  hosts: { 'odd-name': { address: '192.0.2.1', port: 2222 }, web2: { address: '192.0.2.2' } },
  groups: { web: ['odd-name', 'web2'] },
})
`,
  )
/** `verdict title` of each stage. */
const stages = (stdout: string) =>
  [...stdout.matchAll(/^ {2}(ok|broken) +(\S.*?) {2,}/gm)].map(([, verdict, title]) => `${verdict} ${title}`)
const whole = [
  'ok fresh hosts',
  'ok check mode',
  'ok converge',
  'ok converge again',
  'ok verify',
  'ok reboot',
  'ok verify after reboot',
  'ok tear down',
]

test.serial('a role passes all stages by its example', async (t) => {
  t.timeout(600_000)
  const run = await provision(['test', 'haproxy'])
  t.is(run.code, 0, run.stdout + run.stderr)
  t.deepEqual(stages(run.stdout), whole, run.stdout)
  t.regex(run.stdout, /^role haproxy on bookworm$/m)
  t.regex(run.stdout, /converge again .* 0 changed$/m)
  t.regex(run.stdout, /verify after reboot .* 2 promises kept$/m)
  await t.throwsAsync(labStatus('test-haproxy-bookworm'))
})

test.serial('a playbook is tried with the hosts, groups and variables of its inventory, on each release', async (t) => {
  t.timeout(600_000)
  const playbook = write(
    'small.ts',
    `import { assert, definePlaybook, file, play, role, secret, secretText } from 'hostwright'
const note = role('note', { params: {}, verify: () => [assert({ that: 'test -s /etc/note', message: 'a note' })] }, (_, host) => [
  file.file({ dest: '/etc/note', content: secretText\`\${host.inventory.group('web').map((web) => web.name).join(' ')} \${secret('x.y')}\` }),
])
export default definePlaybook([play({ hosts: 'web', roles: [note()] })])
`,
  )
  const run = await provision(['test', playbook, '--inventory', inventory(), '--suite', 'bookworm,trixie'])
  t.is(run.code, 0, run.stdout + run.stderr)
  t.deepEqual(stages(run.stdout), [...whole, ...whole], run.stdout)
  t.regex(run.stdout, /converge +[\d.]+ m?s +2 changed$/m)
})

test.serial('what changes something twice is broken, with the task; --keep leaves the hosts', async (t) => {
  t.timeout(600_000)
  const playbook = write(
    'twice.ts',
    `import { definePlaybook, play, shell } from 'hostwright'
export default definePlaybook([play({ hosts: 'web2', tasks: shell.command({ name: 'again and again', run: 'date' }) })])
`,
  )
  const run = await provision(['test', playbook, '--inventory', inventory(), '--keep'])
  t.is(run.code, 2, run.stdout + run.stderr)
  t.deepEqual(stages(run.stdout), ['ok fresh hosts', 'ok check mode', 'ok converge', 'broken converge again'])
  t.true(run.stdout.includes('converge again: a second run changed something: web2 again and again'), run.stdout)
  t.regex(run.stdout, /kept: provision lab ssh --name test-twice-bookworm/)
  t.is((await labStatus('test-twice-bookworm')).hosts.filter((host) => host.running).length, 2)
})

test.serial('bad input is told before any host is made', async (t) => {
  const rows: [string[], RegExp][] = [
    [['haproxi'], /there is no role 'haproxi'[\s\S]*Did you mean 'haproxy'\?/],
    [['haproxy', '--suite', 'buster'], /--suite buster: expected one of bookworm, trixie, sid/],
    [['app'], /role app on host1: parameter 'source' is missing/],
    [['playbooks/nope.ts'], /playbooks\/nope\.ts/],
  ]
  for (const [args, message] of rows) {
    const run = await provision(['test', ...args])
    t.not(run.code, 0, args.join(' '))
    t.regex(run.stderr + run.stdout, message)
  }
})
