import { join } from 'node:path'
import test from 'ava'
import { defineInventory, type InventoryEntry } from '../../src/core/inventory.ts'
import { secret } from '../../src/core/secret.ts'
import { openInventory } from '../../src/inventory/open-inventory.ts'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'
import { failureOf, makeProject, type Seen } from './project.ts'

const resolve = (entry: InventoryEntry) => resolveInventory(defineInventory(entry))
const names = (hosts: readonly { readonly name: string }[]) => hosts.map((host) => host.name)

test('a host without anything is reached by its name', (t) => {
  const { hosts } = resolve({ hosts: { 'web1.example.org': {} } })
  t.like(hosts[0], { name: 'web1.example.org', groups: ['all'], connection: { address: 'web1.example.org' }, vars: {} })
})

test('settings and variables come from the inventory, then its groups, then the host', (t) => {
  const inventory = resolve({
    user: 'admin',
    port: 22,
    vars: { a: 'all', b: 'all', c: 'all' },
    hosts: { web1: { port: 2222, vars: { c: 'host' } }, web2: { vars: { b: undefined } } },
    groups: { web: { hosts: ['web1', 'web2'], user: 'deploy', vars: { b: 'group', c: 'group' } } },
  })
  t.like(inventory.host('web1').connection, { user: 'deploy', port: 2222 })
  t.deepEqual({ ...inventory.host('web1').vars }, { a: 'all', b: 'group', c: 'host' })
  t.like(inventory.host('web2').connection, { user: 'deploy', port: 22 })
  t.deepEqual({ ...inventory.host('web2').vars }, { a: 'all', b: 'group', c: 'group' })
})

test('the members of an object are merged one by one, lists and deeper objects are replaced', (t) => {
  const { hosts } = resolve({
    vars: { demo: { workers: 1, sites: ['a', 'b'], tls: { min: '1.2', hsts: true } }, list: [1, 2], whole: { x: 1 } },
    hosts: { a: { vars: { demo: { gzip: true, workers: undefined }, whole: 'text' } } },
    groups: { g: { hosts: ['a'], vars: { demo: { sites: ['c'], tls: { min: '1.3' } }, list: [3] } } },
  })
  t.deepEqual(
    { ...hosts[0]?.vars },
    { demo: { workers: 1, sites: ['c'], tls: { min: '1.3' }, gzip: true }, list: [3], whole: 'text' },
  )
})

test('secrets and instances of classes are replaced, never merged', (t) => {
  const password = secret('db')
  const { hosts } = resolve({
    vars: { db: secret('other'), since: new Date(1), url: { x: 1 } },
    hosts: { a: { vars: { db: password, since: new Date(2), url: new URL('http://a.example') } } },
  })
  t.is(hosts[0]?.vars.db, password)
  t.deepEqual(hosts[0]?.vars.since, new Date(2))
  t.true(hosts[0]?.vars.url instanceof URL)
})

test('an inner group is stronger than the group around it, however they are written', (t) => {
  for (const groups of [
    {
      inner: { hosts: ['a'], vars: { x: 'inner' } },
      middle: { groups: ['inner'], vars: { x: 'middle' } },
      outer: { groups: ['middle'], vars: { x: 'outer', y: 1 } },
    },
    {
      outer: { groups: ['middle'], vars: { x: 'outer', y: 1 } },
      middle: { groups: ['inner'], vars: { x: 'middle' } },
      inner: { hosts: ['a'], vars: { x: 'inner' } },
    },
  ]) {
    const host = resolve({ hosts: { a: {} }, groups }).host('a')
    t.deepEqual({ ...host.vars }, { x: 'inner', y: 1 })
    t.deepEqual(host.groups, ['all', 'outer', 'middle', 'inner'])
  }
})

test('of groups side by side, the one written later is stronger', (t) => {
  const groups = { web: { hosts: ['a'], vars: { x: 'web' } }, db: { hosts: ['a'], vars: { x: 'db' } } }
  t.is(resolve({ hosts: { a: {} }, groups }).host('a').vars.x, 'db')
  t.is(resolve({ hosts: { a: {} }, groups: { db: groups.db, web: groups.web } }).host('a').vars.x, 'web')
})

