// Plan and apply on real hosts: exactly what was planned, a host that moved left as it is, no secret in a plan.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { useLab } from './harness.ts'
import { encodedForms, findIn } from './leak-search.ts'
import { type CommandRun, jsonLines, provision, recapOf, root } from './provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'plan', ['web1:bookworm', 'web2:trixie'])
const directory = mkdtempSync(join(root, '.provision-test-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))

const canary = 'Canary7-plan/"&$x+%47 ü'
const extra = 'Canary8-extra/&x+%48'
const file = join(directory, 'my.plan')
const at = (name: string) => join(directory, name)
const playbook = `import { after, changed, definePlaybook, file, handler, play, role, secret, shell, systemd, v } from 'hostwright'
const note = handler(shell.command({ name: 'note it', run: 'echo noted >> /srv/noted' }))
const small = role('small', { params: { token: v.optional(v.string(), '') } }, ({ token }) => {
  const main = file.template({ src: 'note.ejs', dest: '/srv/main', vars: { token: token.length }, notify: note })
  const unit = systemd.unit({ name: 'planned.service', content: '[Service]\\nExecStart=/bin/sleep 100d\\n[Install]\\nWantedBy=multi-user.target\\n' })
  const tells = shell.command({ name: 'tells', run: 'echo told > /srv/told', creates: '/srv/told' })
  return [
    main,
    file.file({ dest: '/srv/there', content: 'there\\n' }),
    file.file({ dest: '/srv/secret', content: secret('plan.canary') }),
    file.file({ dest: '/srv/made', content: secret('plan.made') }),
    unit,
    systemd.service({ unit: 'planned', state: 'started', enabled: true }),
    shell.command({ name: 'only after a change', run: 'echo x >> /srv/count', when: changed(main) }),
    tells,
    after(tells, (result) => [
      file.file({ dest: '/srv/branch', content: 'code ' + result.code + '\\n' }),
    ]),
  ]
})
export default definePlaybook([play({ name: 'Planned', hosts: 'all', roles: [small({})] })])
`
const site = () => [at('site.ts'), '--inventory', at('hosts.ts'), '--secrets', at('secrets.json')]
const env = { PROVISION_SECRET_PLAN_CANARY: canary }
const makePlan = () => provision(['plan', ...site(), '-o', file, '-e', `small.token=${extra}`, '-vv', '--diff'], env)
const apply = () => provision(['apply', file, '--output', 'json'], env)
/** All that the playbook could touch, with contents and modes. */
const look = (host: string) =>
  lab().must(
    host,
    `find /srv -type f -printf '%p %m ' -exec sha256sum {} \\; | sort; cat /etc/systemd/system/planned.service 2>&1 || true; systemctl is-active planned || true; ls /var/lib/hostwright 2>&1 || true`,
  )
const endings = (run: CommandRun, host: string, ...statuses: string[]) =>
  jsonLines(run)
    .filter((line) => line.type === 'task:end' && line.host === host && statuses.includes(String(line.status)))
    .map((line) => (line.task as { title: string }).title)
const announced = (host: string) =>
  (JSON.parse(readFileSync(file, 'utf8')).hosts[host].tasks as { title: string; status: string }[]).filter(
    ({ status }) => status === 'changed' || status === 'unknown',
  )

test.serial('a plan touches nothing, shows what is not known yet, and holds no secret', async (t) => {
  t.timeout(180_000)
  const { status } = lab()
  const host = (name: string) =>
    `${name}: { address: '${lab().address(name)}', user: '${status.hosts.find((each) => each.name === name)?.user}' }`
  writeFileSync(
    at('hosts.ts'),
    `import { defineInventory } from 'hostwright'
export default defineInventory({
  identityFile: ${JSON.stringify(status.identityFile)}, knownHosts: ${JSON.stringify(status.knownHosts)},
  hosts: { ${host('web1')}, ${host('web2')} },
})
`,
  )
  writeFileSync(at('site.ts'), playbook)
  writeFileSync(at('note.ejs'), 'token <%= token %>\n')
  for (const name of ['web1', 'web2'])
    await lab().must(name, `printf 'there\\n' > /srv/there; printf old > /srv/secret`)
  const before = await Promise.all(['web1', 'web2'].map(look))

  const made = await makePlan()
  t.is(made.code, 0, made.stderr + made.stdout)
  t.deepEqual(await Promise.all(['web1', 'web2'].map(look)), before)
  t.is(statSync(file).mode & 0o777, 0o600)
  const statuses = Object.fromEntries(announced('web1').map((task) => [task.title, task.status]))
  t.deepEqual(statuses, {
    'small › file.template /srv/main': 'changed',
    'small › file.file /srv/secret': 'changed',
    'small › file.file /srv/made': 'changed',
    'small › systemd.unit planned.service': 'changed',
    'small › systemd.service planned': 'unknown',
    'small › only after a change': 'changed',
    'small › tells': 'changed',
    'after tells': 'unknown',
    'small › note it': 'changed',
  })
  const shown = await provision(['plan', 'show', file], env)
  t.is(shown.code, 0, shown.stderr)
  t.true(
    shown.stdout.includes('    unknown  systemd.service planned  (there is no unit planned.service on this host)\n'),
  )
  t.true(shown.stdout.includes('      +token 20\n'), shown.stdout)
  for (const [name, text] of Object.entries({
    plan: readFileSync(file, 'utf8'),
    made: made.stdout,
    shown: shown.stdout,
  }))
    t.is(findIn(text, [canary, extra].flatMap(encodedForms)), undefined, name)
})

test.serial(
  'a host that moved is left as it is and what moved is named; the other is changed as planned',
  async (t) => {
    t.timeout(180_000)
    await lab().must('web2', 'printf odd > /srv/secret')
    const before = await look('web2')
    const applied = await apply()
    t.is(applied.code, 2, applied.stderr)
    t.is(await look('web2'), before)
    const moved = jsonLines(applied).find((line) => line.type === 'task:end' && line.host === 'web2')
    t.like(moved?.task, { title: 'small › file.file /srv/secret' })
    t.like(moved?.error, {
      code: 'moved',
      message: 'the host moved since the plan was made, and nothing was changed on it',
      detail:
        'planned: would change: content differs (secret)\nnow:     something that it does not show (a content, a password) is another',
    })
    const planned = announced('web1').map(({ title }) => title)
    t.deepEqual(
      endings(applied, 'web1', 'changed').filter((title) => !planned.includes(title)),
      ['small › file.file /srv/branch'],
      'nothing but what the unknown branch brought',
    )
    t.is(
      (await lab().must('web1', 'cat /srv/main /srv/branch /srv/noted; systemctl is-active planned')).trim(),
      'token 20\ncode 0\nnoted\nactive',
    )
    t.is(await lab().must('web1', 'cat /srv/secret'), canary)
    t.is(recapOf(applied).hosts.web2?.failed, 1)
    t.is(recapOf(applied).hosts.web1?.failed, 0)

    const again = await provision([...site(), '--limit', 'web1', '-e', `small.token=${extra}`, '--output', 'json'], env)
    t.is(recapOf(again).hosts.web1?.changed, 0, endings(again, 'web1', 'changed').join(', '))
  },
)

test.serial('a plan is applied on a host once; a new plan brings the host that moved along', async (t) => {
  t.timeout(180_000)
  const before = await Promise.all(['web1', 'web2'].map(look))
  const twice = await apply()
  t.is(twice.code, 2, 'web2 still is another than planned')
  t.regex(
    String(jsonLines(twice).find((line) => line.type === 'warning')?.message),
    /^this plan was applied on it already, at .*Z: left alone$/,
  )
  t.deepEqual(await Promise.all(['web1', 'web2'].map(look)), before)

  t.is((await makePlan()).code, 0)
  t.deepEqual(announced('web1'), [])
  const applied = await apply()
  t.is(applied.code, 0, applied.stderr + applied.stdout)
  t.deepEqual(endings(applied, 'web1', 'changed'), [])
  t.is(await lab().must('web2', 'cat /srv/secret'), canary)
  t.is(await lab().must('web2', 'cat /srv/count'), 'x\n')
  const done = await apply()
  t.is(done.code, 0)
  t.regex(done.stdout, /was applied already \(web1 at .*, web2 at .*\), and a plan is applied once: nothing done\./)
  t.is(await lab().must('web2', 'cat /srv/count'), 'x\n')
})

test.serial('a plan of files that were edited since touches no host', async (t) => {
  t.timeout(180_000)
  await lab().must('web1', 'rm /srv/main')
  t.is((await makePlan()).code, 0)
  const before = await look('web1')
  writeFileSync(at('note.ejs'), 'token: <%= token %>\n')
  writeFileSync(at('site.ts'), `${playbook}// edited\n`)
  const refused = await apply()
  t.is(refused.code, 1)
  t.regex(
    refused.stderr,
    /does not fit any more: \.provision-test-\w+\/note\.ejs changed, \.provision-test-\w+\/site\.ts changed\n/,
  )
  t.is(await look('web1'), before)
})
