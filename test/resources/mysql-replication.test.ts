import { createHash } from 'node:crypto'
import test from 'ava'
import { replication } from '../../src/resources/mysql-replication.ts'
import { facts, planOne, planTable, type Row } from './table.ts'

const own = '0d3a21a8-e56b-11f1-8cb7-027d4ef80002'
const theirs = '0d227347-e56b-11f1-b5b8-027d4ef80001'
const digest = createHash('sha256').update('hunter2').digest('hex')
const wish = { source: '10.0.0.11', user: 'replicator', password: 'hunter2', ca: '/etc/mysql/tls/ca.pem' }
const task = replication(wish)
const several = replication({ ...wish, source: ['10.0.0.11', '10.0.0.12'] })
const allowed = replication({ ...wish, allowReseed: true })

interface Answer {
  readonly schemas?: readonly string[]
  readonly executed?: string
  readonly configured?: string
  readonly password?: string
  readonly io?: string
  readonly sql?: string
  readonly sqlError?: string
  readonly lag?: string
  readonly source?: string
  readonly superReadOnly?: string
  readonly readOnly?: string
  readonly gtidMode?: string
  readonly seeding?: boolean
}

const healthy = '10.0.0.11\t3306\treplicator\t1\tYES\t/etc/mysql/tls/ca.pem\tYES\t0'

/** What the probe prints on MySQL 9.7. */
function mysql(answer: Answer): string {
  const configured = answer.configured === undefined ? healthy : answer.configured
  return [
    `super_read_only\t${answer.superReadOnly ?? 'ON'}\nread_only\t${answer.readOnly ?? 'ON'}\nversion\t9.7.4`,
    ...(answer.seeding ? ['seeding'] : []),
    `self\t2\t${own}\t${answer.gtidMode ?? 'ON'}\t${answer.executed ?? `${theirs}:1-50`}`,
    ...(answer.schemas ?? ['shop']).map((name) => `schema\t${name}`),
    ...(configured === ''
      ? []
      : [
          `configured\t${configured}`,
          `password\t${answer.password ?? digest}`,
          `io\t${answer.io ?? 'ON\t0\t'}`,
          `sql\t${answer.sql ?? 'ON'}`,
          ...(answer.sqlError ? [`sqlerror\t${answer.sqlError}`] : []),
          `lag\t${answer.lag ?? '0'}`,
        ]),
    'ask\t0',
    answer.source ?? `source\t${theirs}:1-50\t\t1\t${theirs}\t0`,
    '',
  ].join('\n')
}