test('a host may come into a group by several ways', (t) => {
  const inventory = resolve({
    hosts: { c: {}, a: {}, b: {} },
    groups: { web: ['a', 'b'], db: ['b'], both: { groups: ['web', 'db'], hosts: ['a'] }, none: [] },
  })
  t.deepEqual(names(inventory.group('both')), ['a', 'b'])
  t.deepEqual(inventory.host('b').groups, ['all', 'both', 'web', 'db'])
  t.deepEqual(names(inventory.group('none')), [])
  t.deepEqual(names(inventory.group('all')), ['c', 'a', 'b'])
  t.deepEqual([inventory.hasGroup('db'), inventory.hasGroup('all'), inventory.hasGroup('a')], [true, true, false])
})

test('paths of keys and known hosts are meant from the folder of the inventory', async (t) => {
  const folder = makeProject({
    'inventory/hosts.ts': `import { defineInventory } from 'hostwright'
export default defineInventory({ identityFile: '~/.ssh/id', hosts: { a: { identityFile: '../keys/a', knownHosts: 'known' }, b: { knownHosts: '/etc/known' }, c: {} } })`,
  })
  const { inventory } = await openInventory(join(folder, 'inventory/hosts.ts'))
  t.deepEqual(
    inventory.hosts.map(({ connection: { identityFile, knownHosts } }) => [identityFile, knownHosts]),
    [
      [join(folder, 'keys/a'), join(folder, 'inventory/known')],
      ['~/.ssh/id', '/etc/known'],
      ['~/.ssh/id', undefined],
    ],
  )
})

test('a host knows its line', async (t) => {
  const folder = makeProject({
    'hosts.ts': `import { defineInventory } from 'hostwright'\nexport default defineInventory({\n  // web1: {}\n  hosts: {\n    'web1': { vars: { web2: 1 } },\n    web2: {},\n  },\n})`,
  })
  const { inventory } = await openInventory(join(folder, 'hosts.ts'))
  t.deepEqual(inventory.host('web1').where.get(), { file: join(folder, 'hosts.ts'), line: 5, column: 5 })
  t.deepEqual(inventory.host('web2').where.get(), { file: join(folder, 'hosts.ts'), line: 6, column: 5 })
})

test('an unknown host or group is told with the known ones', async (t) => {
  const inventory = resolve({ hosts: { web1: {}, web2: {}, db1: {} }, groups: { web: ['web1', 'web2'], db: ['db1'] } })
  t.deepEqual(await failureOf(() => inventory.host('wbe1')), {
    code: 'inventory',
    message: "no host 'wbe1' in the inventory",
    hint: "Did you mean 'web1'?",
  })
  t.deepEqual(await failureOf(() => inventory.host('cache')), {
    code: 'inventory',
    message: "no host 'cache' in the inventory",
    hint: 'Hosts: web1, web2, db1.',
  })
  t.deepEqual(await failureOf(() => inventory.group('loadbalancers')), {
    code: 'inventory',
    message: "no group 'loadbalancers' in the inventory",
    hint: 'Groups: web, db, all.',
  })
})

