// Who may become the primary, and why not: by tables of groups, no host.
import test from 'ava'
import type { ProvisionError } from '../../src/core/error.ts'
import { chooseFailover, chooseSwitchover, lostPrimary } from '../../src/database/choose.ts'
import { judge } from '../../src/database/health.ts'
import type { DatabaseNode, RunningServer } from '../../src/database/node.ts'
import { renderGroup } from '../../src/database/table.ts'

const uuid = '0d227347-e56b-11f1-b5b8-027d4ef80001'
const other = '0d3a21a8-e56b-11f1-8cb7-027d4ef80002'
const on = { state: 'on', errorNumber: 0, error: '' } as const
const off = { state: 'off', errorNumber: 0, error: '' } as const

interface Sketch {
  readonly executed?: string
  readonly received?: string
  readonly source?: string
  readonly open?: boolean
  readonly io?: RunningServer['replication']['io']
  readonly lag?: number
  readonly term?: RunningServer['term']
  readonly schemas?: readonly string[]
}

function running(host: string, address: string, sketch: Sketch = {}): DatabaseNode {
  const executed = sketch.executed ?? `${uuid}:1-50`
  const closed = !sketch.open
  return {
    host,
    address,
    state: {
      status: 'up',
      flavour: 'mysql',
      takesWrites: !closed,
      term: sketch.term ?? { number: 1, holder: 'db1' },
      received: sketch.received ?? executed,
      semiSync: 'off',
      member: '',
      replication: {
        server: { status: 'up', flavour: 'mysql', version: '9.7.4', readOnly: closed, superReadOnly: closed },
        serverId: host,
        serverUuid: host,
        gtidMode: 'ON',
        executed,
        schemas: sketch.schemas ?? ['shop'],
        seeding: false,
        configured: sketch.source
          ? {
              host: sketch.source,
              port: 3306,
              user: 'replicator',
              gtid: true,
              tls: true,
              ca: '/ca',
              verify: true,
              retries: 0,
              passwordDigest: '',
            }
          : undefined,
        io: sketch.io ?? on,
        sql: sketch.source ? on : off,
        lagSeconds: sketch.lag ?? 0,
        source: { status: 'unknown', message: '' },
        chosen: undefined,
        writable: [],
      },
    },
  }
}

const dead = (host: string, address: string): DatabaseNode => ({
  host,
  address,
  state: { status: 'unreachable', reason: 'no answer' },
})
const primary = (sketch: Sketch = {}) => running('db1', '10.0.0.1', { open: true, ...sketch })
const replica = (name: number, sketch: Sketch = {}) =>
  running(`db${name}`, `10.0.0.${name}`, { source: '10.0.0.1', ...sketch })
const group = (...nodes: DatabaseNode[]) => judge(nodes, `${uuid}:1-50`)

test('a primary with its replicas is well', (t) => {
  const found = group(primary(), replica(2), replica(3))
  t.deepEqual(found.problems, [])
  t.is(found.primary?.host, 'db1')
})

const broken: readonly [string, DatabaseNode[], string][] = [
  ['no primary', [replica(2)], 'no server takes writes'],
  ['two primaries', [primary(), running('db2', '10.0.0.2', { open: true })], 'db1 and db2 both take writes'],
  ['a host that is gone', [primary(), dead('db2', '10.0.0.2')], 'db2 is unreachable: no answer'],
  ['a replica of nobody', [primary(), running('db2', '10.0.0.2')], 'db2 takes no writes and replicates from nobody'],
  [
    'a replica of another',
    [primary(), replica(2, { source: '10.0.0.9' })],
    'db2 replicates from 10.0.0.9, and the primary is db1',
  ],
  [
    'one that does not receive',
    [primary(), replica(2, { io: { ...off, error: 'refused' } })],
    'db2 does not receive: refused',
  ],
  ['one that lags', [primary(), replica(2, { lag: 99 })], 'db2 is 99 seconds behind'],
  [
    'errant transactions',
    [primary(), replica(2, { executed: `${uuid}:1-50,${other}:1-2` })],
    `db2 has transactions that the primary does not have: ${other}:1-2`,
  ],
  [
    'a primary that another one has replaced',
    [primary(), replica(2, { term: { number: 2, holder: 'db2' } })],
    'db1 takes writes, but db2 was made the primary (term 2)',
  ],
]
for (const [title, nodes, problem] of broken) {
  test(`not well: ${title}`, (t) =>
    t.true(group(...nodes).problems.includes(problem), group(...nodes).problems.join('\n')))
}

