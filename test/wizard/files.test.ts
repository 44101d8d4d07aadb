// The files as a person would have written them: formatted, type-checking against the package, understood by the command.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { type Answers, checkAnswers, defaultAnswers, usualHosts } from '../../src/wizard/answers.ts'
import { filesFor, type ProjectContext } from '../../src/wizard/files.ts'
import { planFiles } from '../../src/wizard/plan.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const context: ProjectContext = { name: 'My Site', hostwright: '^0.1.0', sample: { 'server.js': '// app\n' } }

const servers = (topology: Answers['topology'], more: object = {}): Answers =>
  checkAnswers(
    {
      ...defaultAnswers,
      where: 'servers',
      topology,
      hosts: usualHosts(topology).map((host, index) => ({ ...host, address: `192.0.2.${index + 1}`, user: 'admin' })),
      ...more,
    },
    'test',
  )
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB ann's key"
const kinds: Record<string, Answers> = {
  'active-active': servers('active-active'),
  'active-passive, a git app, an e-mail': servers('active-passive', {
    app: { git: 'https://example.com/a.git', version: 'v1' },
    letsencrypt: { directory: 'production', email: 'ops@example.com' },
  }),
  'extra replica, admins': servers('extra-replica', {
    admins: [
      { name: 'ann', keys: [key] },
      { name: 'bob', keys: [key, key] },
    ],
  }),
  'tiers, no firewall, a folder, odd hosts': servers('tiers', {
    firewall: false,
    app: { directory: "../it's" },
    hosts: usualHosts('tiers').map((host, index) => ({
      ...host,
      name: `${index}-a`,
      address: '2001:db8::1',
      port: 2222,
      ...(index === 1 && { user: 'x' }),
      identityFile: '~/.ssh/id',
    })),
  }),
  'roles placed by hand, an absolute folder': servers('own', {
    app: { directory: '/srv/my app' },
    placement: { lb: ['lb1'], web: ['lb1'], app: ['web1'], db: ['web2'] },
  }),
}

function project(t: ExecutionContext, answers: Answers): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-wizard-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of filesFor(answers, context)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/hostwright'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  return folder
}

for (const [title, answers] of Object.entries({
  ...kinds,
  lab: defaultAnswers,
  Vagrant: { ...defaultAnswers, where: 'vagrant' as const },
})) {
  test.serial(`${title}: the files type-check, strictly, and are formatted`, async (t) => {
    t.timeout(60_000)
    const folder = project(t, answers)
    await t.notThrowsAsync(
      run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) =>
        Promise.reject(new Error(error.stdout)),
      ),
    )
    for (const path of ['inventory/hosts.ts', 'playbooks/site.ts', 'playbooks/deploy.ts']) {
      const text = readFileSync(join(folder, path), 'utf8')
      const format = run(join(root, 'node_modules/.bin/biome'), ['format', `--stdin-file-path=src/${path}`], {
        cwd: root,
      })
      format.child.stdin?.end(text)
      t.is((await format).stdout, text)
    }
  })
}

for (const [title, answers] of Object.entries(kinds)) {
  test.serial(`${title}: the command lists its tasks`, async (t) => {
    t.timeout(60_000)
    const folder = project(t, answers)
    const { stdout } = await run(process.execPath, [join(root, 'bin/provision.js'), '--list-tasks'], { cwd: folder })
    for (const role of ['base', 'nginx', 'haproxy', 'letsencrypt', ...(answers.firewall ? ['firewall'] : [])])
      t.regex(stdout, new RegExp(`${role} › `))
    if (!answers.firewall) t.false(stdout.includes('firewall ›'))
    const args = [join(root, 'bin/provision.js'), 'playbooks/deploy.ts', '--list-tasks']
    const deploy = await run(process.execPath, args, { cwd: folder })
    t.regex(deploy.stdout, /app › release\.deploy/)
  })
}

test('the type-check would find a misspelt parameter', async (t) => {
  const folder = project(t, kinds['active-active'] ?? defaultAnswers)
  const file = join(folder, 'inventory/hosts.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replace("balance: 'roundrobin'", "balance: 'rundrobin'"))
  const error = await t.throwsAsync<Error & { stdout: string }>(
    run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]),
  )
  t.regex(error?.stdout ?? '', /rundrobin/)
})

test('a project that has a package.json and a .gitignore gets what they lack; its own tsconfig.json stays', (t) => {
  const present: Record<string, string> = {
    'package.json': '{"name":"mine","dependencies":{"left":"1"}}',
    '.gitignore': 'dist',
    'tsconfig.json': '{}',
  }
  const plans = planFiles(defaultAnswers, undefined, context, (path) => present[path])
  const after = (path: string) => plans.find((plan) => plan.path === path)?.after
  t.deepEqual(JSON.parse(after('package.json') ?? ''), {
    name: 'mine',
    dependencies: { hostwright: '^0.1.0', left: '1' },
    type: 'module',
  })
  t.is(after('.gitignore'), 'dist\nnode_modules/\n.provision/\n')
  t.is(after('tsconfig.json'), '{}')
})

test('an inventory of somebody else is a conflict, never overwritten', (t) => {
  const plans = planFiles(defaultAnswers, undefined, context, (path) =>
    path === 'inventory/hosts.ts' ? 'mine' : undefined,
  )
  t.deepEqual(
    plans.filter(({ kind }) => kind === 'conflict').map(({ path }) => path),
    ['inventory/hosts.ts'],
  )
})
