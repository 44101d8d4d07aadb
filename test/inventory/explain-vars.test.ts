import { join } from 'node:path'
import test from 'ava'
import { explainConnection, explainVars } from '../../src/inventory/explain-vars.ts'
import type { LayerName } from '../../src/inventory/layers.ts'
import { openInventory } from '../../src/inventory/open-inventory.ts'
import { failureOf, makeProject } from './project.ts'

const text = `import { defineInventory } from 'hostwright'
export default defineInventory({
  user: 'admin',
  vars: {
    region: 'eu',
    demo: { workers: 1, list: ['a'] },
    whole: { x: 1 },
  },
  hosts: {
    web1: { port: 2222, vars: { demo: { gzip: true }, whole: 'text' } },
    web2: {},
  },
  groups: {
    web: {
      hosts: ['web1'],
      user: 'deploy',
      vars: { demo: { workers: 4 }, empty: {} },
    },
  },
})
`
const place = (from: LayerName) => (from.kind === 'all' ? 'all' : `${from.kind} ${from.name}`)

test('each variable tells the value, who set it, where, and what it overrides', async (t) => {
  const folder = makeProject({ 'hosts.ts': text })
  const { inventory } = await openInventory(join(folder, 'hosts.ts'))
  const rows = explainVars(inventory, 'web1').map(({ name, value, from, where, overrides }) => [
    name,
    value,
    place(from),
    where.get()?.line,
    overrides.map((entry) => [entry.value, place(entry.from)]),
  ])
  t.deepEqual(rows, [
    ['demo.gzip', true, 'host web1', 10, []],
    ['demo.list', ['a'], 'all', 6, []],
    ['demo.workers', 4, 'group web', 17, [[1, 'all']]],
    ['empty', {}, 'group web', 17, []],
    ['region', 'eu', 'all', 5, []],
    ['whole', 'text', 'host web1', 10, [[{ x: 1 }, 'all']]],
  ])
})

test('what is explained is what the host has', async (t) => {
  const folder = makeProject({ 'hosts.ts': text })
  const { inventory } = await openInventory(join(folder, 'hosts.ts'))
  for (const host of inventory.hosts) {
    const rebuilt: Record<string, unknown> = {}
    for (const { name, value } of explainVars(inventory, host.name)) {
      const [variable = '', member] = name.split('.')
      rebuilt[variable] = member ? { ...(rebuilt[variable] as object | undefined), [member]: value } : value
    }
    t.deepEqual(rebuilt, { ...host.vars })
  }
})

test('connection settings are explained the same way', async (t) => {
  const folder = makeProject({ 'hosts.ts': text })
  const { inventory } = await openInventory(join(folder, 'hosts.ts'))
  const rows = explainConnection(inventory, 'web1').map(({ name, value, from, where, overrides }) => [
    name,
    value,
    place(from),
    where.get()?.line,
    overrides.length,
  ])
  t.deepEqual(rows, [
    ['port', 2222, 'host web1', 10, 0],
    ['user', 'deploy', 'group web', 16, 1],
  ])
})

test('an unknown host is told', async (t) => {
  const folder = makeProject({ 'hosts.ts': text })
  const { inventory } = await openInventory(join(folder, 'hosts.ts'))
  t.is((await failureOf(() => explainVars(inventory, 'web3'))).message, "no host 'web3' in the inventory")
})