test('a witness may know of a later primary than the servers that answer, and is missed when it is silent', (t) => {
  const left = [dead('db1', '10.0.0.1'), replica(2, { source: '10.0.0.1', term: { number: 2, holder: 'db2' } })]
  const told = judge(left, undefined, { witnesses: [{ host: 'lb1', term: { number: 3, holder: 'db1' } }] })
  t.is(lostPrimary(told)?.host, 'db1')
  t.is(chooseFailover(told, undefined, 'db1').target.host, 'db2')
  const silent = judge(left, undefined, { witnesses: [{ host: 'lb1', term: undefined }] })
  t.true(silent.problems.includes('the witness lb1 does not answer'))
})

test('semi-synchronous replication that has nobody to wait for is told', (t) => {
  const semi = (node: DatabaseNode, semiSync: RunningServer['semiSync']): DatabaseNode => ({
    ...node,
    state: { ...(node.state as RunningServer), semiSync },
  })
  t.deepEqual(group(semi(primary(), 'source'), semi(replica(2), 'replica')).problems, [])
  t.deepEqual(group(semi(primary(), 'alone'), semi(replica(2), 'no source')).problems, [
    'db1 answers commits that no replica has: semi-synchronous replication has none',
    'db2 receives without answering: semi-synchronous replication is off on this connection',
  ])
})

test('a switchover goes to the replica that is named, or to the first that is well', (t) => {
  const all = group(primary(), replica(2, { io: off }), replica(3))
  t.is(chooseSwitchover(all, undefined).target.host, 'db3')
  t.deepEqual(
    chooseSwitchover(group(primary(), replica(2), replica(3)), 'db3').followers.map(({ host }) => host),
    ['db2'],
  )
})

const refusals: readonly [string, DatabaseNode[], string | undefined, string][] = [
  ['to the primary itself', [primary(), replica(2)], 'db1', 'db1 is the primary already'],
  ['to a stranger', [primary(), replica(2)], 'db9', 'db9 is no database server of this playbook'],
  [
    'to a replica that stands still',
    [primary(), replica(2, { io: off })],
    'db2',
    "db2 cannot become the primary: db2's replication does not run",
  ],
  [
    'to a diverged one',
    [primary(), replica(2, { executed: `${uuid}:1-50,${other}:1` })],
    'db2',
    'db2 cannot become the primary: db2 has transactions that db1 does not have',
  ],
  ['to a dead one', [primary(), dead('db2', '10.0.0.2')], 'db2', 'db2 cannot become the primary: db2 does not answer'],
  ['without any replica', [primary()], undefined, 'no replica can become the primary: there is none'],
  [
    'without a primary',
    [dead('db1', '10.0.0.1'), replica(2)],
    undefined,
    'a switchover needs one primary, and no server takes writes',
  ],
]
for (const [title, nodes, to, message] of refusals) {
  test(`a switchover is refused: ${title}`, (t) => {
    t.is(t.throws(() => chooseSwitchover(group(...nodes), to))?.message, message)
  })
}

test('a failover takes the replica that has received most, applied or not', (t) => {
  const ahead = replica(3, { executed: `${uuid}:1-40`, received: `${uuid}:41-48` })
  const { target, followers } = chooseFailover(
    group(dead('db1', '10.0.0.1'), replica(2, { executed: `${uuid}:1-45` }), ahead),
    undefined,
    'db1',
  )
  t.is(target.host, 'db3')
  t.deepEqual(
    followers.map(({ host }) => host),
    ['db2'],
  )
})

