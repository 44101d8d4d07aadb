import { createHash } from 'node:crypto'
import test from 'ava'
import { clientPrelude } from '../../src/resources/mysql-client.ts'
import { config, renderSettings } from '../../src/resources/mysql-config.ts'
import { database } from '../../src/resources/mysql-database.ts'
import { flavour } from '../../src/resources/mysql-flavour.ts'
import { cachingSha2Hash, nativeHash } from '../../src/resources/mysql-password.ts'
import { primary } from '../../src/resources/mysql-primary.ts'
import { readOnly } from '../../src/resources/mysql-read-only.ts'
import { user } from '../../src/resources/mysql-user.ts'
import { variable } from '../../src/resources/mysql-variable.ts'
import { facts, planOne, planTable } from './table.ts'

const mysql = 'super_read_only\tOFF\nread_only\tOFF\nversion\t9.7.4\n'
const closed = 'super_read_only\tON\nread_only\tON\nversion\t9.7.4\n'
const mariadb = 'read_only\tOFF\nversion\t11.8.6-MariaDB\n'
const odd = 'o\'neil "$HOME" `id` ü\n-x'

planTable([
  {
    title: 'a schema that is there',
    task: database({ database: 'shop' }),
    probe: `${mysql}schema\tshop\tutf8mb4\tutf8mb4_0900_ai_ci\n`,
    expect: { unchanged: 'is present (utf8mb4, utf8mb4_0900_ai_ci)' },
  },
  {
    title: 'a schema with an odd name is made',
    task: database({ database: odd, collation: 'utf8mb4_bin' }),
    probe: mysql,
    expect: { changes: ['absent → present (CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)'] },
  },
  {
    title: 'another collation is altered for new tables',
    task: database({ database: 'shop', collation: 'utf8mb4_bin' }),
    probe: `${mysql}schema\tshop\tutf8mb4\tutf8mb4_0900_ai_ci\n`,
    expect: { changes: ['default utf8mb4 utf8mb4_0900_ai_ci → utf8mb4 utf8mb4_bin (existing tables stay)'] },
  },
  {
    title: 'a schema that shall go',
    task: database({ database: 'shop', state: 'absent' }),
    probe: `${mariadb}schema\tshop\tutf8mb4\tutf8mb4_bin\n`,
    expect: { changes: ['present → absent'] },
  },
  {
    title: 'a schema that shall not be there and is not',
    task: database({ database: 'shop', state: 'absent' }),
    probe: mariadb,
    expect: { unchanged: 'is absent' },
  },
  {
    title: 'a read-only server cannot be written',
    task: database({ database: 'shop' }),
    probe: closed,
    expect: {
      unknown:
        'database shop must be written, but this server is read-only (super_read_only = ON): write on the primary, and open it with mysql.readOnly first',
    },
  },
  {
    title: 'a read-only server on which nothing is to be written is fine',
    task: database({ database: 'shop' }),
    probe: `${closed}schema\tshop\tutf8mb4\tutf8mb4_bin\n`,
    expect: { unchanged: 'is present (utf8mb4, utf8mb4_bin)' },
  },
  {
    title: 'no server yet',
    task: database({ database: 'shop' }),
    probe: 'absent\n',
    expect: { unknown: 'no database server is installed' },
  },
])

test('odd names reach the server through stdin, quoted', (t) => {
  const plan = planOne(database({ database: odd }), mysql, { facts, check: false })
  const step = 'changes' in plan ? plan.changes[0].steps[0] : undefined
  t.is(
    step?.input,
    "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';\nCREATE DATABASE `o'neil \"$HOME\" ``id`` ü\n-x` CHARACTER SET utf8mb4;\n",
  )
  t.false(step?.script.includes('neil'))
})

test("MariaDB's client is told not to print statements that fail", (t) => {
  const plan = planOne(database({ database: 'x' }), mariadb, { facts, check: false })
  t.regex('changes' in plan ? (plan.changes[0].steps[0]?.script ?? '') : '', /--loose-skip-print-query-on-error/)
})

test('a server that refuses root is an error, not an absent schema', (t) => {
  const task = database({ database: 'shop' })
  const error = t.throws(() =>
    planOne(task, "failed\tERROR 1698 (28000): Access denied for user 'root'@'localhost'\n", { facts, check: false }),
  )
  t.is(error?.message, 'mysql.database: the database server refused a question of the probe')
  t.throws(() => planOne(task, 'garbage\n', { facts, check: false }), {
    message: 'mysql.database: expected the server\'s version from the database client, found "garbage\\n"',
  })
  t.throws(() => planOne(task, `${mysql}table\tx\n`, { facts, check: false }), {
    message: 'mysql.database: expected a row of schemata, found ["table","x"]',
  })
})

