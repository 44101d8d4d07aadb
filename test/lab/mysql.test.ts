// The mysql roles on real servers: a MySQL pair that becomes three, and a MariaDB pair; every way a replica can be wrong.
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { type MysqlParams, mysql, mysqlReplica } from '../../roles/mysql.ts'
import { play } from '../../src/core/play.ts'
import { secret } from '../../src/core/secret.ts'
import { labKill, labStart } from '../../src/lab/lab.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from './harness.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'mysql', ['my1:sid', 'my2:sid', 'my3:sid', 'ma1:trixie', 'ma2:trixie'])

const params: Partial<MysqlParams> = {
  databases: ['shop', { name: 'my_app', collation: 'utf8mb4_unicode_ci' }],
  users: [
    {
      name: "o'neil $HOME",
      hosts: ['%', 'localhost'],
      password: secret('db.app'),
      grants: { 'shop.*': 'ALL', 'my_app.*': ['SELECT', 'INSERT'] },
    },
    { name: 'daemon', auth: 'socket', grants: { '*.*': ['REPLICATION CLIENT', 'PROCESS'] } },
  ],
  settings: { max_connections: 77 },
}

/** Converges some hosts as one group of databases. */
async function converge(hosts: readonly string[], more: Partial<MysqlParams> = {}, verify = false): Promise<Ran> {
  const inventory = lab().inventory({
    groups: { db: [...hosts] },
    vars: { mysql: { ...params, ...more } },
  })
  return await lab().run([play({ hosts: 'db', roles: [mysql()] }), play({ hosts: 'db', roles: [mysqlReplica()] })], {
    inventory,
    limit: 'db',
    verify,
  })
}

function converged(t: ExecutionContext, ran: Ran): void {
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
}

function unchanged(t: ExecutionContext, ran: Ran): void {
  converged(t, ran)
  t.deepEqual(
    ran.log.filter((line) => / changed /.test(line)),
    [],
  )
}

async function sql(host: string, text: string): Promise<string> {
  const result = await lab().on(
    host,
    `${host.startsWith('ma') ? 'mariadb' : 'mysql'} --batch --skip-column-names`,
    text,
  )
  if (result.code !== 0) throw new Error(`${host}: ${text}\n${result.stderr}`)
  return result.stdout.trim()
}

/** Waits until a question has this answer. */
async function becomes(
  t: ExecutionContext,
  host: string,
  text: string,
  answer: string,
  milliseconds: number,
): Promise<void> {
  const deadline = Date.now() + milliseconds
  let last = ''
  while (Date.now() < deadline) {
    last = await sql(host, text).catch((error: unknown) => String(error))
    if (last === answer) break
  }
  t.is(last, answer, `${host}: ${text}, within ${milliseconds} ms`)
}

const executed = 'SELECT @@GLOBAL.gtid_executed'
const pair = ['my1', 'my2']
const mariadbPair = ['ma1', 'ma2']

test.serial('MySQL: a bare pair becomes primary and replica', async (t) => {
  t.timeout(600_000)
  const first = await converge(pair)
  converged(t, first)
  t.notRegex(JSON.stringify(first.events), /\$A\$|\*[0-9A-F]{40}/, 'a hash was reported')
  await sql(
    'my1',
    "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(50)); INSERT INTO shop.t (text) VALUES ('one')",
  )
  await becomes(t, 'my2', 'SELECT text FROM shop.t', 'one', 1000)
  t.not(await sql('my1', 'SELECT @@server_id'), await sql('my2', 'SELECT @@server_id'))
})

test.serial('MySQL: a rerun changes nothing, asks twice at most, and writes no transaction', async (t) => {
  const before = await sql('my1', executed)
  const ran = await converge(pair)
  unchanged(t, ran)
  for (const host of pair)
    t.true((ran.result.hosts[host]?.requests ?? 99) <= 3, `${host}: ${ran.result.hosts[host]?.requests} requests`)
  t.is(await sql('my1', executed), before)
  converged(t, await converge(pair, {}, true))
})

