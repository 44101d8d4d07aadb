// Plan and apply from the command line, on this machine as the one host.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ava from 'ava'
import { localSite, provision } from './stand-in.ts'

// the agent reads /proc
const test = process.platform === 'linux' ? ava : ava.skip

const tasks = `
  file.file({ dest: folder + 'one', content: 'one\\n' }),
  file.file({ dest: folder + 'two', content: 'two\\n' }),
  shell.command({ name: 'a command', run: 'echo x >> ' + folder + 'log' }),`
const here = ['--limit', 'here']

test('a plan says what would change and changes nothing; apply does it, once', async (t) => {
  const cwd = localSite(t, tasks)
  writeFileSync(join(cwd, 'one'), 'one\n')
  const made = await provision(['plan', ...here], { cwd })
  t.is(made.code, 0, made.stderr)
  t.true(made.stdout.includes('site.plan: 1 host: 2 would change, 0 unknown, 1 stay as they are\n'), made.stdout)
  t.false(existsSync(join(cwd, 'two')))
  t.is(statSync(join(cwd, 'site.plan')).mode & 0o777, 0o600)
  t.is(statSync(join(cwd, '.provision/plan.key')).mode & 0o777, 0o600)

  const shown = await provision(['plan', 'show'], { cwd })
  t.is(shown.code, 0, shown.stderr)
  t.true(shown.stdout.startsWith('playbooks/site.ts on inventory/hosts.ts\nlimit here\nmade '), shown.stdout)
  t.true(
    shown.stdout.endsWith(`
here
  Local
    change   file.file ${cwd}/two  (absent → present)
      --- ${cwd}/two (now)
      +++ ${cwd}/two (wished)
      @@ -0,0 +1,1 @@
      +two
    change   a command  (run echo x >> ${cwd}/log)

1 host: 2 would change, 0 unknown, 1 stay as they are
`),
    shown.stdout,
  )
  const json = JSON.parse((await provision(['plan', 'show', '--output', 'json'], { cwd })).stdout)
  t.deepEqual(
    json.hosts.here.tasks.map((task: { status: string }) => task.status),
    ['ok', 'changed', 'changed'],
  )
  t.is(json.version, 1)
  t.is(json.sealedVars, undefined)

  const applied = await provision(['apply'], { cwd })
  t.is(applied.code, 0, applied.stderr + applied.stdout)
  t.is(readFileSync(join(cwd, 'two'), 'utf8'), 'two\n')
  t.is(readFileSync(join(cwd, 'log'), 'utf8'), 'x\n')
  t.regex(applied.stdout, /nothing failed|2 changed/)

  const again = await provision(['apply'], { cwd })
  t.is(again.code, 0)
  t.regex(
    again.stdout,
    /^site\.plan was applied already \(here at \d{4}-.*Z\), and a plan is applied once: nothing done\. A new one: provision plan -o site\.plan\n$/,
  )
  t.is(readFileSync(join(cwd, 'log'), 'utf8'), 'x\n')
})

test('a host that moved is left as it is, and what moved is named', async (t) => {
  const cwd = localSite(t, tasks)
  t.is((await provision(['plan', ...here], { cwd })).code, 0)
  writeFileSync(join(cwd, 'one'), 'one\n')
  writeFileSync(join(cwd, 'two'), 'mine\n')
  const refused = await provision(['apply'], { cwd })
  t.is(refused.code, 2)
  for (const line of [
    '✗ here · file.file ',
    'the host moved since the plan was made, and nothing was changed on it',
    'planned: would change: absent → present',
    'now:     nothing to do: content and attributes match',
    'now:     would change: content differs',
    'Make a new plan and look at it: provision plan',
  ])
    t.true(refused.stdout.includes(line), `${line}\n${refused.stdout}`)
  t.false(existsSync(join(cwd, 'log')))
  t.is(readFileSync(join(cwd, 'two'), 'utf8'), 'mine\n')
})

test('a plan is refused when a file it rests on is another, or is there now and was not', async (t) => {
  const cwd = localSite(t, "file.template({ src: 'note.ejs', dest: folder + 'note', vars: {} })")
  const template = join(cwd, 'playbooks/note.ejs')
  writeFileSync(template, 'a note\n')
  t.is((await provision(['plan', ...here], { cwd })).code, 0)
  const refused = async (why: string) => {
    const apply = await provision(['apply'], { cwd })
    t.is(apply.code, 1)
    t.is(apply.stderr, `✗ the plan site.plan does not fit any more: ${why}\n\n  Try: provision plan -o site.plan\n`)
  }
  writeFileSync(template, 'another note\n')
  await refused('playbooks/note.ejs changed')
  const playbook = join(cwd, 'playbooks/site.ts')
  const before = readFileSync(playbook, 'utf8')
  writeFileSync(playbook, `${before}// a comment\n`)
  await refused('playbooks/note.ejs changed, playbooks/site.ts changed')
  writeFileSync(playbook, before)
  rmSync(template)
  await refused('playbooks/note.ejs is gone')
  writeFileSync(template, 'a note\n')
  t.is((await provision(['apply'], { cwd })).code, 0)
  t.is(readFileSync(join(cwd, 'note'), 'utf8'), 'a note\n')
})

