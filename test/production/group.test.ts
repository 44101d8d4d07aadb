// Three MySQL servers that elect their primary: every way in which one, or all of them, can go away and come back without a person.
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { haproxy } from '../../roles/haproxy.ts'
import { type MysqlParams, mysql, mysqlReplica } from '../../roles/mysql.ts'
import { play } from '../../src/core/play.ts'
import { labKill, labLink, labStart } from '../../src/lab/lab.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from '../lab/harness.ts'
import { provision } from '../lab/provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'group', ['lb1:bookworm', 'db1:sid', 'db2:sid', 'db3:sid'])
const hosts = ['db1', 'db2', 'db3']
const later: Partial<MysqlParams> = { databases: ['shop', 'later'] }
const shop = {
  name: 'shop',
  hosts: ['%'],
  password: 'shop-password',
  grants: { 'shop.*': 'ALL' },
}

async function converge(more: Partial<MysqlParams> = {}, verify = false): Promise<Ran> {
  const settings = { group_replication_unreachable_majority_timeout: 3 }
  const params: Partial<MysqlParams> = { topology: 'group', databases: ['shop'], users: [shop], settings, ...more }
  const inventory = lab().inventory({ groups: { lb: ['lb1'], db: hosts }, vars: { mysql: params } })
  const plays = [
    play({ hosts: 'db', roles: [mysql()] }),
    play({ hosts: 'db', roles: [mysqlReplica()] }),
    play({ hosts: 'lb', roles: [haproxy({ domains: ['www.example.com'], servers: [] })] }),
  ]
  return await lab().run(plays, { inventory, verify })
}

function isConverged(t: ExecutionContext, ran: Ran): void {
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
}

function isUnchanged(t: ExecutionContext, ran: Ran): void {
  isConverged(t, ran)
  t.deepEqual(
    ran.log.filter((line) => / changed /.test(line)),
    [],
  )
}

async function sql(host: string, text: string): Promise<string> {
  const result = await lab().on(host, 'mysql --batch --skip-column-names', text)
  if (result.code !== 0) throw new Error(`${host}: ${text}\n${result.stderr}`)
  return result.stdout.trim()
}

/** Waits until a question has an answer that is as wished. */
async function until<T>(what: string, ask: () => Promise<T>, isWished: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 300_000
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const answer = await ask()
      if (isWished(answer)) return answer
      last = answer
    } catch (error) {
      last = error
    }
  }
  throw new Error(`${what}: not within 300 s; last: ${String(last)}`)
}

const states =
  "SELECT GROUP_CONCAT(MEMBER_STATE, ' ', MEMBER_ROLE ORDER BY MEMBER_ROLE) FROM performance_schema.replication_group_members"
const whole = 'ONLINE PRIMARY,ONLINE SECONDARY,ONLINE SECONDARY'
const groupIsWhole = (seenBy: string) =>
  until(
    'all are in the group',
    () => sql(seenBy, states),
    (answer) => answer === whole,
  )
const isOpen = (host: string) =>
  sql(host, 'SELECT @@GLOBAL.super_read_only').then(
    (answer) => answer === '0',
    () => false,
  )

/** The one host of these that takes writes; waits until there is one, and fails if there are two. */
async function primaryAmong(t: ExecutionContext, names: readonly string[]): Promise<string> {
  const open = await until(
    `one of ${names.join(', ')} takes writes`,
    async () => {
      const answers = await Promise.all(names.map(isOpen))
      return names.filter((_name, index) => answers[index])
    },
    (found) => found.length > 0,
  )
  t.is(open.length, 1, `two take writes: ${open.join(', ')}`)
  return open[0] ?? ''
}

const db = (...args: string[]) =>
  provision(
    [
      ...['db', ...args, 'test/lab/playbooks/group.ts', '-i', 'test/lab/playbooks/group-inventory.ts'],
      ...['--secrets', lab().secretsFile],
    ],
    { PROVISION_LAB: 't-group' },
  )
/** Which server a port of the endpoint leads to, for a client on the load balancer. */
const serverBehind = (port: number) =>
  lab().must('lb1', `mariadb --defaults-extra-file=/root/client.cnf --port=${port} -NBe 'SELECT @@hostname'`)

const othersThan = (host: string) => hosts.filter((name) => name !== host)
const insert = (text: string) => `INSERT INTO shop.notes (text) VALUES ('${text}')`
const notes = "SELECT GROUP_CONCAT(text ORDER BY text SEPARATOR ' ') FROM shop.notes"