test.serial('MySQL: replication and the accounts use TLS, and the password is the secret', async (t) => {
  t.is(
    await sql(
      'my1',
      "SELECT COUNT(*) FROM performance_schema.status_by_thread s JOIN performance_schema.threads t USING (THREAD_ID) WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%' AND s.VARIABLE_NAME = 'Ssl_version' AND s.VARIABLE_VALUE LIKE 'TLSv1.%'",
    ),
    '1',
  )
  const login = (mode: string) => `p=$(sed -n 's/^password="\\(.*\\)"$/\\1/p' /etc/mysql/replication-client.cnf)
MYSQL_PWD="$p" mysql --host=${lab().address('my1')} --user=replicator --ssl-mode=${mode} --execute='SELECT 1' 2>&1`
  t.is((await lab().on('my2', login('REQUIRED'))).code, 0)
  t.regex((await lab().on('my2', login('DISABLED'))).stdout, /ERROR 1045/)
})

test.serial('MySQL: a direct write on the replica is refused', async (t) => {
  const error = await t.throwsAsync(sql('my2', "INSERT INTO shop.t (text) VALUES ('direct')"))
  t.regex(error?.message ?? '', /super-read-only/)
})

test.serial('MySQL: a drifted account and a stopped replica are mended, each on its own', async (t) => {
  await sql(
    'my1',
    "REVOKE INSERT ON `my\\_app`.* FROM 'o''neil $HOME'@'%'; GRANT DROP ON shop.* TO 'daemon'@'localhost'",
  )
  await sql('my2', 'STOP REPLICA')
  const ran = await converge(pair)
  converged(t, ran)
  t.deepEqual(ran.log.filter((line) => / changed /.test(line)).sort(), [
    `my1 changed mysql › mysql.user daemon@localhost`,
    `my1 changed mysql › mysql.user o'neil $HOME@%`,
    `my2 changed mysql › mysql.replication from ${lab().address('my1')}`,
  ])
  unchanged(t, await converge(pair))
})

test.serial('MySQL: a configuration that the server would not take keeps the old one', async (t) => {
  const ran = await converge(pair, { settings: { no_such_option: 1 } })
  t.is(ran.result.outcome, 'failed')
  t.regex(ran.errors.join('\n'), /unknown variable 'no_such_option=1'/)
  t.is(await sql('my1', 'SELECT @@max_connections'), '77')
  converged(t, await converge(pair))
  unchanged(t, await converge(pair))
})

test.serial('MySQL: a diverged replica is refused, and replaced only when that is allowed', async (t) => {
  await sql('my2', 'SET GLOBAL super_read_only = OFF; CREATE DATABASE errant; SET GLOBAL super_read_only = ON')
  const refused = await converge(pair)
  t.is(refused.result.outcome, 'failed')
  t.regex(refused.errors.join('\n'), /this replica has diverged: it has transactions that .* does not have/)
  t.regex(await sql('my2', 'SHOW DATABASES'), /errant/)
  const allowed = await converge(pair, { allowReseed: true })
  converged(t, allowed)
  t.notRegex(await sql('my2', 'SHOW DATABASES'), /errant/)
  unchanged(t, await converge(pair))
})

test.serial('MySQL: a second replica gets the data that is there', async (t) => {
  t.timeout(400_000)
  converged(t, await converge([...pair, 'my3']))
  await becomes(t, 'my3', 'SELECT text FROM shop.t', 'one', 1000)
  unchanged(t, await converge([...pair, 'my3']))
})

