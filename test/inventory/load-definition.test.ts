import { join } from 'node:path'
import test from 'ava'
import { loadInventory, loadPlaybook } from '../../src/inventory/load-definition.ts'
import { openInventory } from '../../src/inventory/open-inventory.ts'
import { failureOf, makeProject, type Seen } from './project.ts'

const imports = `import { defineInventory, definePlaybook, play, role } from 'hostwright'\n`
const inventory = `defineInventory({ hosts: { web1: {} } })`
const playbook = `definePlaybook([play({ hosts: 'all' })])`

for (const [title, text] of [
  ['a value', `export default ${inventory}`],
  ['a promise', `export default Promise.resolve(${inventory})`],
  ['a function', `export default () => ${inventory}`],
  ['an async function', `export default async function hosts() { return ${inventory} }`],
  ['a name', `const hosts = ${inventory}\nexport { hosts as default }`],
] as const) {
  test(`an inventory may be exported as ${title}`, async (t) => {
    const folder = makeProject({ 'hosts.ts': imports + text })
    const { inventory: opened, file, inputs } = await openInventory(join(folder, 'hosts.ts'))
    t.deepEqual(
      opened.hosts.map((host) => host.name),
      ['web1'],
    )
    t.deepEqual([file, inputs], [join(folder, 'hosts.ts'), [join(folder, 'hosts.ts')]])
  })
}

test('a playbook is loaded the same way', async (t) => {
  const folder = makeProject({ 'site.ts': `${imports}export default async () => ${playbook}` })
  const { definition } = await loadPlaybook(join(folder, 'site.ts'))
  t.deepEqual(
    definition.plays.map((play) => play.hosts),
    ['all'],
  )
})

const failures: readonly (readonly [kind: 'inventory' | 'playbook', text: string, expected: Seen])[] = [
  [
    'inventory',
    'export const x = 1',
    {
      message: 'file.ts has no default export, expected an inventory',
      where: 'file.ts:1:1',
      hint: 'Write export default defineInventory({ … }).',
    },
  ],
  [
    'inventory',
    `${imports}export const hosts = ${inventory}`,
    {
      message: 'file.ts has no default export, expected an inventory',
      where: 'file.ts:1:1',
      hint: 'Write export default hosts.',
    },
  ],
  [
    'playbook',
    '',
    {
      message: 'file.ts has no default export, expected a playbook',
      where: 'file.ts:1:1',
      hint: 'Write export default definePlaybook([ … ]).',
    },
  ],
  [
    'inventory',
    `export default ${playbook}`,
    {
      message: 'file.ts exports a playbook, expected an inventory',
      where: 'file.ts:2:1',
      hint: 'Give it as the playbook: provision FILE --inventory HOSTS',
    },
  ],
  [
    'playbook',
    `export default async () => ${inventory}`,
    {
      message: 'file.ts exports an inventory, expected a playbook',
      where: 'file.ts:2:1',
      hint: 'Give it as the inventory: --inventory FILE',
    },
  ],
  [
    'playbook',
    `export default [play({ hosts: 'all' })]`,
    {
      message: 'file.ts exports a list of plays, expected a playbook',
      where: 'file.ts:2:1',
      hint: 'Wrap it: export default definePlaybook([ … ]).',
    },
  ],
  [
    'playbook',
    `export default play({ hosts: 'all' })`,
    {
      message: 'file.ts exports a play, expected a playbook',
      where: 'file.ts:2:1',
      hint: 'Wrap it: export default definePlaybook([ … ]).',
    },
  ],
  [
    'playbook',
    `export default role('x', () => [])`,
    { message: 'file.ts exports a role, expected a playbook', where: 'file.ts:2:1' },
  ],
  [
    'inventory',
    `export default { hosts: {} }`,
    {
      message: 'file.ts exports an object, expected an inventory',
      where: 'file.ts:2:1',
      hint: 'Wrap it: export default defineInventory({ … }).',
    },
  ],
  [
    'inventory',
    `export default () => undefined`,
    { message: 'file.ts exports undefined, expected an inventory', where: 'file.ts:2:1' },
  ],
  [
    'inventory',
    `export default async () => {\n  const response = { json: undefined as any }\n  return response.json.hosts\n}`,
    {
      message: "file.ts threw TypeError: Cannot read properties of undefined (reading 'hosts')",
      where: 'file.ts:4:24',
      detail:
        '  3 |   const response = { json: undefined as any }\n> 4 |   return response.json.hosts\n    |                        ^\n  5 | }',
    },
  ],
]
for (const [kind, text, expected] of failures) {
  test(`as ${kind}: ${text.replace(imports, '') || 'an empty file'}`, async (t) => {
    const folder = makeProject({
      'file.ts': text.startsWith('import') || !text.includes('export default') ? text : imports + text,
    })
    const load = kind === 'inventory' ? loadInventory : loadPlaybook
    const { detail, ...seen } = await failureOf(() => load(join(folder, 'file.ts')), folder)
    t.deepEqual(expected.detail ? { ...seen, detail } : seen, { code: kind, ...expected } as never)
  })
}