const rows: readonly Row[] = [
  {
    title: 'of several sources the one that takes writes is followed',
    task: several,
    probe: `${mysql({ source: 'unknown\tdown' })}ask\t1\nsource\t${theirs}:1-50\t\t1\t${theirs}\t0\n`,
    expect: { changes: ['source 10.0.0.11:3306 → 10.0.0.12:3306'] },
  },
  {
    title: 'while none takes writes the present one stays',
    task: several,
    probe: `${mysql({ source: `source\t${theirs}:1-50\t\t1\t${theirs}\t1` })}ask\t1\nunknown\tdown\n`,
    expect: { unchanged: 'replicates from 10.0.0.11:3306' },
  },
  {
    title: 'a new replica of nobody is refused',
    task: several,
    probe: `${mysql({ configured: '', source: 'unknown\tdown' })}ask\t1\nunknown\tdown\n`,
    expect: { refused: 'none of 10.0.0.11, 10.0.0.12 takes writes, so there is nothing to follow' },
  },
  {
    title: 'two that take writes are refused',
    task: several,
    probe: `${mysql({})}ask\t1\nsource\t${theirs}:1-50\t\t3\t${own.replace('0d', '1d')}\t0\n`,
    expect: { refused: '10.0.0.11 and 10.0.0.12 both take writes' },
  },
  {
    title: 'a healthy replica is left alone',
    task,
    probe: mysql({}),
    expect: { unchanged: 'replicates from 10.0.0.11:3306' },
  },
  {
    title: 'a replica that is behind is told, not touched',
    task,
    probe: mysql({ executed: `${theirs}:1-40`, lag: '12' }),
    expect: { unchanged: 'replicates from 10.0.0.11:3306, 12 s and 10 transactions behind' },
  },
  {
    title: 'GTID sets of several lines are one set',
    task,
    probe: mysql({
      executed: `${own}:1-3,\\n${theirs}:1-50`,
      source: `source\t${own}:1-3,\\n${theirs}:1-50\t\t1\t${theirs}\t0`,
    }),
    expect: { unchanged: 'replicates from 10.0.0.11:3306' },
  },
  {
    title: 'an empty server is seeded',
    task,
    probe: mysql({ configured: '', schemas: [], executed: `${own}:1-4` }),
    expect: { changes: ['no replica, no data → seeded from 10.0.0.11:3306 and replicating'] },
  },
  {
    title: 'a server with data of its own is refused',
    task,
    probe: mysql({ configured: '', schemas: ['shop', 'we`ird'], executed: `${own}:1-4` }),
    expect: {
      refused:
        'this server is no replica and has its own schemas (shop, we`ird); seeding it from 10.0.0.11:3306 would destroy them',
    },
  },
  {
    title: 'a server with data of its own is seeded if that is allowed',
    task: allowed,
    probe: mysql({ configured: '', executed: `${own}:1-4` }),
    expect: { changes: ['no replica, with its own schemas (shop) → seeded from 10.0.0.11:3306 and replicating'] },
  },
  {
    title: 'an old primary whose data is part of the new one’s history joins without seeding',
    task,
    probe: mysql({ configured: '', executed: `${theirs}:1-40` }),
    expect: { changes: ['no replica, data of the same history → replicating from 10.0.0.11:3306'] },
  },
  {
    title: 'the same history does not help if the source has purged what comes next',
    task,
    probe: mysql({
      configured: '',
      executed: `${theirs}:1-40`,
      source: `source\t${theirs}:1-50\t${theirs}:1-45\t1\t${theirs}\t0`,
    }),
    expect: {
      refused:
        'this server is no replica and has its own schemas (shop); seeding it from 10.0.0.11:3306 would destroy them',
    },
  },
  {
    title: 'the running primary does not become a replica of a replica',
    task,
    probe: mysql({
      configured: '',
      superReadOnly: 'OFF',
      readOnly: 'OFF',
      source: `source\t${theirs}:1-50\t\t1\t${theirs}\t1`,
    }),
    expect: {
      refused: 'this server takes writes and its source 10.0.0.11:3306 does not: it looks like the primary itself',
    },
  },
  {
    title: 'both threads stopped are started',
    task,
    probe: mysql({ io: 'OFF\t0\t', sql: 'OFF' }),
    expect: { changes: ['receiving and applying stopped → running'] },
  },
  {
    title: 'another source is corrected',
    task,
    probe: mysql({
      configured: '10.0.0.99\t3306\treplicator\t1\tYES\t/etc/mysql/tls/ca.pem\tYES\t10',
      io: 'CONNECTING\t2003\tno',
    }),
    expect: { changes: ['source 10.0.0.99:3306 → 10.0.0.11:3306, gives up after 10 attempts → never'] },
  },
  {
    title: 'no TLS, no GTID, another password and account are corrected together',
    task,
    probe: mysql({ configured: '10.0.0.11\t3306\tother\t0\tNO\t\tNO\t0', password: 'x' }),
    expect: {
      changes: [
        'user other → replicator, password differs, position by file → by GTID, TLS off → on, CA none → /etc/mysql/tls/ca.pem, certificate not verified → verified',
      ],
    },
  },
  {
    title: 'a replica that was opened is closed',
    task,
    probe: mysql({ superReadOnly: 'OFF' }),
    expect: { changes: ['open for writes → read-only'] },
  },
  {
    title: 'a transaction of its own is a divergence',
    task,
    probe: mysql({ executed: `${own}:1,${theirs}:1-50` }),
    expect: { refused: 'this replica has diverged: it has transactions that 10.0.0.11:3306 does not have' },
  },
  {
    title: 'a diverged replica is not re-pointed either',
    task,
    probe: mysql({
      executed: `${own}:1`,
      configured: '10.0.0.99\t3306\treplicator\t1\tYES\t/etc/mysql/tls/ca.pem\tYES\t0',
    }),
    expect: { refused: 'this replica has diverged: it has transactions that 10.0.0.11:3306 does not have' },
  },
  {
    title: 'a diverged replica is seeded anew if that is allowed',
    task: allowed,
    probe: mysql({ executed: `${own}:1` }),
    expect: { changes: ['diverged → seeded from 10.0.0.11:3306 and replicating'] },
  },
  {
    title: 'permission to seed is not a wish to seed',
    task: allowed,
    probe: mysql({}),
    expect: { unchanged: 'replicates from 10.0.0.11:3306' },
  },
  {
    title: 'a lost position is refused',
    task,
    probe: mysql({ io: 'OFF\t13114\tGot fatal error 1236 from source' }),
    expect: {
      refused: 'this replica cannot go on from where it stands: the source no longer has what it needs (error 13114)',
    },
  },
  {
    title: 'a transaction that cannot be applied is refused',
    task,
    probe: mysql({ sql: 'OFF', sqlError: '1062\tDuplicate entry' }),
    expect: { refused: 'this replica cannot apply a transaction of its source (error 1062)' },
  },
  {
    title: 'a source that does not answer is refused, not changed',
    task,
    probe: mysql({ io: 'CONNECTING\t2003\tno route', source: 'unknown\tERROR 2003 no route' }),
    expect: { refused: 'this host cannot reach its source 10.0.0.11:3306 as replicator' },
  },
  {
    title: 'a source that answers again is not waited for',
    task,
    probe: mysql({ io: 'CONNECTING\t2003\tno route' }),
    expect: { changes: ['receiving stopped → running'] },
  },
  {
    title: 'two servers with one server_id',
    task,
    probe: mysql({ source: `source\t${theirs}:1-50\t\t2\t${theirs}\t0` }),
    expect: { refused: 'this server and its source 10.0.0.11:3306 have the same server_id 2' },
  },
  {
    title: 'a copied machine with the same server_uuid',
    task,
    probe: mysql({ source: `source\t${theirs}:1-50\t\t1\t${own}\t0` }),
    expect: { refused: `this server and its source 10.0.0.11:3306 have the same server_uuid ${own}` },
  },
  {
    title: 'gtid_mode that is not on yet',
    task,
    probe: mysql({ gtidMode: 'OFF' }),
    expect: { unknown: 'gtid_mode is OFF, expected ON: set it and enforce_gtid_consistency with mysql.config' },
  },
  {
    title: 'a mark of a load on a running replica is taken away and never a reason to load again',
    task,
    probe: mysql({ seeding: true }),
    expect: { changes: ['mark of a finished seeding → removed'] },
  },
  {
    title: 'no server yet',
    task,
    probe: 'absent\n',
    expect: { unknown: 'no database server is installed' },
  },
  {
    title: 'a server that is down',
    task,
    probe: "failed\tERROR 2002 (HY000): Can't connect to local server through socket\n",
    expect: {
      unknown: "the database server does not answer: ERROR 2002 (HY000): Can't connect to local server through socket",
    },
  },
]
planTable(rows)