const noFailover: readonly [string, DatabaseNode[], string | undefined, string | undefined, string][] = [
  ['while one takes writes', [primary(), replica(2)], undefined, 'db1', 'db1 takes writes, so nothing is lost'],
  [
    'unless it is said what is given up',
    [dead('db1', '10.0.0.1'), replica(2)],
    undefined,
    undefined,
    'db1 is the primary of term 1; what it has and no replica has received would be given up',
  ],
  [
    'to one that has less than another',
    [dead('db1', '10.0.0.1'), replica(2, { executed: `${uuid}:1-45` }), replica(3)],
    'db2',
    'db1',
    `db2 is not the most advanced: db3 has received ${uuid}:46-50, and db2 has not`,
  ],
  [
    'to a server that was built anew',
    [dead('db1', '10.0.0.1'), running('db2', '10.0.0.2', { executed: '', schemas: [] })],
    undefined,
    'db1',
    'no replica that answers has data',
  ],
]
for (const [title, nodes, to, givenUp, message] of noFailover) {
  test(`a failover is refused: ${title}`, (t) => {
    t.is(t.throws(() => chooseFailover(group(...nodes), to, givenUp))?.message, message)
  })
}

const inRegion = (region: string, node: DatabaseNode): DatabaseNode => ({ ...node, region })
const lost = inRegion('home', dead('db1', '10.0.0.1'))
const near = inRegion('home', replica(2, { executed: `${uuid}:1-50` }))
const far = inRegion('away', replica(3))
const twoRegions = [
  'the primary db1 stands in home, and what could take its place in other regions only: db3 (away)',
  'If writes are to go there: --to db3. To start a whole site in another region: playbooks/disaster-recovery.ts.',
] as const

test('a failover stays in the region of the lost primary unless another server is named', (t) => {
  t.is(chooseFailover(group(lost, far, near), undefined, 'db1').target.host, 'db2')
  const refused = t.throws(() => chooseFailover(group(lost, far), undefined, 'db1')) as ProvisionError | undefined
  t.deepEqual([refused?.message, refused?.hint], [...twoRegions])
  t.is(chooseFailover(group(lost, far), 'db3', 'db1').target.host, 'db3')
})

test('a failover in the region does not give up what a replica elsewhere has received', (t) => {
  const behind = inRegion('home', replica(2, { executed: `${uuid}:1-40` }))
  t.is(
    t.throws(() => chooseFailover(group(lost, far, behind), undefined, 'db1'))?.message,
    `db2 is not the most advanced: db3 has received ${uuid}:41-50, and db2 has not`,
  )
})

test('the last primary, closed since its boot, is opened again by its name', (t) => {
  const closed = inRegion('home', running('db1', '10.0.0.1'))
  const behind = inRegion('away', replica(3, { executed: `${uuid}:1-40` }))
  t.is(chooseFailover(group(closed, behind), 'db1', undefined).target.host, 'db1')
})

test('where nobody knows the region of the lost primary a server must be named', (t) => {
  const unknown = { term: { number: 0, holder: undefined }, source: '10.0.0.9' }
  const nodes = [inRegion('home', replica(2, unknown)), inRegion('away', replica(3, unknown))]
  t.is(
    t.throws(() => chooseFailover(group(...nodes), undefined, undefined))?.message,
    'nobody knows in which region the lost primary stood, and there are replicas in home and away',
  )
  t.is(chooseFailover(group(...nodes), 'db2', undefined).target.host, 'db2')
})

test('a switchover stays in the region unless another server is named', (t) => {
  const home = inRegion('home', primary())
  t.is(chooseSwitchover(group(home, far, near), undefined).target.host, 'db2')
  const refused = t.throws(() => chooseSwitchover(group(home, far), undefined)) as ProvisionError | undefined
  t.deepEqual([refused?.message, refused?.hint], [...twoRegions])
  t.is(chooseSwitchover(group(home, far), 'db3').target.host, 'db3')
})

test('the table has a column of regions where hosts have them', (t) => {
  const heads = (...nodes: DatabaseNode[]) =>
    renderGroup(group(...nodes))
      .split('\n')[0]
      ?.split(/\s+/)
      .slice(0, 3)
  t.deepEqual(heads(inRegion('home', primary()), far), ['host', 'region', 'role'])
  t.deepEqual(heads(primary(), replica(2)), ['host', 'role', 'receiving/applying'])
})
