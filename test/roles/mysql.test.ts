import test from 'ava'
import { type MysqlParams, mysql, mysqlReplica } from '../../roles/mysql.ts'
import type { Facts } from '../../src/core/host.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const others = { db: ['db1', 'db2', 'db3'], app: ['app1'] }

function plan(name: string, params: Partial<MysqlParams> = {}, facts: Partial<Facts> = {}) {
  return planOf(mysql(params), { name, groups: ['db'], others, facts })
}

const settings = (name: string, params: Partial<MysqlParams> = {}, facts: Partial<Facts> = {}) =>
  plan(name, params, facts).find((task) => task.resource === 'mysql.config')?.args as {
    flavour: string
    settings: Readonly<Record<string, unknown>>
  }

test('every server is read-only by its file, has its own server_id and checks certificates', (t) => {
  const one = settings('db1', { flavour: 'mysql' }).settings
  t.is(one.super_read_only, true)
  t.is(one.ssl_ca, '/etc/mysql/tls/ca.pem')
  t.is(settings('db1', { flavour: 'mariadb' }).settings.read_only, true)
  t.is(one.server_id, 0xc000020b) // 192.0.2.11
  t.is(settings('db1', { serverId: 7 }).settings.server_id, 7)
})

test("the role's settings yield to the user's", (t) => {
  t.is(settings('db1', { settings: { sync_binlog: 0 } }).settings.sync_binlog, 0)
})

test('a server is opened, and gets databases and accounts, only if it is found to be the primary', (t) => {
  const params: Partial<MysqlParams> = {
    databases: ['shop'],
    users: [{ name: 'x', hosts: ['%'], password: 'hunter2' }],
  }
  for (const name of ['db1', 'db2']) {
    const servers = plan(name, params).map((task) => task.resource)
    for (const resource of ['mysql.primary', 'mysql.database', 'mysql.user']) t.false(servers.includes(resource))
    const [first, ...rest] = planOf(mysqlReplica(params), { name, groups: ['db'], others })
    t.is(first?.resource, 'mysql.primary')
    t.true(rest.some((task) => task.resource === 'mysql.database'))
  }
})

test('what decides at boot knows the other servers and the witnesses, and who is to be first', (t) => {
  const decides = (name: string, params: Partial<MysqlParams> = {}) =>
    planOf(mysql(params), { name, groups: ['db'], others: { ...others, lb: ['lb1', 'db2'] } }).find(
      (task) => task.args.dest === '/usr/local/sbin/mysql-open-primary',
    )?.args.vars as { hinted: boolean; peers: string[]; witnesses: string[]; openWithoutPeers: boolean }
  t.like(decides('db1'), { hinted: true, witnesses: [], openWithoutPeers: false })
  t.false(decides('db2', { primary: 'db1' }).hinted)
  t.true(decides('db2', { primary: 'db2' }).hinted)
  const witnessed = decides('db1', { witnesses: 'lb' })
  t.is(witnessed.peers.length, 2)
  t.is(witnessed.witnesses.length, 1)
  t.deepEqual(decides('db1', { witnesses: 'no-such-group' }).witnesses, [])
})

test('the replication account and remote accounts must use TLS', (t) => {
  const users = planOf(mysqlReplica({ users: [{ name: 'x', hosts: ['%', 'localhost'], password: 'hunter2' }] }), {
    name: 'db1',
    groups: ['db'],
    others,
  }).filter((task) => task.resource === 'mysql.user')
  t.deepEqual(
    users.map((task) => [task.args.user, task.args.host, task.args.tls]),
    [
      ['replicator', '%', 'ssl'],
      ['dbcheck', 'localhost', 'none'],
      ['x', '%', 'ssl'],
      ['x', 'localhost', 'none'],
    ],
  )
})

test('a server that is no primary follows whichever of the others is; a single server follows nobody', (t) => {
  const sources = (names: string[]) =>
    planOf(mysqlReplica(), { name: names[0] ?? '', groups: ['db'], others: { db: names } })
      .filter((task) => task.resource === 'mysql.replication')
      .map((task) => (task.args.source as string[]).length)
  t.deepEqual(sources(['db1', 'db2', 'db3']), [2])
  t.deepEqual(sources(['db1']), [])
})

test('a primary that is not in the group is refused', (t) => {
  t.is(
    t.throws(() => plan('db1', { primary: 'web9' }))?.message,
    "role mysql: the primary 'web9' is not in group db, which has db1, db2, db3",
  )
})

test('the flavour is what the distribution has, unless it is said', (t) => {
  const os = (id: string, version: string) => ({ os: { id, version, codename: '', like: [] } })
  t.is(settings('db1').flavour, 'mariadb')
  t.is(settings('db1', {}, os('debian', '')).flavour, 'mysql')
  t.is(settings('db1', {}, os('ubuntu', '24.04')).flavour, 'mysql')
  t.is(settings('db1', { flavour: 'mysql' }).flavour, 'mysql')
})

test('a single server without clients listens to itself only', (t) => {
  t.is(settings('db1').settings.bind_address, '0.0.0.0')
  const alone = planOf(mysql({ flavour: 'mysql' }), { name: 'db1', groups: ['db'], others: { db: ['db1'] } })
  const config = alone.find((task) => task.resource === 'mysql.config')
  t.like(config?.args.settings, { bind_address: '127.0.0.1' })
})

test('semi-synchronous replication: every server answers, who takes writes waits before a commit is seen', (t) => {
  for (const name of ['db1', 'db2']) {
    const mysqlServer = settings(name, { flavour: 'mysql', semiSync: { timeout: 2.5 } }).settings
    t.deepEqual(mysqlServer.plugin_load_add, ['mysql_clone.so', 'semisync_source.so', 'semisync_replica.so'])
    t.like(mysqlServer, {
      loose_rpl_semi_sync_replica_enabled: true,
      loose_rpl_semi_sync_source_enabled: false,
      loose_rpl_semi_sync_source_timeout: 2500,
      loose_rpl_semi_sync_source_wait_point: 'AFTER_SYNC',
    })
    t.like(settings(name, { flavour: 'mariadb', semiSync: true }).settings, {
      rpl_semi_sync_slave_enabled: true,
      rpl_semi_sync_master_enabled: false,
      rpl_semi_sync_master_timeout: 10_000,
      rpl_semi_sync_master_wait_point: 'AFTER_SYNC',
    })
  }
  for (const flavour of ['mysql', 'mariadb'] as const)
    t.false(JSON.stringify(settings('db1', { flavour }).settings).includes('semi'))
})

test('semi-synchronous replication without anybody who could answer is refused', (t) => {
  t.throws(() => planOf(mysql({ semiSync: true }), { name: 'db1', groups: ['db'] }), {
    message: 'role mysql: semiSync needs a replica, and group db has one server',
  })
  t.throws(() => plan('db1', { flavour: 'mysql', topology: 'group', semiSync: true }), {
    message: /semiSync is for topology 'replication'/,
  })
})