/** What the probe prints on MariaDB 11.8. */
function mariadb(answer: {
  executed?: string
  status?: string
  schemas?: string
  seeding?: boolean
  source?: string
}): string {
  return [
    'read_only\tON\nversion\t11.8.6-MariaDB-0+deb13u1',
    ...(answer.seeding ? ['seeding'] : []),
    `self\t2\t\tON\t${answer.executed ?? ''}`,
    'datadir\t/var/lib/mysql/',
    answer.schemas ?? 'schema\tshop',
    answer.status ?? '',
    `password\t${digest}`,
    'ask\t0',
    answer.source ?? 'source\t0-1-50\t\t1\t\t0',
    '',
  ].join('\n')
}

const mariadbStatus = (more: Readonly<Record<string, string>> = {}): string => {
  const fields = {
    Slave_IO_State: 'Waiting for master to send event',
    Master_Host: '10.0.0.11',
    Master_User: 'replicator',
    Master_Port: '3306',
    Slave_IO_Running: 'Yes',
    Slave_SQL_Running: 'Yes',
    Master_SSL_Allowed: 'Yes',
    Master_SSL_CA_File: '/etc/mysql/tls/ca.pem',
    Seconds_Behind_Master: '0',
    Master_SSL_Verify_Server_Cert: 'Yes',
    Last_IO_Errno: '0',
    Last_IO_Error: '',
    Last_SQL_Errno: '0',
    Last_SQL_Error: '',
    Using_Gtid: 'Slave_Pos',
    ...more,
  }
  return [
    'status\t*************************** 1. row ***',
    ...Object.entries(fields).map(([name, value]) => `status\t${name}: ${value}`),
  ].join('\n')
}

