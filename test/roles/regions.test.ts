// What the roles do with the variable `region`, and what a disaster recovery refuses; without hosts.
import test from 'ava'
import { endpointOfBalancer } from '../../roles/database-endpoint.ts'
import { type Found, parseFound, partOf, regionIsGone } from '../../roles/disaster-recovery.ts'
import { votersElsewhere } from '../../roles/mysql-parameters.ts'
import { planOf } from '../../src/testing/plan-of.ts'

/** A host among others, each `name: region`. */
function hostOf(
  own: string | undefined,
  regions: Record<string, string | undefined>,
  groups: Record<string, string[]>,
) {
  const host = (name: string) => ({
    name,
    connection: { address: name },
    vars: regions[name] === undefined ? {} : { region: regions[name] },
  })
  return {
    name: 'self',
    vars: own === undefined ? {} : { region: own },
    inventory: {
      hasGroup: (name: string) => name in groups,
      group: (name: string) => (groups[name] ?? []).map(host),
    },
  } as never
}

const groups = { lb: ['self'], db: ['db1', 'db2', 'db3'] }
const remote = (own: string | undefined, regions: Record<string, string | undefined>) =>
  endpointOfBalancer(hostOf(own, regions, groups))
    ?.servers.filter((server) => server.remote)
    .map(({ name }) => name)

test('reads stay in the region of the load balancer while a server stands there', (t) => {
  const regions = { db1: 'home', db2: 'home', db3: 'away' }
  t.deepEqual(remote('home', regions), ['db3'])
  t.deepEqual(remote('away', regions), ['db1', 'db2'])
  t.deepEqual(remote('third', regions), [], 'none is nearer than another')
  t.deepEqual(remote(undefined, {}), [])
})

test('a server that is to open again must hear of every other region that has a voter', (t) => {
  const regions = { db1: 'home', db2: 'home', db3: 'away', lb2: 'third' }
  const voters = { db: ['db1', 'db2', 'db3'], lb: ['lb2', 'db3'] }
  t.deepEqual(votersElsewhere({ group: 'db', witnesses: 'lb' }, hostOf('home', regions, voters)), [['db3'], ['lb2']])
  t.deepEqual(votersElsewhere({ group: 'db', witnesses: undefined }, hostOf('away', regions, voters)), [['db1', 'db2']])
  t.deepEqual(votersElsewhere({ group: 'db', witnesses: 'lb' }, hostOf(undefined, regions, voters)), [])
})

const found = (state: Found['state'], more: Partial<Found> = {}): Found => ({
  name: 'db3',
  state,
  position: '',
  holder: '-',
  ...more,
})

test('a replica becomes the primary, nothing becomes the newest backup, and a primary stays one', (t) => {
  t.is(partOf(found('replica'), [], false), 'replica')
  t.is(partOf(found('nothing'), [], true), 'nothing')
  t.is(partOf(found('pending'), [], true), 'done')
  t.is(partOf(found('open', { holder: 'db3' }), [], true), 'done')
  const primary = found('open', { name: 'db4', holder: 'db4' })
  t.is(partOf(found('replica'), [primary], true), 'done', 'a replica of the region’s own primary stays one')
  t.is(partOf(found('nothing'), [primary], true), 'done')
})

const undecided: readonly [string, Found, readonly Found[], boolean, string][] = [
  [
    'data of nobody knows when',
    found('closed', { holder: 'db3' }),
    [],
    true,
    'the database server of db3 has data and follows nobody, so nobody knows how old its data is',
  ],
  [
    'an open server that was not made the primary',
    found('open', { holder: 'home1' }),
    [],
    true,
    'the database server of db3 has data and follows nobody, so nobody knows how old its data is',
  ],
  [
    'two primaries',
    found('open', { holder: 'db3' }),
    [found('open', { name: 'db4' })],
    true,
    'db3 and db4 both take writes',
  ],
  [
    'a server that does not answer',
    found('silent'),
    [],
    true,
    'the database server of db3 has data and does not answer',
  ],
  ['neither data nor backups', found('nothing'), [], false, 'db3 has no data, and the inventory has no backups of it'],
  [
    'a backup where another one has the data',
    found('nothing'),
    [found('replica', { name: 'db4' })],
    true,
    'db3 has no data and db4 has',
  ],
]
for (const [title, first, others, hasBackups, message] of undecided) {
  test(`a disaster recovery is refused: ${title}`, (t) => {
    t.is(t.throws(() => partOf(first, others, hasBackups))?.message, message)
  })
}

test('what a server said of itself', (t) => {
  t.deepEqual(
    parseFound('db3', 'replica 0d22-e1:1-50,0d3a:1-2\n'),
    found('replica', { position: '0d22-e1:1-50,0d3a:1-2' }),
  )
  t.deepEqual(parseFound('db3', 'replica \n'), found('replica'))
  t.deepEqual(parseFound('db3', 'open db3\n'), found('open', { holder: 'db3' }))
  t.deepEqual(parseFound('db3', 'closed -\n'), found('closed'))
  t.deepEqual(parseFound('db3', 'nothing\n'), found('nothing'))
})

const lost = { lost: 'home', lostHosts: ['192.0.2.99'] }
const refusal = (params: object, options: Parameters<typeof planOf>[1]) => (): unknown =>
  planOf(regionIsGone({ ...lost, ...params }), options)

test('a disaster recovery must be confirmed by the name of the lost region, and never touches a host of it', (t) => {
  const away = { vars: { region: 'away' } }
  t.throws(refusal({}, away), {
    message:
      'role disasterRecovery on web1: a disaster recovery makes this region the only one that takes writes, so the loss of home must be confirmed',
  })
  t.throws(refusal({ confirm: 'away' }, away), { message: /must be confirmed, and 'away' is another name$/ })
  const inside = {
    message: 'role disasterRecovery on web1: web1 is in the inventory and in the region home, which is said to be lost',
  }
  t.throws(refusal({ confirm: 'home' }, { vars: { region: 'home' } }), inside)
  t.throws(refusal({ confirm: 'home', lostHosts: ['192.0.2.11'] }, away), inside)
})

test('a replication group has no primary that a disaster recovery could name', (t) => {
  t.throws(refusal({ confirm: 'home' }, { vars: { region: 'away', mysql: { topology: 'group' } } }), {
    message:
      "role disasterRecovery on web1: a disaster recovery makes one server the primary, and with topology 'group' the members elect it",
  })
})