// The body of defineInventory({ … }), which begins in line 2, column 16; the place of the mistake; what is said.
const mistakes: readonly (readonly [body: string, expected: Seen])[] = [
  [
    `groups: { web: ['web1', 'web2'] }`,
    { where: '4:26', message: "group web: no host 'web2' in the inventory", hint: "Did you mean 'web1'?" },
  ],
  [
    `groups: { web: {\n    hosts: [\n      'web1',\n      'cache', // web1\n    ] } }`,
    { where: '7:7', message: "group web: no host 'cache' in the inventory", hint: 'Hosts: web1, db1.' },
  ],
  [
    `groups: { web: [], all3: { groups: ['wbe'] } }`,
    { where: '4:38', message: "group all3: no group 'wbe' in the inventory", hint: "Did you mean 'web'?" },
  ],
  [
    `groups: { web: [], tier: { groups: ['x-y'] } }`,
    { where: '4:38', message: "group tier: no group 'x-y' in the inventory", hint: 'Groups: web, tier.' },
  ],
  [
    `groups: { web: [], tier: ['web'] }`,
    { where: '4:28', message: "group tier: 'web' is a group, expected a host", hint: "Write groups: ['web']." },
  ],
  [
    `groups: { tier: { groups: ['web1'] } }`,
    { where: '4:29', message: "group tier: 'web1' is a host, expected a group", hint: "Write hosts: ['web1']." },
  ],
  [
    `groups: { a: { groups: ['b'] }, b: { groups: ['a'] } }`,
    { where: '4:48', message: 'groups contain each other: a → b → a' },
  ],
  [
    `groups: { x: { groups: ['a'] }, a: { groups: ['b'] }, b: { groups: ['c'] }, c: { groups: ['a'] } }`,
    { where: '4:92', message: 'groups contain each other: a → b → c → a' },
  ],
  [`groups: { a: { groups: ['a'] } }`, { where: '4:26', message: 'groups contain each other: a → a' }],
  [`groups: { web1: [] }`, { where: '4:12', message: "group 'web1': there is a host of the same name" }],
  [
    `groups: { all: { vars: { x: 1 } } }`,
    {
      where: '4:12',
      message: "group 'all': every host is in it already",
      hint: 'What holds for all hosts is written at the top of the inventory: defineInventory({ vars: { … }, … }).',
    },
  ],
  [
    `groups: { 'my web': [] }`,
    {
      where: '4:12',
      message: "group 'my web': expected a name of letters, digits, - _ and ., not beginning with a digit",
    },
  ],
  [
    `groups: { web: { host: ['web1'] } }`,
    { where: '4:19', message: "group web: unknown option 'host'", hint: "Did you mean 'hosts'?" },
  ],
  [
    `groups: { web: { hosts: 'web1' } }`,
    { where: '4:19', message: "group web: option 'hosts': expected a list of names, found 'web1'" },
  ],
  [
    `groups: { web: { hosts: ['web1', 2] } }`,
    { where: '4:19', message: "group web: option 'hosts': expected a list of names, found 2" },
  ],
  [`groups: { web: null }`, { where: '4:12', message: 'group web: expected an object, found null' }],
  [
    `groups: ['web']`,
    { where: '4:2', message: "inventory: option 'groups': expected an object of groups by name, found a list" },
  ],
  [
    `group: { web: [] }`,
    { where: '4:2', message: "inventory: unknown option 'group'", hint: "Did you mean 'groups'?" },
  ],
  [
    `region: 'eu'`,
    {
      where: '4:2',
      message: "inventory: unknown option 'region'",
      hint: 'Your own variables go into vars: { region: … }.',
    },
  ],
  [`vars: ['x']`, { where: '4:2', message: "inventory: option 'vars': expected an object of variables, found a list" }],
  [`prot: 22`, { where: '4:2', message: "inventory: unknown option 'prot'", hint: "Did you mean 'port'?" }],
  [`port: 70000`, { where: '4:2', message: "inventory: option 'port': expected a port from 1 to 65535, found 70000" }],
  [`become: 1`, { where: '4:2', message: "inventory: option 'become': expected true, false or a user name, found 1" }],
  [
    `hostKeyChecking: 'no'`,
    {
      where: '4:2',
      message: "inventory: option 'hostKeyChecking': expected 'strict' or 'accept-new' or 'off', found 'no'",
    },
  ],
  [
    `connectTimeout: 0`,
    { where: '4:2', message: "inventory: option 'connectTimeout': expected more than 0 seconds, found 0" },
  ],
  [`password: 1`, { where: '4:2', message: "inventory: option 'password': expected a text or a secret, found 1" }],
]
for (const [body, expected] of mistakes) {
  test(`refuses ${body.replace(/\s+/g, ' ')}`, async (t) => {
    const text = `import { defineInventory } from 'hostwright'\nexport default defineInventory({\n hosts: { web1: {}, db1: {} },\n ${body},\n} as never)\n`
    const folder = makeProject({ 'hosts.ts': text })
    t.deepEqual(await failureOf(() => openInventory(join(folder, 'hosts.ts')), folder), {
      code: 'inventory',
      ...expected,
      where: `hosts.ts:${expected.where}`,
    })
  })
}