const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
const sum = (text: string) => createHash('sha256').update(text).digest('hex')
const serverSalt = 'abcdefghijklmnopqrst'

/** The probe's account row and its grants. */
function account(
  name: string,
  host: string,
  more: { plugin?: string; hash?: string; tls?: string; locked?: string; grants?: readonly string[] } = {},
): string {
  const hash = more.hash ?? cachingSha2Hash('hunter2', serverSalt, 10_000)
  const plugin = more.plugin ?? 'caching_sha2_password'
  const prefix = plugin === 'caching_sha2_password' ? hex(hash.slice(0, 27)) : ''
  const row = ['account', hex(name), hex(host), plugin, sum(hash), prefix, more.tls ?? '', more.locked ?? 'N'].join(
    '\t',
  )
  return `${[row, `GRANT USAGE ON *.* TO \`${name}\`@\`${host}\``, ...(more.grants ?? [])].join('\n')}\n`
}

const app = user({ user: 'app', host: '%', password: 'hunter2', tls: 'ssl', grants: { 'shop.*': 'ALL' } })
const grants = ['GRANT ALL PRIVILEGES ON `shop`.* TO `app`@`%`']

planTable([
  {
    title: 'an account as wished, whatever the salt and the rounds of its hash',
    task: app,
    probe: `${mysql}${account('app', '%', { tls: 'ANY', grants })}`,
    expect: { unchanged: 'is present, 1 grants' },
  },
  {
    title: 'an account of MariaDB as wished',
    task: app,
    probe: `${mariadb}${account('app', '%', { plugin: 'mysql_native_password', hash: nativeHash('hunter2'), tls: '1', grants })}`,
    expect: { unchanged: 'is present, 1 grants' },
  },
  {
    title: 'a new account',
    task: app,
    probe: mysql,
    expect: { changes: ['absent → present', 'grants on `shop`.*: + ALL'] },
  },
  {
    title:
      'an account that does not replicate, on a server that is not in a group: past the binary log, and read-only afterwards',
    task: user({ user: 'app', auth: 'socket', replicate: false }),
    probe: `${closed}member\tOFFLINE\n`,
    expect: { changes: ['absent → present'] },
    scripts: [
      `${clientPrelude}