planTable([
  {
    title: 'MariaDB: a healthy replica is left alone',
    task,
    probe: mariadb({ status: mariadbStatus(), executed: '0-1-50,0-1-50' }),
    expect: { unchanged: 'replicates from 10.0.0.11:3306' },
  },
  {
    title: 'MariaDB: how far a replica is behind is told, whoever wrote',
    task,
    probe: mariadb({ status: mariadbStatus(), executed: '0-1-48', source: 'source\t0-1-49,0-3-50\t\t1\t\t0' }),
    expect: { unchanged: 'replicates from 10.0.0.11:3306, 2 transactions behind' },
  },
  {
    title: 'MariaDB: an old primary joins one that was seeded, promoted, and has written nothing',
    task,
    probe: mariadb({ executed: '0-2-40,0-1-50', source: 'source\t0-1-50\t\t1\t\t0' }),
    expect: { changes: ['no replica, data of the same history → replicating from 10.0.0.11:3306'] },
  },
  {
    title: 'MariaDB: an empty server is seeded',
    task,
    probe: mariadb({ schemas: '' }),
    expect: { changes: ['no replica, no data → seeded from 10.0.0.11:3306 and replicating'] },
  },
  {
    title: 'MariaDB: half a load is loaded again',
    task,
    probe: mariadb({ seeding: true }),
    expect: { changes: ['an interrupted seeding → seeded from 10.0.0.11:3306 and replicating'] },
  },
  {
    title: 'MariaDB: a transaction of its own is a divergence',
    task,
    probe: mariadb({ status: mariadbStatus(), executed: '0-2-51,0-1-50' }),
    expect: { refused: 'this replica has diverged: it has transactions that 10.0.0.11:3306 does not have' },
  },
  {
    title: 'MariaDB: a source that no longer has the position',
    task,
    probe: mariadb({ status: mariadbStatus({ Slave_IO_Running: 'No', Last_IO_Errno: '1236', Last_IO_Error: 'gone' }) }),
    expect: {
      refused: 'this replica cannot go on from where it stands: the source no longer has what it needs (error 1236)',
    },
  },
  {
    title: 'MariaDB: a position by file and no verification are corrected',
    task,
    probe: mariadb({ status: mariadbStatus({ Using_Gtid: 'No', Master_SSL_Verify_Server_Cert: 'No' }) }),
    expect: { changes: ['position by file → by GTID, certificate not verified → verified'] },
  },
])

test('the password stands in no script, only in the input of a step', (t) => {
  for (const probe of [mysql({ configured: '', schemas: [] }), mariadb({ schemas: '' })]) {
    const plan = planOne(task, probe, { facts, check: false })
    t.true('changes' in plan)
    if (!('changes' in plan)) continue
    const steps = plan.changes.flatMap((change) => change.steps)
    t.true(steps.every((step) => !step.script.includes('hunter2')))
    t.true(steps.some((step) => String(step.input).includes("'hunter2'")))
    t.false(JSON.stringify(plan.changes.map((change) => change.summary)).includes('hunter2'))
  }
})

test('the result says how far behind a replica is', (t) => {
  const plan = planOne(task, mysql({ executed: `${theirs}:1-40`, lag: '3' }), { facts, check: false })
  t.deepEqual('result' in plan ? plan.result : undefined, { lagSeconds: 3, behind: 10 } as never)
})

test('a probe that does not say who the server is, is an error', (t) => {
  t.throws(() => planOne(task, 'version\t9.7.4\nread_only\tON\ngarbage\n', { facts, check: false }), {
    message: 'mysql.replication: expected the server\'s identity, found ["garbage"]',
  })
  t.throws(() => planOne(task, mysql({ io: 'MAYBE\t0\t' }), { facts, check: false }), {
    message: "mysql.replication: expected a thread to be on, connecting or off, found 'MAYBE'",
  })
})

test('a password that MySQL would cut is refused', (t) => {
  t.throws(() => planOne(replication({ ...wish, password: 'x'.repeat(33) }), mysql({}), { facts, check: false }), {
    message: 'mysql.replication: the password has 33 characters, and MySQL keeps 32 of a replication password',
  })
})
