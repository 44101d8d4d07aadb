import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { defineInventory, type InventoryEntry } from '../../src/core/inventory.ts'
import { differencesOf, type Project, readProject } from '../../src/fleet/project.ts'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'

const files = {
  'package.json': '{}',
  'playbooks/site.ts': 'site',
  'roles/web/web.ts': 'web',
  'roles/web/files/motd': 'hello',
  'templates/web.conf.ejs': 'conf',
  'node_modules/x/index.js': 'x',
  '.provision/secrets.json': '{"a":"b"}',
  'README.md': 'read me',
}

function project(
  changes: Record<string, string> = {},
  entry: InventoryEntry = { hosts: { web1: {} } },
  more: { extraVars?: object; version?: string } = {},
): Project {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'hostwright-project-')))
  for (const [name, content] of Object.entries({ ...files, ...changes })) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return readProject({
    playbook: join(root, 'playbooks/site.ts'),
    inputs: [join(root, 'playbooks/site.ts'), join(root, 'roles/web/web.ts')],
    hosts: resolveInventory(defineInventory(entry)).hosts,
    extraVars: { ...more.extraVars },
    version: more.version ?? '1.0.0',
  })
}

const plain = project()

test('two checkouts of the same project in different places are the same', (t) => {
  t.is(project().digest, plain.digest)
  t.not(project().root, plain.root)
})

test('it holds modules, what lies beside them, and the templates above them; no secrets, packages or bystanders', (t) => {
  t.deepEqual(Object.keys(plain.parts).sort(), [
    '(the values of inventory and --extra-vars)',
    '(the version of hostwright)',
    'playbooks/site.ts',
    'roles/web/files/motd',
    'roles/web/web.ts',
    'templates/web.conf.ejs',
  ])
})

for (const name of ['playbooks/site.ts', 'roles/web/web.ts', 'roles/web/files/motd', 'templates/web.conf.ejs']) {
  test(`a change of ${name} makes another project, and is named`, (t) => {
    const other = project({ [name]: 'other' })
    t.not(other.digest, plain.digest)
    t.deepEqual(differencesOf(plain.parts, other.parts), [`${name}: differs`])
  })
}

test('files that only one side has are named so', (t) => {
  const other = project({ 'templates/more.ejs': '' })
  t.deepEqual(differencesOf(plain.parts, other.parts), ['templates/more.ejs: only there'])
  t.deepEqual(differencesOf(other.parts, plain.parts), ['templates/more.ejs: only here'])
})

test('values and version count', (t) => {
  const values = ['(the values of inventory and --extra-vars): differs']
  t.deepEqual(differencesOf(plain.parts, project({}, { hosts: { web1: { vars: { size: 1 } } } }).parts), values)
  t.deepEqual(differencesOf(plain.parts, project({}, undefined, { extraVars: { web: { size: 1 } } }).parts), values)
  t.deepEqual(differencesOf(plain.parts, project({}, undefined, { version: '2.0.0' }).parts), [
    '(the version of hostwright): differs',
  ])
})

test('known hosts that lie beside the modules do not count', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'hostwright-project-'))
  for (const name of ['site.ts', 'known_hosts']) writeFileSync(join(root, name), '')
  const inventory = resolveInventory(defineInventory({ hosts: { a: { knownHosts: join(root, 'known_hosts') } } }))
  const playbook = join(root, 'site.ts')
  const { parts } = readProject({ playbook, inputs: [playbook], hosts: inventory.hosts, extraVars: {}, version: '1' })
  t.deepEqual(
    Object.keys(parts).filter((name) => !name.startsWith('(')),
    ['site.ts'],
  )
})

test('how this machine logs in does not count', (t) => {
  const entry = { hosts: { web1: { identityFile: '/home/me/key', knownHosts: '/x', becomePassword: 'hush-hush' } } }
  t.is(project({}, entry).digest, plain.digest)
})