code=0
ask || code=$?
echo 'SET GLOBAL super_read_only = ON;' | ask
exit "$code"`,
    ],
  },
  {
    title: 'an account that does not replicate, on a member',
    task: user({ user: 'app', auth: 'socket', replicate: false }),
    probe: `${mysql}member\tONLINE\n`,
    expect: { unchanged: "is the group's business: this server is a member" },
  },
  {
    title: 'an account that does not replicate, on MariaDB',
    task: user({ user: 'app', auth: 'socket', replicate: false }),
    probe: mariadb,
    expect: { refused: "replicate: false is for MySQL's groups, and this is MariaDB" },
  },
  {
    title: 'another password, no TLS, locked',
    task: app,
    probe: `${mysql}${account('app', '%', { hash: cachingSha2Hash('other', serverSalt), locked: 'Y', grants })}`,
    expect: { changes: ['password differs, TLS requirement none → ssl, locked → unlocked'] },
  },
  {
    title: 'another password on MariaDB',
    task: app,
    probe: `${mariadb}${account('app', '%', { plugin: 'mysql_native_password', hash: nativeHash('other'), tls: '1', grants })}`,
    expect: { changes: ['password differs'] },
  },
  {
    title: 'several ways to log in are one too many',
    task: app,
    probe: `${mariadb}${account('app', '%', { plugin: 'several', tls: '1', grants })}`,
    expect: { changes: ['authentication several → mysql_native_password'] },
  },
  {
    title: 'an account without a password becomes one of the system',
    task: user({ user: 'daemon', auth: 'socket' }),
    probe: `${mysql}${account('daemon', 'localhost')}`,
    expect: { changes: ['authentication caching_sha2_password → auth_socket'] },
  },
  {
    title: 'a socket account as wished',
    task: user({ user: 'daemon', auth: 'socket' }),
    probe: `${mariadb}${account('daemon', 'localhost', { plugin: 'unix_socket', hash: '', tls: '0' })}`,
    expect: { unchanged: 'is present, 0 grants' },
  },
  {
    title: 'an account that shall go',
    task: user({ user: odd, host: '10.%', state: 'absent' }),
    probe: `${mysql}${account('x', 'y')}${account(odd, '10.%').replace(/GRANT USAGE.*\n.*\n/, 'GRANT USAGE ON *.* TO `odd`@`%`\n')}`,
    expect: { changes: ['present → absent'] },
  },
  {
    title: 'an account that shall not be there and is not',
    task: user({ user: 'app', state: 'absent' }),
    probe: `${mysql}${account('app', '%')}`,
    expect: { unchanged: 'is absent' },
  },
])

test('the clear password goes nowhere, its hash to stdin only', (t) => {
  for (const server of [mysql, mariadb]) {
    const plan = planOne(app, server, { facts, check: false })
    const steps = 'changes' in plan ? plan.changes.flatMap((change) => change.steps) : []
    t.true(steps.length > 0)
    t.false(JSON.stringify(steps).includes('hunter2'))
    t.true(steps.every((step) => !/\$A\$|\*[0-9A-F]{40}/.test(step.script)))
  }
})

test('what cannot be an account is found at load', (t) => {
  t.throws(() => user({ user: 'app' }), { message: "mysql.user: option 'password' is missing (or set auth: 'socket')" })
  t.throws(() => user({ user: 'app', auth: 'socket', password: 'x' }), {
    message: "mysql.user: option 'password': not together with auth 'socket'",
  })
  t.throws(() => user({ user: 'app', password: 'x', grants: { shop: 'ALL' } }), {
    message:
      "mysql.user: option 'grants': expected '*.*', 'schema.*', 'schema.table' or 'FUNCTION schema.name', found 'shop'",
  })
})

planTable([
  {
    title: 'the same server',
    task: flavour({ flavour: 'mysql' }),
    probe: 'installed\tmysql-server\t9.7.4-2\nconfig-files\tmariadb-server\t1:11.8\n',
    expect: { unchanged: 'is mysql 9.7.4-2' },
  },
  {
    title: 'none yet',
    task: flavour({ flavour: 'mysql' }),
    probe: 'not-installed\tmysql-server-core\t\n',
    expect: { unchanged: 'no database server yet' },
  },
  {
    title: 'the other server',
    task: flavour({ flavour: 'mysql' }),
    probe: 'installed\tmariadb-server-core\t1:11.8.6\n',
    expect: { refused: 'expected mysql or no database server, found mariadb-server 1:11.8.6' },
  },
  {
    title: 'an equal value in another spelling',
    task: variable({ variable: 'innodb_buffer_pool_size', value: '1G' }),
    probe: `${mysql}variables\ninnodb_buffer_pool_size\t1073741824\n`,
    expect: { unchanged: 'is 1073741824' },
  },
  {
    title: 'a switch',
    task: variable({ variable: 'slow_query_log', value: true }),
    probe: `${mysql}variables\nslow_query_log\tOFF\n`,
    expect: { changes: ['OFF → true'] },
  },
  {
    title: 'a variable that is also read of every server',
    task: variable({ variable: 'read_only', value: false }),
    probe: `${mysql}variables\nread_only\tOFF\n`,
    expect: { unchanged: 'is OFF' },
  },
  {
    title: 'a variable that the server does not have',
    task: variable({ variable: 'query_cache_size', value: 0 }),
    probe: `${mysql}variables\n`,
    expect: { refused: 'the server has no variable query_cache_size' },
  },
  {
    title: 'a closed primary is opened',
    task: readOnly({ readOnly: false }),
    probe: closed,
    expect: { changes: ['read-only → open for writes'] },
  },
  {
    title: 'read_only without super_read_only is still closed',
    task: readOnly({ readOnly: false }),
    probe: closed.replace('ON', 'OFF'),
    expect: { changes: ['read-only → open for writes'] },
  },
  {
    title: 'an open primary is left alone',
    task: readOnly({ readOnly: false }),
    probe: mysql,
    expect: { unchanged: 'is open for writes' },
  },
  {
    title: 'a replica is never opened',
    task: readOnly({ readOnly: false }),
    probe: `${closed}source\t10.0.0.11\n`,
    expect: { refused: 'this server replicates from 10.0.0.11, so it cannot be opened as the primary' },
  },
  {
    title: 'closing',
    task: readOnly({ readOnly: true }),
    probe: mariadb,
    expect: { changes: ['open → read-only'] },
  },
])

test('the value of a variable is a literal unless it is a number or a switch', (t) => {
  const statement = (value: string | number | boolean): unknown => {
    const plan = planOne(variable({ variable: 'x', value }), `${mysql}variables\nx\t-\n`, { facts, check: false })
    return 'changes' in plan ? String(plan.changes[0].steps[0]?.input).split('\n')[1] : undefined
  }
  t.is(statement("a'; DROP TABLE x"), "SET GLOBAL x = 'a''; DROP TABLE x';")
  t.is(statement('2M'), 'SET GLOBAL x = 2097152;')
  t.is(statement(-1.5), 'SET GLOBAL x = -1.5;')
  t.is(statement(true), 'SET GLOBAL x = ON;')
})

test('settings are written as option files read them', (t) => {
  t.is(
    renderSettings('mysql', {
      max_connections: 5,
      gtid_mode: true,
      plugin_load_add: ['a.so', 'b.so'],
      init_connect: "SET NAMES 'utf8mb4' # all",
      path: 'C:\\dir',
    }),
    `# Managed by hostwright: changes are overwritten.