test.serial('MySQL: after a power cut of all, replication runs and the primary takes writes by itself', async (t) => {
  t.timeout(200_000)
  for (const host of pair) await labKill('t-mysql', host)
  // The lab starts one host after the other: the replica first, or the primary waits for it in vain.
  for (const host of pair.toReversed()) await labStart('t-mysql', host)
  await becomes(t, 'my1', 'SELECT @@GLOBAL.read_only', '0', 90_000)
  await sql('my1', "INSERT INTO shop.t (text) VALUES ('two')")
  await becomes(t, 'my2', 'SELECT COUNT(*) FROM shop.t', '2', 30_000)
  await becomes(t, 'my3', 'SELECT COUNT(*) FROM shop.t', '2', 30_000)
  unchanged(t, await converge([...pair, 'my3']))
})

test.serial('MySQL: a primary that comes back beside a promoted replica stays closed', async (t) => {
  await sql('my2', 'STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF')
  await lab().must('my1', 'systemctl kill --signal=KILL mysql')
  await becomes(t, 'my1', 'SELECT @@GLOBAL.super_read_only', '1', 30_000)
  const opened = await lab().on('my1', '/usr/local/sbin/mysql-open-primary open')
  t.is(opened.code, 3)
  t.regex(opened.stderr, /takes writes: this server stays read-only/)
  t.is(await sql('my1', 'SELECT @@GLOBAL.super_read_only'), '1')
  // it follows the new one; who was named as the primary in the beginning no longer counts
  converged(t, await converge(pair))
  t.is(await sql('my1', 'SELECT @@GLOBAL.super_read_only'), '1')
  t.is(
    await sql('my1', 'SELECT HOST FROM performance_schema.replication_connection_configuration'),
    lab().address('my2'),
  )
  unchanged(t, await converge(pair))
})

test.serial('MariaDB: a pair, one of them with data already', async (t) => {
  t.timeout(600_000)
  converged(t, await converge(['ma1']))
  await sql(
    'ma1',
    "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(50)); INSERT INTO shop.t (text) VALUES ('one')",
  )
  converged(t, await converge(mariadbPair))
  await becomes(t, 'ma2', 'SELECT text FROM shop.t', 'one', 1000)
  const before = await sql('ma1', 'SELECT @@GLOBAL.gtid_binlog_pos')
  unchanged(t, await converge(mariadbPair))
  t.is(await sql('ma1', 'SELECT @@GLOBAL.gtid_binlog_pos'), before)
  converged(t, await converge(mariadbPair, {}, true))
  t.regex(
    (await lab().on('ma2', "setpriv --reuid=daemon --clear-groups mariadb --execute='CREATE DATABASE x' 2>&1")).stdout,
    /read-only|denied/,
  )
})

test.serial('MariaDB: stopped is started, diverged is refused, the other flavour is refused', async (t) => {
  await sql('ma2', 'STOP SLAVE')
  const started = await converge(mariadbPair)
  converged(t, started)
  t.deepEqual(
    started.log.filter((line) => / changed /.test(line)),
    [`ma2 changed mysql › mysql.replication from ${lab().address('ma1')}`],
  )
  await sql('ma2', 'CREATE DATABASE errant')
  const refused = await converge(mariadbPair)
  t.regex(refused.errors.join('\n'), /this replica has diverged/)
  converged(t, await converge(mariadbPair, { allowReseed: true }))
  t.notRegex(await sql('ma2', 'SHOW DATABASES'), /errant/)
  const other = await converge(mariadbPair, { flavour: 'mysql' })
  t.regex(other.errors.join('\n'), /expected mysql or no database server, found mariadb-server/)
})

test.serial(
  'MariaDB: after a power cut of both, replication runs and the primary takes writes by itself',
  async (t) => {
    t.timeout(200_000)
    for (const host of mariadbPair) await labKill('t-mysql', host)
    for (const host of mariadbPair.toReversed()) await labStart('t-mysql', host)
    await becomes(t, 'ma1', 'SELECT @@GLOBAL.read_only', '0', 90_000)
    await sql('ma1', "INSERT INTO shop.t (text) VALUES ('two')")
    await becomes(t, 'ma2', 'SELECT COUNT(*) FROM shop.t', '2', 30_000)
    unchanged(t, await converge(mariadbPair))
  },
)
