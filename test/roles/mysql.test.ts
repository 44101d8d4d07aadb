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
const resources = (name: string, params: Partial<MysqlParams> = {}) => plan(name, params).map((task) => task.resource)

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

test('only the primary is opened and gets databases and accounts', (t) => {
  const params: Partial<MysqlParams> = {
    primary: 'db1',
    databases: ['shop'],
    users: [{ name: 'x', hosts: ['%'], password: 'hunter2' }],
  }
  const written = ['mysql.readOnly', 'mysql.database', 'mysql.user']
  for (const resource of written) {
    t.true(resources('db1', params).includes(resource))
    t.false(resources('db2', params).includes(resource))
  }
  t.true(resources('db2', params).includes('file.absent'))
})

test('the replication account and remote accounts must use TLS', (t) => {
  const users = plan('db1', {
    primary: 'db1',
    users: [{ name: 'x', hosts: ['%', 'localhost'], password: 'hunter2' }],
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

test('a replica follows the primary; the primary follows nobody', (t) => {
  const tasks = (name: string) => planOf(mysqlReplica({ primary: 'db1' }), { name, groups: ['db'], others })
  t.deepEqual(tasks('db1'), [])
  t.deepEqual(
    tasks('db2').map((task) => [task.resource, task.args.source]),
    [['mysql.replication', '192.0.2.12']],
  )
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
