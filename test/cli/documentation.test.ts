// What TSDoc says of resources and roles, whole: what `provision doc` prints is made of it. Every example is type-checked and loads.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test from 'ava'
import * as roles from '../../roles/index.ts'
import { collectDocumentation } from '../../scripts/documentation.ts'
import { type EntryDoc, firstSentence } from '../../src/cli/documentation.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const entries = await collectDocumentation()
const named = (name: string): EntryDoc => {
  const found = entries.find((entry) => entry.name === name)
  if (!found) throw new Error(`no ${name}`)
  return found
}

test('all public resources and roles are documented, each once', (t) => {
  const names = entries.map(({ name, kind }) => `${kind} ${name}`)
  t.is(new Set(names).size, names.length)
  t.deepEqual(
    entries.filter(({ kind }) => kind === 'role').map(({ name }) => name),
    [
      'app',
      'backup',
      'base',
      'dbcheck',
      'exporters',
      'firewall',
      'floods',
      'haproxy',
      'hardening',
      'keepalived',
      'letsencrypt',
      'logging',
      'monitoring',
      'mysql',
      'nginx',
    ],
  )
  for (const name of ['apt.package', 'file.template', 'sshd.config', 'user', 'wait.port']) t.truthy(named(name))
})

for (const entry of entries) {
  test(`${entry.kind} ${entry.name} has a summary, an example, and a word on each option and result`, (t) => {
    t.true(firstSentence(entry.text).length > 10)
    t.not(entry.examples.length, 0)
    t.deepEqual(
      [...entry.options, ...entry.returns].filter(({ text }) => text === '').map(({ name }) => name),
      [],
    )
    for (const { name, type } of entry.options) t.notRegex(type, /undefined|^$/, name)
  })
}

test('options have their type, default and whether they are required', (t) => {
  const option = (entry: string, name: string) => named(entry).options.find((one) => one.name === name)
  t.like(option('apt.package', 'pkg'), { type: 'string | string[]', required: true })
  t.like(option('apt.package', 'state'), {
    type: "'present' | 'latest' | 'absent' | 'purged'",
    required: false,
    default: "'present'",
  })
  t.like(option('file.template', 'mode'), { type: "'0644'", required: false })
  t.like(option('haproxy', 'mode'), { type: "'active-active' | 'active-passive'", default: "'active-active'" })
  t.like(option('ufw.ruleset', 'rules.port'), { required: false })
  t.like(option('base', 'admins.keys'), { type: 'string[]', required: true })
})

test('every example type-checks, and loads', async (t) => {
  t.timeout(300_000)
  const folder = mkdtempSync(join(root, '.provision-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const key = `AAAA${'B'.repeat(64)}`
  const bodies = entries.flatMap(({ name, kind, examples }) =>
    examples.map((example) => {
      const text = example.replaceAll('AAAA…', key)
      // a role's example may use other roles, which may have the name of a group of resources
      const used = Object.keys(roles).filter((role) => role === name || new RegExp(`\\b${role}\\(`).test(text))
      const own = kind === 'role' ? `const { ${used.join(', ')} } = roles\n` : ''
      return /^const /.test(text) ? `{\n${own}${text}\n}` : `{\n${own}void (${text})\n}`
    }),
  )
  const file = join(folder, 'examples.ts')
  writeFileSync(
    file,
    `import * as all from 'hostwright'
import * as roles from 'hostwright/roles'
const { acme, apt, archive, assert, authorizedKey, cron, file, git, group, handler, haproxy, hostname, hosts, mysql, play, release, secret, secretText, shell, silent, sshd, sysctl, systemd, tls, ufw, user, wait } = all
const reload = handler(systemd.service({ unit: 'nginx', state: 'reloaded' }))
const restart = handler(systemd.service({ unit: 'app', state: 'restarted' }))
const peers = [{ name: 'web1', address: '192.0.2.11' }]
const unitText = '[Service]\\nExecStart=/bin/true\\n'
${bodies.join('\n')}
`,
  )
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../tsconfig.json',
      compilerOptions: { noEmit: true, noUnusedLocals: false },
      include: ['examples.ts'],
      exclude: [],
    }),
  )
  const { stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    encoding: 'utf8',
  })
  t.is(stdout, '')
  await t.notThrowsAsync(import(pathToFileURL(file).href))
})
