import test from 'ava'
import { type MysqlParams, mysql, mysqlReplica } from '../../roles/mysql.ts'
import type { Facts } from '../../src/core/host.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const sid = { os: { id: 'debian', version: '', codename: 'sid', like: [] } }
const three = ['db1', 'db2', 'db3']

function plan(
  name: string,
  params: Partial<MysqlParams> = {},
  db: readonly string[] = three,
  facts: Partial<Facts> = sid,
) {
  return planOf(mysql({ topology: 'group', ...params }), { name, groups: ['db'], others: { db: [...db] }, facts })
}

const settingsOf = (name: string, params: Partial<MysqlParams> = {}) =>
  plan(name, params).find((task) => task.resource === 'mysql.config')?.args.settings as Record<string, unknown>

test('a member knows itself and all others, and verifies their certificates by name', (t) => {
  const settings = settingsOf('db2')
  t.like(settings, {
    super_read_only: true,
    plugin_load_add: ['mysql_clone.so', 'group_replication.so'],
    group_replication_local_address: '192.0.2.11:33061',
    group_replication_group_seeds: '192.0.2.11:33061,192.0.2.12:33061,192.0.2.13:33061',
    group_replication_ip_allowlist: '192.0.2.11,192.0.2.12,192.0.2.13',
    group_replication_ssl_mode: 'VERIFY_IDENTITY',
    group_replication_recovery_ssl_verify_server_cert: true,
    group_replication_start_on_boot: false,
    group_replication_bootstrap_group: false,
  })
  t.is(settingsOf('db1').group_replication_group_name, settings.group_replication_group_name)
  t.is(
    settingsOf('db1', { settings: { group_replication_member_expel_timeout: 30 } })
      .group_replication_member_expel_timeout,
    30,
  )
})

test('no member has the unit that opens a primary, all have the one that keeps them in the group', (t) => {
  for (const name of three) {
    const units = plan(name)
      .filter((task) => task.resource === 'systemd.unit' && String(task.args.name).startsWith('mysql-'))
      .map((task) => [task.args.name, task.args.state ?? 'present'])
    t.deepEqual(units, [
      ['mysql-primary.service', 'absent'],
      ['mysql-group.service', 'present'],
    ])
    t.false(plan(name).some((task) => task.resource === 'mysql.readOnly'))
  }
})

test('the only account that a server writes by itself is the one by which members reach each other', (t) => {
  const users = plan('db1', { users: [{ name: 'x', hosts: ['%'], password: 'hunter2' }] })
    .filter((task) => task.resource === 'mysql.user')
    .map((task) => [task.args.user, task.args.replicate])
  t.deepEqual(users, [['replicator', false]])
})

test('databases and accounts are the business of every member, for any may be the primary', (t) => {
  const use = mysqlReplica({
    topology: 'group',
    databases: ['shop'],
    users: [{ name: 'x', hosts: ['%'], password: 'p' }],
  })
  for (const name of three) {
    const resources = planOf(use, { name, groups: ['db'], others: { db: three }, facts: sid }).map(
      (task) => task.resource,
    )
    t.deepEqual(resources, ['mysql.groupMember', 'mysql.database', 'mysql.user', 'mysql.user', 'mysql.user'])
  }
})

const refused: readonly [title: string, params: Partial<MysqlParams>, db: readonly string[], message: RegExp][] = [
  [
    'two members have no majority without each other',
    {},
    ['db1', 'db2'],
    /^role mysql: topology 'group' needs 3, 5, 7 or 9 servers, so that a majority is left when one fails; group db has 2 \(db1, db2\)$/,
  ],
  ['four are no better than three', {}, ['db1', 'db2', 'db3', 'db4'], /group db has 4/],
  ['MariaDB has no Group Replication', { flavour: 'mariadb' }, three, /which MariaDB does not have/],
  ['a primary cannot be named', { primary: 'db1' }, three, /elects its primary, so primary: 'db1' has no meaning/],
]
for (const [title, params, db, message] of refused) {
  test(`${title}: refused`, (t) => {
    t.throws(() => plan('db1', params, db), { message })
  })
}

test('a Debian release has no MySQL, and the sentence says so', (t) => {
  const bookworm = { os: { id: 'debian', version: '12', codename: 'bookworm', like: [] } }
  t.throws(() => plan('db1', {}, three, bookworm), {
    message:
      "role mysql: db1 runs debian 12, which has no package mysql-server, and topology 'group' needs MySQL 8.4 or later",
  })
})