test.serial('three bare hosts become a group, and a rerun changes nothing', async (t) => {
  t.timeout(900_000)
  isConverged(t, await converge())
  const executed = await sql('db1', 'SELECT @@GLOBAL.gtid_executed')
  isUnchanged(t, await converge())
  isConverged(t, await converge({}, true))
  t.is(await sql('db1', 'SELECT @@GLOBAL.gtid_executed'), executed)
  await sql('db1', `CREATE TABLE shop.notes (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(50)); ${insert('first')}`)
})

test.serial('a handover: another member becomes the primary, and the ports of the load balancer follow', async (t) => {
  t.timeout(900_000)
  const ca = await lab().must('db1', 'cat /etc/mysql/tls/ca.pem')
  const made = await lab().on(
    'lb1',
    `umask 077
cat >/root/ca.pem
printf '[client]\\nuser=shop\\npassword=shop-password\\nhost=database.internal\\nprotocol=TCP\\nssl-ca=/root/ca.pem\\nssl-verify-server-cert=ON\\n' >/root/client.cnf
echo '${lab().address('lb1')} database.internal' >>/etc/hosts
apt-get install -y --no-install-recommends mariadb-client`,
    ca,
  )
  t.is(made.code, 0, made.stderr)
  const old = await primaryAmong(t, hosts)
  const [to = '', third = ''] = othersThan(old)
  const leads = (port: number, among: readonly string[]) =>
    until(
      `port ${port} leads to ${among.join(' or ')}`,
      () => serverBehind(port),
      (answer) => among.includes(answer.trim()),
    )
  await leads(6446, [old])
  await leads(6447, [to, third])
  for (const [args, message] of [
    [['switchover', '--to', old], `${old} is the primary already`],
    [['switchover', '--to', 'db9'], 'db9 is no member that is ONLINE'],
    [['failover', '--give-up', old], 'these servers elect their primary themselves'],
    [['rejoin', to], 'these servers join their group themselves'],
  ] as const) {
    const refused = await db(...args)
    t.is(refused.code, 1)
    t.true(refused.stderr.includes(message), refused.stderr)
  }
  const checked = await db('switchover', '--check')
  t.is(checked.stdout, `the group would hand over from ${old} to ${to}\n`)
  const switched = await db('switchover', '--to', to)
  t.is(switched.code, 0, switched.stderr)
  t.is(await primaryAmong(t, hosts), to)
  await leads(6446, [to])
  await leads(6447, [old, third])
  await sql(to, insert('handed over'))
  isUnchanged(t, await converge())
  const { stdout, code } = await db('status', '--output', 'json')
  const status = JSON.parse(stdout) as { primary: string; problems: string[]; nodes: { host: string; role: string }[] }
  t.is(code, 0, stdout)
  t.deepEqual(status.problems, [])
  t.is(status.primary, to)
  t.deepEqual(status.nodes.map(({ role }) => role).sort(), ['primary', 'secondary', 'secondary'])
  t.is((await db('switchover', '--to', old)).code, 0)
  t.is(await primaryAmong(t, hosts), old)
})

test.serial('members talk over TLS only, and the password stands in no table and no log', async (t) => {
  t.is(await sql('db1', 'SELECT @@GLOBAL.group_replication_ssl_mode'), 'VERIFY_IDENTITY')
  for (const host of hosts) {
    const password = await lab().must(host, `sed -n 's/^password="\\(.*\\)"$/\\1/p' /etc/mysql/replication-client.cnf`)
    t.true(password.trim().length > 10)
    t.is(await sql(host, "SELECT COUNT(*) FROM mysql.slave_master_info WHERE User_password <> ''"), '0')
    const found = await lab().on(
      host,
      `cat >/root/word; grep -rlFf /root/word /var/log/mysql /var/log/journal /run/log/journal; rm /root/word`,
      password,
    )
    t.is(found.stdout, '', host)
  }
})

test.serial(
  'kill -9 of the primary: another one takes writes, the dead one comes back, and a rerun leaves the new primary alone',
  async (t) => {
    t.timeout(900_000)
    const old = await primaryAmong(t, hosts)
    await lab().must(old, 'systemctl kill --signal KILL mysql')
    const now = await primaryAmong(t, othersThan(old))
    await sql(now, insert('killed'))
    await groupIsWhole(now)
    isUnchanged(t, await converge())
    t.true(await isOpen(now))
    // what changes is written by the new primary, and reaches the old one
    isConverged(t, await converge(later))
    await until(
      'the old primary has it',
      () => sql(old, "SHOW DATABASES LIKE 'later'"),
      (answer) => answer === 'later',
    )
  },
)

