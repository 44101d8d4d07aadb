// What the command says of inventories. Each row: what somebody wrote, and every word of the answer.
import { table } from './table.ts'

table([
  {
    title: 'an inventory file that is not there',
    args: ['-i', 'inventory/host.ts'],
    says: `✗ inventory %/inventory/host.ts does not exist

  Did you mean %/inventory/hosts.ts?
`,
  },
  {
    title: 'an inventory that does not parse',
    files: {
      'inventory/hosts.ts': `import { defineInventory } from 'hostwright'
export default defineInventory({ hosts: { web1: { address: '192.0.2.11' } )
`,
    },
    says: `✗ syntax error in inventory/hosts.ts: Expected "}" but found ")"             inventory/hosts.ts:2:75

      1 | import { defineInventory } from 'hostwright'
    > 2 | export default defineInventory({ hosts: { web1: { address: '192.0.2.11' } )
        |                                                                           ^
`,
  },
  {
    title: 'an inventory without a default export',
    files: {
      'inventory/hosts.ts': `import { defineInventory } from 'hostwright'
export const inventory = defineInventory({ hosts: { web1: {} } })
`,
    },
    says: `✗ inventory/hosts.ts has no default export, expected an inventory             inventory/hosts.ts:1:1

  Write export default inventory.
`,
  },
  {
    title: 'an inventory that is a plain object',
    files: {
      'inventory/hosts.ts': `export default { hosts: { web1: {} } }
`,
    },
    says: `✗ inventory/hosts.ts exports an object, expected an inventory                 inventory/hosts.ts:1:1

    > 1 | export default { hosts: { web1: {} } }
        | ^

  Wrap it: export default defineInventory({ … }).
`,
  },
  {
    title: 'an inventory without hosts',
    inventory: '{ hosts: {} }',
    says: `✗ the inventory has no host                                                  inventory/hosts.ts:2:34

  Add one: hosts: { web1: { address: '192.0.2.11' } }.
`,
  },
  {
    title: 'a misspelt setting of a host',
    inventory: "{ hosts: { web1: { adress: '192.0.2.11' } } }",
    says: `✗ host web1: unknown option 'adress'                                         inventory/hosts.ts:2:51

  Did you mean 'address'?
`,
  },
  {
    title: 'a variable beside the settings',
    inventory: '{ hosts: { web1: { workers: 4 } } }',
    says: `✗ host web1: unknown option 'workers'                                        inventory/hosts.ts:2:51

  Your own variables go into vars: { workers: … }.
`,
  },
  {
    title: 'a port as text',
    inventory: "{ hosts: { web1: { port: '2222' } } }",
    says: `✗ host web1: option 'port': expected a port from 1 to 65535, found '2222'    inventory/hosts.ts:2:51

  Write it without quotes: port: 2222
`,
  },
  {
    title: 'an address with user and port',
    inventory: "{ hosts: { web1: { address: 'admin@192.0.2.11:2222' } } }",
    says: `✗ host web1: option 'address': expected a host name or an IP address, found 'admin@192.0.2.11:2222'
  inventory/hosts.ts:2:51

  Write address: '192.0.2.11', user: 'admin', port: 2222.
`,
  },
  {
    title: 'an address that is none',
    inventory: "{ hosts: { web1: { address: '192.0.2.300' } } }",
    says: `✗ host web1: option 'address': expected a host name or an IP address, found '192.0.2.300'
  inventory/hosts.ts:2:51
`,
  },
  {
    title: 'a misspelt way to become root',
    inventory: "{ becomeMethod: 'sud', hosts: { web1: {} } }",
    says: `✗ inventory: option 'becomeMethod': expected 'sudo' or 'su', found 'sud'     inventory/hosts.ts:2:34
`,
  },
  {
    title: 'a misspelt host in a group',
    inventory: "{ hosts: { web1: {}, web2: {} }, groups: { web: ['web1', 'wbe2'] } }",
    says: `✗ group web: no host 'wbe2' in the inventory                                 inventory/hosts.ts:2:89

  Did you mean 'web2'?
`,
  },
  {
    title: 'a group among the hosts of a group',
    inventory: "{ hosts: { web1: {} }, groups: { web: ['web1'], site: ['web'] } }",
    says: `✗ group site: 'web' is a group, expected a host                              inventory/hosts.ts:2:87

  Write groups: ['web'].
`,
  },
  {
    title: 'groups that contain each other',
    inventory: "{ hosts: { web1: {} }, groups: { a: { groups: ['b'] }, b: { groups: ['a'] } } }",
    says: `✗ groups contain each other: a → b → a                                      inventory/hosts.ts:2:101
`,
  },
  {
    title: 'a host named like a group',
    inventory: "{ hosts: { web: {} }, groups: { web: ['web'] } }",
    says: `✗ group 'web': there is a host of the same name                              inventory/hosts.ts:2:64
`,
  },
  {
    title: 'a host named all',
    inventory: '{ hosts: { all: {} } }',
    says: `✗ host 'all': this name means all hosts in patterns, choose another          inventory/hosts.ts:2:43
`,
  },
  {
    title: 'an inventory that throws',
    inventory: '{ hosts: { web1: { address: process.env.NO_SUCH_VARIABLE.trim() } } }',
    says: `✗ inventory/hosts.ts threw TypeError: Cannot read properties of undefined (reading 'trim')
  inventory/hosts.ts:2:89

      1 | import { defineInventory, secret } from 'hostwright'
    > 2 | export default defineInventory({ hosts: { web1: { address: process.env.NO_SUCH_VARIABLE.trim() } } })
        |                                                                                         ^
`,
  },
  {
    title: 'an inventory that imports what is not there',
    files: {
      'inventory/hosts.ts': `import { defineInventry } from 'hostwright'
export default defineInventry({ hosts: { web1: {} } })
`,
    },
    says: `✗ inventory/hosts.ts: 'hostwright' exports no 'defineInventry'               inventory/hosts.ts:1:10

    > 1 | import { defineInventry } from 'hostwright'
        |          ^
      2 | export default defineInventry({ hosts: { web1: {} } })

  Did you mean 'defineInventory'?
`,
  },
  {
    title: 'a file that the inventory imports and that is not there',
    files: {
      'inventory/hosts.ts': `import { defineInventory } from 'hostwright'
import { shared } from './shard.ts'
export default defineInventory(shared)
`,
      'inventory/shared.ts': `export const shared = {}
`,
    },
    says: `✗ inventory/hosts.ts imports './shard.ts', which does not exist              inventory/hosts.ts:2:24

      1 | import { defineInventory } from 'hostwright'
    > 2 | import { shared } from './shard.ts'
        |                        ^
      3 | export default defineInventory(shared)

  Did you mean './shared.ts'?
`,
  },
])