test('a plan is refused when the inventory comes out otherwise or a secret is another', async (t) => {
  const cwd = localSite(t, "file.file({ dest: folder + 'note', content: secret('canary') })")
  const edit = (name: string, from: string, to: string) =>
    writeFileSync(join(cwd, name), readFileSync(join(cwd, name), 'utf8').replace(from, to))
  edit('playbooks/site.ts', '{ definePlaybook,', '{ definePlaybook, secret,')
  edit('inventory/hosts.ts', 'defineInventory({', 'defineInventory({ vars: { kind: process.env.PLAN_TEST_KIND },')
  const secretOf = (value: string) => ({ cwd, env: { PROVISION_SECRET_CANARY: value } })
  t.teardown(() => delete process.env.PLAN_TEST_KIND)
  process.env.PLAN_TEST_KIND = 'one'
  t.is((await provision(['plan', ...here], secretOf('canary-7d1f0c'))).code, 0)
  const another = await provision(['apply'], secretOf('canary-000000'))
  t.is(another.code, 1)
  t.true(another.stderr.includes('does not fit any more: the secret canary is another\n'), another.stderr)
  t.false(existsSync(join(cwd, 'note')))
  process.env.PLAN_TEST_KIND = 'two'
  const otherwise = await provision(['apply'], secretOf('canary-7d1f0c'))
  t.is(otherwise.code, 1)
  t.true(otherwise.stderr.includes('the inventory came out otherwise'), otherwise.stderr)
})

test('a plan that is edited, cut off, of another version or of another project is refused by name', async (t) => {
  const cwd = localSite(t, tasks)
  t.is((await provision(['plan', ...here, '-o', 'my.plan'], { cwd })).code, 0)
  const file = join(cwd, 'my.plan')
  const good = readFileSync(file, 'utf8')
  const key = readFileSync(join(cwd, '.provision/plan.key'), 'utf8')
  const refused = async (text: string, why: string) => {
    writeFileSync(file, text)
    for (const command of [['apply'], ['plan', 'show']]) {
      const { code, stderr } = await provision([...command, 'my.plan'], { cwd })
      t.is(code, 1)
      t.true(stderr.startsWith(`✗ the plan my.plan ${why}\n`), stderr)
    }
  }
  await refused(
    good.replace('absent → present', 'absent → nothing'),
    'was edited or damaged after it was made: its signature does not fit',
  )
  await refused(
    good.replace('"id": "', '"id": "0'),
    'was edited or damaged after it was made: its signature does not fit',
  )
  await refused(good.slice(0, good.length / 2), 'is truncated or damaged: it is no whole JSON')
  await refused('', 'is empty')
  await refused('{}', 'is no plan of provision plan')
  await refused('hosts', 'is no plan: it is no JSON')
  await refused(good.replace('"version": 1', '"version": 2'), 'has the format version 2, expected 1')
  await refused(
    good.replace('"hostwright": "', '"hostwright": "9.'),
    `was made by hostwright "9.${JSON.parse(good).hostwright}", expected ${JSON.parse(good).hostwright}, which is running`,
  )
  writeFileSync(join(cwd, '.provision/plan.key'), `${'0'.repeat(64)}\n`)
  await refused(good, "was made with another plan key than this project's")
  rmSync(join(cwd, '.provision/plan.key'))
  await refused(good, "was made with another plan key than this project's, which has none")
  writeFileSync(join(cwd, '.provision/plan.key'), key)
  rmSync(file)
  const missing = await provision(['apply', 'my.plan'], { cwd })
  t.is(missing.stderr, '✗ the plan my.plan is not there\n\n  Try: provision plan -o my.plan\n')
  t.false(existsSync(join(cwd, 'log')))
})

test('a plan is written over a plan and over nothing else', async (t) => {
  const cwd = localSite(t, tasks)
  const refused = await provision(['plan', ...here, '-o', 'playbooks/site.ts'], { cwd })
  t.is(refused.code, 1)
  t.is(refused.stderr, '✗ --out playbooks/site.ts: a file that is no plan is there; expected an old plan or none\n')
  t.is((await provision(['plan', ...here], { cwd })).code, 0)
  t.is((await provision(['plan', ...here, '--detailed-exitcode'], { cwd })).code, 4)
  const nowhere = await provision(['plan', ...here, '-o', 'no/such/folder.plan'], { cwd })
  t.is(nowhere.stderr, `✗ --out no/such/folder.plan: the folder ${cwd}/no/such is not there\n`)
})

