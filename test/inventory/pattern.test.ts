import test from 'ava'
import { type Named, selectHosts } from '../../src/inventory/pattern.ts'
import { failureOf } from './project.ts'

const named: Named = {
  hosts: ['lb1', 'web1', 'web2', 'db-1.example', 'db-2.example'],
  groups: new Map([
    ['lb', ['lb1']],
    ['web', ['web1', 'web2']],
    ['db', ['web2', 'db-1.example', 'db-2.example']],
    ['none', []],
  ]),
}

const rows: readonly (readonly [pattern: string, expected: string])[] = [
  ['all', 'lb1 web1 web2 db-1.example db-2.example'],
  ['*', 'lb1 web1 web2 db-1.example db-2.example'],
  ['web', 'web1 web2'],
  ['web2', 'web2'],
  ['web:!web2', 'web1'],
  ['!web2:web', 'web1'],
  ['web:&db', 'web2'],
  ['&db:web', 'web2'],
  ['db:lb', 'lb1 web2 db-1.example db-2.example'],
  ['db,lb', 'lb1 web2 db-1.example db-2.example'],
  [' web2 , lb1 ', 'lb1 web2'],
  ['db*', 'web2 db-1.example db-2.example'],
  ['*.example', 'db-1.example db-2.example'],
  ['web?', 'web1 web2'],
  ['w*:!*2', 'web1'],
  ['!web', 'lb1 db-1.example db-2.example'],
  ['&web', 'web1 web2'],
  ['&web:&db', 'web2'],
  ['all:!lb:!db', 'web1'],
  ['lb:web:&db:!web2', ''],
  ['none', ''],
  ['web:none', 'web1 web2'],
]
for (const [pattern, expected] of rows) {
  test(`${pattern} selects ${expected || 'nothing'}`, (t) => {
    t.is(selectHosts(pattern, named).join(' '), expected)
  })
}

const known = 'Hosts: lb1, web1, web2, db-1.example, db-2.example. Groups: lb, web, db, none, all.'
const failures: readonly (readonly [pattern: string, message: string, hint?: string])[] = [
  ['wbe', "no host or group 'wbe' in the inventory", "Did you mean 'web'?"],
  ['cache', "no host or group 'cache' in the inventory", known],
  ['web:!wbe2', "no host or group 'wbe2' in the inventory, in the pattern 'web:!wbe2'", "Did you mean 'web2'?"],
  ['cache*', "no host or group matches 'cache*'", known],
  ['web:cache?', "no host or group matches 'cache?' in the pattern 'web:cache?'", known],
  ['db-1xexample', "no host or group 'db-1xexample' in the inventory", "Did you mean 'db-1.example'?"],
  ['', "host pattern: expected a pattern such as 'web', 'web:!web2' or 'all', found ''"],
  ['web:', "host pattern 'web:': a name is missing between separators"],
  ['web:!', "host pattern 'web:!': a name is missing after '!'"],
]
for (const [pattern, message, hint] of failures) {
  test(`'${pattern}' is refused: ${message}`, async (t) => {
    t.deepEqual(await failureOf(() => selectHosts(pattern, named)), {
      code: 'inventory',
      message,
      ...(hint ? { hint } : {}),
    })
  })
}

test('a long list of names is cut', async (t) => {
  const hosts = Array.from({ length: 30 }, (_, index) => `host-${index}`)
  const { hint } = await failureOf(() => selectHosts('x', { hosts, groups: new Map() }))
  t.true(hint?.startsWith('Hosts: host-0, host-1,'))
  t.true(hint?.endsWith('host-19, … (30). Groups: all.'))
})