[mysqld]
max_connections = 5
gtid_mode = ON
plugin_load_add = a.so
plugin_load_add = b.so
init_connect = "SET NAMES 'utf8mb4' # all"
path = C:\\\\dir
`,
  )
})

const settings = { max_connections: 5 }
const encoded = Buffer.from(renderSettings('mariadb', settings)).toString('base64')
const path = '/etc/mysql/mariadb.conf.d/zz-hostwright.cnf'

planTable([
  {
    title: 'a file as wished',
    task: config({ flavour: 'mariadb', settings }),
    probe: `file\t${path}\t644 root:root\t${encoded}\nserver\tmariadbd\n`,
    expect: { unchanged: 'is as wished' },
  },
  {
    title: 'a new file',
    task: config({ flavour: 'mariadb', settings }),
    probe: `absent\t${path}\nserver\tmariadbd\n`,
    expect: { changes: ['absent → present'] },
  },
  {
    title: 'without a server nothing can check it',
    task: config({ flavour: 'mariadb', settings }),
    probe: `absent\t${path}\n`,
    expect: { unknown: 'mariadbd, which checks the file, is not installed' },
  },
])

test('settings cannot smuggle lines in', (t) => {
  t.throws(() => config({ flavour: 'mysql', settings: { a: '1\nskip_grant_tables' } }), {
    message: /expected one line/,
  })
  t.throws(() => config({ flavour: 'mysql', settings: { 'a]b': 1 } }), { message: /expected the name of an option/ })
})

const decides = primary({ program: '/usr/local/sbin/decide' })

planTable([
  {
    title: 'the primary is left alone',
    task: decides,
    probe: `${mysql}primary\ttakes writes (term 2)\n`,
    expect: { unchanged: 'takes writes (term 2)' },
  },
  {
    title: 'a replica is left alone',
    task: decides,
    probe: `${closed}replica\treplicates from 10.0.0.2\n`,
    expect: { unchanged: 'replicates from 10.0.0.2' },
  },
  {
    title: 'the first server of a new group is opened',
    task: decides,
    probe: `${closed}open\tthe group starts for the first time\n`,
    expect: { changes: ['read-only → open for writes (the group starts for the first time)'] },
    scripts: ['/usr/local/sbin/decide open'],
  },
  {
    title: 'one that most others do not answer tries, and may fail',
    task: decides,
    probe: `${closed}wait\tno answer from 10.0.0.2\n`,
    expect: { changes: ['read-only → open for writes, if the others agree (no answer from 10.0.0.2)'] },
    scripts: ['/usr/local/sbin/decide open'],
  },
  {
    title: 'an old primary waits for the new one',
    task: decides,
    probe: `${closed}stay\tdb2 was made the primary (term 2)\n`,
    expect: { changes: ['waits for the primary (db2 was made the primary (term 2))'] },
    scripts: ['/usr/local/sbin/decide await'],
  },
  {
    title: 'two that take writes are refused',
    task: decides,
    probe: `${mysql}conflict\tthis server and 10.0.0.2 both take writes\n`,
    expect: { refused: 'this server and 10.0.0.2 both take writes' },
  },
  {
    title: 'without its program nothing is known',
    task: decides,
    probe: `${closed}missing\n`,
    expect: { unknown: '/usr/local/sbin/decide, which decides, is not there' },
  },
  {
    title: 'no server',
    task: decides,
    probe: 'absent\n',
    expect: { unknown: 'no database server is installed' },
  },
])

test('mysql.primary: a verdict that nobody knows is an error', (t) => {
  const error = t.throws(() => planOne(decides, `${mysql}error\tsh: bad\n`, { facts, check: false }))
  t.is(error?.message, "mysql.primary: expected a verdict, found 'error'")
})