test('a plan without any host that could be planned does nothing, and that is no success', async (t) => {
  const cwd = localSite(t, tasks)
  t.is((await provision(['plan', '--limit', 'gone'], { cwd })).code, 3)
  const { code, stdout } = await provision(['apply'], { cwd })
  t.is(code, 2)
  t.is(stdout, 'site.plan has no host that could be planned: nothing done. A new one: provision plan -o site.plan\n')
})

test('a mistyped command of plan is no playbook', async (t) => {
  const { code, stderr } = await provision(['plan', 'shwo'], { cwd: localSite(t, tasks) })
  t.is(code, 1)
  t.true(stderr.startsWith("error: unknown command 'shwo'\n(Did you mean show?)\n"), stderr)
})

test('extra vars are applied as planned and can be read in no file', async (t) => {
  const cwd = localSite(t, '')
  writeFileSync(
    join(cwd, 'playbooks/site.ts'),
    `import { definePlaybook, file, play, role, v } from 'hostwright'
const folder = new URL('..', import.meta.url).pathname
const r = role('r', { params: { token: v.optional(v.string(), 'none') } }, ({ token }) => [
  file.file({ dest: folder + 'token', content: 'token: ' + token + '\\n' }),
])
export default definePlaybook([play({ name: 'Local', hosts: 'all', roles: [r({})] })])
`,
  )
  t.is((await provision(['plan', ...here, '-e', 'r.token=extra-93ab'], { cwd })).code, 0)
  t.notRegex(readFileSync(join(cwd, 'site.plan'), 'utf8'), /extra-93ab/)
  const shown = await provision(['plan', 'show'], { cwd })
  t.true(shown.stdout.includes('\nextra vars r.token\n'), shown.stdout)
  t.true(shown.stdout.includes('      +token: ‹secret›\n'), shown.stdout)
  t.is((await provision(['apply'], { cwd })).code, 0)
  t.is(readFileSync(join(cwd, 'token'), 'utf8'), 'token: extra-93ab\n')
})

test('a file whose text is not shown moves a host too, and a secret of it is not in the plan', async (t) => {
  const cwd = localSite(t, "file.file({ dest: folder + 'note', content: secret('canary') })")
  const playbook = join(cwd, 'playbooks/site.ts')
  writeFileSync(playbook, readFileSync(playbook, 'utf8').replace('{ definePlaybook,', '{ definePlaybook, secret,'))
  const env = { PROVISION_SECRET_CANARY: 'canary-7d1f0c' }
  writeFileSync(join(cwd, 'note'), 'old')
  t.is((await provision(['plan', ...here], { cwd, env })).code, 0)
  t.notRegex(readFileSync(join(cwd, 'site.plan'), 'utf8'), /canary-7d1f0c/)
  writeFileSync(join(cwd, 'note'), 'odd')
  const refused = await provision(['apply'], { cwd, env })
  t.is(refused.code, 2)
  t.true(
    refused.stdout.includes('now:     something that it does not show (a content, a password) is another'),
    refused.stdout,
  )
  writeFileSync(join(cwd, 'note'), 'old')
  t.is((await provision(['apply'], { cwd, env })).code, 0)
  t.is(readFileSync(join(cwd, 'note'), 'utf8'), 'canary-7d1f0c')
})

test('a task that the plan calls unchanged changes nothing, whatever an earlier task did', async (t) => {
  const cwd = localSite(
    t,
    `shell.command({ name: 'spoil', run: 'echo spoilt > ' + folder + 'one' }),
  file.file({ dest: folder + 'one', content: 'one\\n' }),
  file.file({ dest: folder + 'two', content: 'two\\n' }),`,
  )
  writeFileSync(join(cwd, 'one'), 'one\n')
  t.is((await provision(['plan', ...here], { cwd })).code, 0)
  const apply = await provision(['apply', '--output', 'json'], { cwd })
  t.is(apply.code, 2)
  t.is(readFileSync(join(cwd, 'one'), 'utf8'), 'spoilt\n')
  t.false(existsSync(join(cwd, 'two')))
  const ends = apply.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const failed = ends.find((line) => line.type === 'task:end' && line.status === 'failed')
  t.is(failed.error.code, 'moved')
  t.is(failed.error.message, 'the plan does not say that this task changes something, and now it would: left as it is')
  // half done is not done: it is not taken for applied
  t.true((await provision(['apply'], { cwd })).stdout.includes('the host moved since the plan was made'))
})

test('a host that cannot be planned is named and left alone, the other is done', async (t) => {
  const cwd = localSite(t, tasks)
  const made = await provision(['plan'], { cwd })
  t.is(made.code, 3, made.stderr)
  t.true(made.stdout.includes('; not planned: gone (unreachable)\n'), made.stdout)
  const applied = await provision(['apply'], { cwd })
  t.is(applied.code, 2)
  t.true(applied.stdout.includes('not in the plan: the host was unreachable when it was made'), applied.stdout)
  t.is(readFileSync(join(cwd, 'log'), 'utf8'), 'x\n')
})