const hostMistakes: readonly (readonly [hosts: string, expected: Seen])[] = [
  [
    `{}`,
    {
      where: '3:2',
      message: 'the inventory has no host',
      hint: "Add one: hosts: { web1: { address: '192.0.2.11' } }.",
    },
  ],
  [
    `['web1']`,
    { where: '3:2', message: "inventory: option 'hosts': expected an object of hosts by name, found a list" },
  ],
  [`{ web1: '192.0.2.1' }`, { where: '3:11', message: "host web1: expected an object, found '192.0.2.1'" }],
  [`{ all: {} }`, { where: '3:11', message: "host 'all': this name means all hosts in patterns, choose another" }],
  [`{ 'web 1': {} }`, { where: '3:11', message: "host 'web 1': expected a name of letters, digits, - _ and ." }],
  [
    `{ 'admin@web1:22': {} }`,
    {
      where: '3:11',
      message: "host 'admin@web1:22': expected a name of letters, digits, - _ and .",
      hint: 'Give it a plain name and say how to reach it by address, user and port.',
    },
  ],
  [
    `{ web1: { adress: 'x' } }`,
    { where: '3:19', message: "host web1: unknown option 'adress'", hint: "Did you mean 'address'?" },
  ],
  [
    `{ web1: { hosts: [] } }`,
    {
      where: '3:19',
      message: "host web1: unknown option 'hosts'",
      hint: 'Your own variables go into vars: { hosts: … }.',
    },
  ],
  [
    `{ a: {}, web1: { port: '22' } }`,
    {
      where: '3:26',
      message: "host web1: option 'port': expected a port from 1 to 65535, found '22'",
      hint: 'Write it without quotes: port: 22',
    },
  ],
  [
    `{ web1: { address: '192.0.2.300' } }`,
    {
      where: '3:19',
      message: "host web1: option 'address': expected a host name or an IP address, found '192.0.2.300'",
    },
  ],
  [
    `{ web1: { address: 'ops@web1.example:2222' } }`,
    {
      where: '3:19',
      message: "host web1: option 'address': expected a host name or an IP address, found 'ops@web1.example:2222'",
      hint: "Write address: 'web1.example', user: 'ops', port: 2222.",
    },
  ],
  [
    `{ web1: { address: '[2001:db8::1]:22' } }`,
    {
      where: '3:19',
      message: "host web1: option 'address': expected a host name or an IP address, found '[2001:db8::1]:22'",
      hint: "Write address: '2001:db8::1', port: 22.",
    },
  ],
  [
    `{ web1: { address: 'ssh://web1' } }`,
    {
      where: '3:19',
      message: "host web1: option 'address': expected a host name or an IP address, found 'ssh://web1'",
    },
  ],
  [
    `{ web1: { address: '' } }`,
    { where: '3:19', message: "host web1: option 'address': expected a host name or an IP address, found ''" },
  ],
  [
    `{ web1: { user: '' } }`,
    { where: '3:19', message: "host web1: option 'user': expected a text that is not empty, found ''" },
  ],
]
for (const [hosts, expected] of hostMistakes) {
  test(`refuses hosts: ${hosts}`, async (t) => {
    const text = `import { defineInventory } from 'hostwright'\nexport default defineInventory({\n hosts: ${hosts},\n} as never)\n`
    const folder = makeProject({ 'hosts.ts': text })
    t.deepEqual(await failureOf(() => openInventory(join(folder, 'hosts.ts')), folder), {
      code: 'inventory',
      ...expected,
      where: `hosts.ts:${expected.where}`,
    })
  })
}

for (const address of [
  '192.0.2.1',
  '2001:db8::1',
  'fe80::1%eth0',
  'web1',
  'web_1.example.org.',
  'xn--bcher-kva.example',
]) {
  test(`an address may be ${address}`, (t) => {
    t.is(resolve({ hosts: { a: { address } } }).host('a').connection.address, address)
  })
}

test('a mistake in a part that was written elsewhere is located as near as it can be', async (t) => {
  const folder = makeProject({
    'hosts.ts': `import { defineInventory } from 'hostwright'\nconst web = ['web2']\nexport default defineInventory({ hosts: { web1: {} },\n  groups: { web } })`,
  })
  t.is((await failureOf(() => openInventory(join(folder, 'hosts.ts')), folder)).where, 'hosts.ts:4:13')
})