test.serial(
  'a cable is cut: the lone primary refuses writes, the majority goes on, and after the repair all are one group',
  async (t) => {
    t.timeout(900_000)
    const old = await primaryAmong(t, hosts)
    // what the host sees while nobody can reach it: it writes, again and again, until a write is refused
    await lab().must(
      old,
      `systemd-run --unit=lone sh -c 'until echo "${insert('lone')}" | timeout 120 mysql 2>/root/refused; [ $? != 0 ]; do sleep 0.2; done; mysql -NBe "SELECT @@GLOBAL.super_read_only" >/root/read-only'`.replaceAll(
        "'lone'",
        '\\"lone\\"',
      ),
    )
    await labLink('t-group', old, 'down')
    const now = await primaryAmong(t, othersThan(old))
    await sql(now, insert('majority'))
    await until(
      'the lone host has given up its place',
      async () => (await sql(now, states)).split(',').length,
      (count) => count === 2,
    )
    await labLink('t-group', old, 'up')
    await groupIsWhole(now)
    await until(
      'the lone host was refused',
      () => lab().on(old, 'cat /root/read-only'),
      ({ stdout }) => stdout === '1\n',
    )
    t.regex(await lab().must(old, 'cat /root/refused'), /super-read-only|before_commit|plugin/i)
    const written = await sql(now, notes)
    await until(
      'the lone host has the same rows',
      () => sql(old, notes),
      (answer) => answer === written,
    )
    t.regex(written, /first .*majority/)
  },
)

test.serial(
  'all hosts lose power at once and boot in reverse order: they are one group again, with all rows',
  async (t) => {
    t.timeout(900_000)
    const old = await primaryAmong(t, hosts)
    await sql(old, insert('power'))
    const written = await sql(old, notes)
    await labKill('t-group', hosts)
    const [last = '', ...first] = hosts
    for (const host of first.toReversed()) await labStart('t-group', host)
    // two are a majority, but the third may have what they have not: they wait
    await until(
      'the two wait for the third',
      () => lab().must('db3', '/usr/local/sbin/mysql-group once'),
      (says) => says.includes('no answer from'),
    )
    t.false((await Promise.all(first.map(isOpen))).includes(true))
    await labStart('t-group', last)
    const now = await primaryAmong(t, hosts)
    t.is(await sql(now, notes), written)
    await groupIsWhole(now)
    isUnchanged(t, await converge(later))
  },
)

test.serial('a server with transactions of its own is refused, and they are named', async (t) => {
  t.timeout(900_000)
  await lab().must('db3', 'systemctl stop mysql-group')
  await sql(
    'db3',
    `STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; ${insert('errant')}; SET GLOBAL super_read_only = ON`,
  )
  const uuid = await sql('db3', 'SELECT @@server_uuid')
  const ran = await converge({ ...later, joinWait: 60 })
  t.is(ran.result.outcome, 'failed')
  t.regex(ran.errors.join('\n'), /has 1 transaction that its group does not have, so it cannot be a member/)
  t.true(ran.errors.join('\n').includes(`${uuid}:1`), ran.errors.join('\n'))
  const text = await sql('db1', notes)
  isConverged(t, await converge({ ...later, allowReseed: true }))
  t.is(await sql('db3', notes), text)
})

test.serial('a setting for all restarts one after the other: nobody has to start the group anew', async (t) => {
  t.timeout(900_000)
  const starts = async () =>
    await Promise.all(
      hosts.map((host) =>
        lab().must(host, "journalctl --unit mysql-group --output cat | grep -c 'starts the group' || true"),
      ),
    )
  const before = await starts()
  isConverged(t, await converge({ ...later, settings: { max_connections: 77 } }))
  for (const host of hosts) t.is(await sql(host, 'SELECT @@GLOBAL.max_connections'), '77')
  t.deepEqual(await starts(), before)
  isUnchanged(t, await converge({ ...later, settings: { max_connections: 77 } }))
  isConverged(t, await converge({ ...later, settings: { max_connections: 77 } }, true))
})
