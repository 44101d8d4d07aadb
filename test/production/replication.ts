// Who takes writes, and how that changes: a pair of databases behind a load balancer, which is the third voter. Switched and failed over
// under a writer whose acknowledged rows must all be there, and left without power. The same for MySQL and MariaDB.
import { readFileSync } from 'node:fs'
import type { ExecutionContext, TestFn } from 'ava'
import { labKill, labLink, labStart } from '../../src/lab/lab.ts'
import { useLab } from '../lab/harness.ts'
import { type CommandRun, provision, recapOf } from '../lab/provision.ts'

export interface Status {
  readonly primary: string | null
  readonly term: number
  readonly healthy: boolean
  readonly problems: readonly string[]
  readonly nodes: readonly { host: string; role: string; errant: string | null; semiSync: string }[]
}

const clients = { mysql: 'mysql', mariadb: 'mariadb' }
/** What keeps root out too, as far as the server has that. */
const closed = { mysql: 'super_read_only', mariadb: 'read_only' }
const stopReceiving = { mysql: 'STOP REPLICA IO_THREAD', mariadb: 'STOP SLAVE IO_THREAD' }

/** A pair db1 and db2 with lb1 in front, and what the tests ask of it. */
export function usePair(test: TestFn, name: string, flavour: 'mysql' | 'mariadb') {
  const suite = flavour === 'mysql' ? 'sid' : 'trixie'
  const lab = useLab(test, name, ['lb1:bookworm', `db1:${suite}`, `db2:${suite}`])
  const playbook = 'test/lab/playbooks/database.ts'
  const options = () => ['-i', 'test/lab/playbooks/database-inventory.ts', '--secrets', lab().secretsFile]
  const command = (args: readonly string[]) => provision(args, { PROVISION_LAB: `t-${name}` })
  const run = (...more: string[]) => command([playbook, ...options(), '--output', 'json', ...more])
  const verify = (...more: string[]) => command(['verify', playbook, ...options(), ...more])
  const db = (...args: string[]) => command(['db', ...args, playbook, ...options()])
  const status = async (): Promise<Status> => {
    const { stdout, stderr } = await db('status', '--output', 'json')
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as Status
  }
  const sql = async (host: string, text: string): Promise<string> => {
    const result = await lab().on(host, `${clients[flavour]} --batch --skip-column-names`, text)
    if (result.code !== 0) throw new Error(`${host}: ${text}\n${result.stderr}`)
    return result.stdout.trim()
  }
  const isClosed = (host: string) => sql(host, `SELECT @@GLOBAL.${closed[flavour]}`)
  /** Which server a port of the endpoint leads to. */
  const serverBehind = async (port: number) =>
    (
      await lab().on('lb1', `mariadb --defaults-extra-file=/root/writer.cnf --port=${port} -NBe 'SELECT @@hostname'`)
    ).stdout.trim()
  const check = async (host: string, path: string) =>
    (await lab().on('lb1', `curl -s -o /dev/null -w '%{http_code}' http://${lab().address(host)}:9201/${path}`)).stdout
  const changesNothing = async (t: ExecutionContext, ...more: string[]): Promise<void> => {
    const again = await run(...more)
    well(t, again)
    for (const [host, counts] of Object.entries(recapOf(again).hosts)) t.is(counts.changed, 0, host)
  }
  /** Everything as it should be: nothing to change, nothing to tell, and this one takes writes. */
  const isWell = async (t: ExecutionContext, primary: string, ...more: string[]): Promise<void> => {
    await becomes(t, async () => (await status()).problems.join('\n'), '')
    await changesNothing(t, ...more)
    const found = await status()
    t.deepEqual(found.problems, [])
    t.is(found.primary, primary)
  }
  /** A client on lb1 that comes in through the endpoint, over TLS that it verifies. */
  const prepareWriter = async () => {
    const secrets = JSON.parse(readFileSync(lab().secretsFile, 'utf8')) as Record<string, string>
    const ca = await lab().must('db1', 'cat /etc/mysql/tls/ca.pem')
    await lab().must(
      'lb1',
      `apt-get install -y --no-install-recommends mariadb-client >/dev/null
echo '${lab().address('lb1')} database.internal' >>/etc/hosts`,
    )
    await lab().on('lb1', 'cat >/root/ca.pem', ca)
    const settings = {
      user: 'writer',
      password: `"${secrets['db.app']}"`,
      host: 'database.internal',
      protocol: 'TCP',
      'ssl-ca': '/root/ca.pem',
      'ssl-verify-server-cert': 'ON',
      'connect-timeout': '5',
    }
    const text = Object.entries(settings).map(([option, value]) => `${option}=${value}\n`)
    await lab().on('lb1', 'umask 077; cat >/root/writer.cnf', `[client]\n${text.join('')}`)
  }
  const acknowledged = async () => {
    const { stdout } = await lab().on('lb1', 'cat /root/acknowledged')
    return stdout.split('\n').filter(Boolean)
  }
  /** Acknowledged rows that a server does not have. */
  const lostOn = async (host: string) => {
    const rows = new Set((await sql(host, 'SELECT n FROM shop.numbers')).split('\n'))
    return (await acknowledged()).filter((number) => !rows.has(number))
  }
  return {
    ...{ lab, flavour, run, verify, db, status, sql, isClosed, serverBehind, check, changesNothing, isWell },
    ...{ prepareWriter, acknowledged, lostOn },
  }
}

export type Pair = ReturnType<typeof usePair>

/** Writes numbered rows through the endpoint until it is told to stop, each by a connection of its own. */
const writer = `rm -f /root/stop /root/acknowledged
n=0
until [ -e /root/stop ]; do
  n=$((n + 1))
  if mariadb --defaults-extra-file=/root/writer.cnf --port=6446 shop -e "INSERT INTO numbers VALUES ($n)" 2>/dev/null; then
    echo "$n" >>/root/acknowledged
  fi
done`

/** The same as fast as one connection can, until that breaks; an answer is written down when it is there. */
const quickWriter = `rm -f /root/acknowledged
seq 1000 900000 | sed 's/.*/INSERT INTO numbers VALUES (&); SELECT &;/' |
  mariadb --defaults-extra-file=/root/writer.cnf --port=6446 --batch --skip-column-names --unbuffered shop >/root/acknowledged`

/** It ended as it should. */
export function well(t: ExecutionContext, ran: CommandRun): void {
  t.is(ran.code, 0, `${ran.stderr}\n${ran.stdout.slice(-3000)}`)
}

/** Asks until the answer is this one. */
export async function becomes(t: ExecutionContext, ask: () => Promise<string>, answer: string): Promise<void> {
  const deadline = Date.now() + 120_000
  let last = ''
  while (Date.now() < deadline) {
    last = await ask().catch((error: unknown) => String(error))
    if (last === answer) break
  }
  t.is(last, answer)
}

/** The tests of a pair, in the order in which they build on each other. */
export function replicationTests(test: TestFn, pair: Pair, labName: string): void {
  const { lab, flavour, run, verify, db, status, sql, isClosed, serverBehind, check, isWell, lostOn } = pair

  test.serial('a pair behind a load balancer: each server says what it is, and the two ports lead there', async (t) => {
    t.timeout(900_000)
    well(t, await run())
    await isWell(t, 'db1')
    t.deepEqual(
      await Promise.all([
        check('db1', 'primary'),
        check('db1', 'replica'),
        check('db2', 'primary'),
        check('db2', 'replica'),
      ]),
      ['200', '503', '503', '200'],
    )
    await pair.prepareWriter()
    await becomes(t, () => serverBehind(6446), 'db1')
    await becomes(t, () => serverBehind(6447), 'db2')
  })

  test.serial('a check that gets no answer from its server says so, and the load balancer hears it', async (t) => {
    t.timeout(300_000)
    await lab().must('db2', `systemctl kill --signal=STOP ${flavour}`)
    try {
      await becomes(t, () => check('db2', 'alive'), '503')
      await becomes(t, () => serverBehind(6447), 'db1')
    } finally {
      await lab().must('db2', `systemctl kill --signal=CONT ${flavour}`)
    }
    await becomes(t, () => serverBehind(6447), 'db2')
  })

  test.serial('a switchover under a writer loses nothing, and the next run leaves it so', async (t) => {
    t.timeout(600_000)
    await sql('db1', 'CREATE TABLE shop.numbers (n INT PRIMARY KEY)')
    const writing = lab().on('lb1', writer)
    await becomes(t, async () => String((await pair.acknowledged()).length > 5), 'true')
    const switched = await db('switchover', '--to', 'db2')
    const before = (await pair.acknowledged()).length
    await becomes(t, async () => String((await pair.acknowledged()).length > before), 'true')
    await lab().must('lb1', 'touch /root/stop')
    await writing
    well(t, switched)
    t.deepEqual(await Promise.all([isClosed('db1'), isClosed('db2')]), ['1', '0'])
    t.deepEqual(await lostOn('db2'), [])
    await becomes(t, () => serverBehind(6446), 'db2')
    await isWell(t, 'db2')
    well(t, await verify())
  })

  test.serial('a failover is refused while the primary lives, and needs a word on what is given up', async (t) => {
    t.timeout(300_000)
    const alive = await db('failover', '--give-up', 'db2')
    t.is(alive.code, 1)
    t.regex(alive.stderr, /db2 takes writes, so nothing is lost/)
    await labKill(labName, 'db2')
    const silent = await db('failover')
    t.is(silent.code, 1)
    t.regex(silent.stderr, /db2 is the primary of term 2; what it has and no replica has received would be given up/)
  })

  test.serial(
    'a failover makes the replica the primary; the old one stays closed when it comes back, alone too',
    async (t) => {
      t.timeout(600_000)
      // the lost host is still missing: that is told by the exit code of status, not of the failover
      well(t, await db('failover', '--give-up', 'db2'))
      t.is(await isClosed('db1'), '0')
      t.deepEqual(await lostOn('db1'), [])
      await sql('db1', 'INSERT INTO shop.numbers VALUES (1000000)')
      // the new primary dies, and the old one comes back with nobody but the witness to ask
      await labKill(labName, 'db1')
      await labStart(labName, 'db2')
      await becomes(
        t,
        async () => (await lab().on('db2', '/usr/local/sbin/mysql-open-primary open 2>&1')).stdout.trim(),
        'db1 was made the primary (term 3): this server stays read-only',
      )
      t.is(await isClosed('db2'), '1')
      await labStart(labName, 'db1')
      await becomes(t, () => isClosed('db1'), '0')
      t.is(await isClosed('db2'), '1')
    },
  )

  test.serial('an old primary without transactions of its own rejoins', async (t) => {
    t.timeout(300_000)
    well(t, await db('rejoin', 'db2'))
    await becomes(t, () => sql('db2', 'SELECT MAX(n) FROM shop.numbers'), '1000000')
    await isWell(t, 'db1')
  })

  /** Refused, its transactions saved, and its data replaced only when that is said. Returns what was saved. */
  const rejoinsWithErrant = async (t: ExecutionContext, host: string): Promise<string> => {
    t.is((await status()).nodes.filter(({ errant }) => errant !== null).length, 1)
    const refused = await db('rejoin', host)
    t.is(refused.code, 1, refused.stderr)
    t.regex(refused.stderr, /has transactions that .* does not have, so it cannot follow/)
    t.regex(await sql(host, 'SHOW DATABASES'), /errant/)
    const [, path = ''] = /saved on \S+ as (\S+) /.exec(refused.stderr) ?? []
    const saved = await lab().must(host, `cat ${path}`)
    t.regex(saved, /CREATE DATABASE errant/)
    well(t, await db('rejoin', host, '--discard-errant'))
    t.notRegex(await sql(host, 'SHOW DATABASES'), /errant/)
    return saved
  }

  test.serial(
    'a replica with transactions of its own is refused; they are saved, and its data replaced when that is said',
    async (t) => {
      t.timeout(600_000)
      await sql(
        'db2',
        `SET GLOBAL ${closed[flavour]} = OFF; CREATE DATABASE errant_replica; SET GLOBAL ${closed[flavour]} = ON`,
      )
      const ran = await run()
      t.regex(ran.stdout, /this replica has diverged: it has transactions that \S+ does not have/)
      await rejoinsWithErrant(t, 'db2')
      await isWell(t, 'db1')
    },
  )

  test.serial('what an old primary wrote and nobody received is saved, and can be written again', async (t) => {
    t.timeout(600_000)
    await sql('db2', stopReceiving[flavour])
    await sql('db1', 'CREATE DATABASE errant; CREATE TABLE errant.t (id INT PRIMARY KEY, text VARCHAR(20))')
    await sql('db1', "INSERT INTO errant.t VALUES (1, 'nobody saw it')")
    await labKill(labName, 'db1')
    well(t, await db('failover', '--give-up', 'db1'))
    await sql('db2', 'INSERT INTO shop.numbers VALUES (1000001)')
    await labStart(labName, 'db1')
    await becomes(t, () => isClosed('db1'), '1')
    const saved = await rejoinsWithErrant(t, 'db1')
    await isWell(t, 'db2')
    const replayed = await lab().on('db2', clients[flavour], saved)
    t.is(replayed.code, 0, replayed.stderr)
    await becomes(t, () => sql('db1', 'SELECT text FROM errant.t'), 'nobody saw it')
    await isWell(t, 'db2')
  })

  test.serial('all hosts lose power at once, and serve again without a person', async (t) => {
    t.timeout(600_000)
    await sql('db2', 'INSERT INTO shop.numbers VALUES (1000002)')
    await labKill(labName, ['lb1', 'db1', 'db2'])
    await labStart(labName, 'db1')
    await labStart(labName, 'lb1')
    // two of three voters are there, but neither is the primary of the last term
    await becomes(
      t,
      () =>
        lab()
          .must('db1', '/usr/local/sbin/mysql-open-primary look')
          .then((said) => said.split('\t')[0] ?? ''),
      'replica',
    )
    t.is(await isClosed('db1'), '1')
    await labStart(labName, 'db2')
    await becomes(t, () => isClosed('db2'), '0')
    await becomes(t, () => serverBehind(6446), 'db2')
    await becomes(t, () => serverBehind(6447), 'db1')
    t.deepEqual(await lostOn('db2'), [])
    t.is(await sql('db2', 'SELECT MAX(n) FROM shop.numbers'), '1000002')
    await isWell(t, 'db2')
  })

  test.serial('and switched back: everything is as it was', async (t) => {
    t.timeout(600_000)
    well(t, await db('switchover'))
    await becomes(t, () => sql('db2', 'SELECT MAX(n) FROM shop.numbers'), '1000002')
    await isWell(t, 'db1')
    well(t, await verify())
  })

  // longer than anything here takes: what a test kills in time must not depend on how fast the machine is
  const semiSync = ['--extra-vars', JSON.stringify({ mysql: { semiSync: { timeout: 600 } } })]
  const waitFor = (milliseconds: number) =>
    `SET GLOBAL rpl_semi_sync_${flavour === 'mysql' ? 'source' : 'master'}_timeout = ${milliseconds}`
  const semiSyncOf = async () => (await status()).nodes.map((node) => node.semiSync).join(' ')

  test.serial('semi-synchronous replication: on at both servers, and told', async (t) => {
    t.timeout(600_000)
    t.is(await semiSyncOf(), 'off off')
    well(t, await run(...semiSync))
    await becomes(t, semiSyncOf, 'source replica')
    await isWell(t, 'db1', ...semiSync)
    well(t, await verify(...semiSync))
    well(t, await db('switchover'))
    await becomes(t, semiSyncOf, 'replica source')
    await isWell(t, 'db2', ...semiSync)
  })

  test.serial(
    'semi-synchronous replication: the primary is lost under a writer, and no answered row with it',
    async (t) => {
      t.timeout(600_000)
      const writing = lab().on('lb1', quickWriter)
      await becomes(t, async () => String((await pair.acknowledged()).length > 200), 'true')
      // the replica is cut off first: what the primary writes from now on nobody receives
      await labLink(labName, 'db1', 'down')
      await labKill(labName, 'db2')
      await labLink(labName, 'db1', 'up')
      await writing
      well(t, await db('failover', '--give-up', 'db2'))
      t.deepEqual(await lostOn('db1'), [])
      // nobody is left to answer: a commit goes on alone after its time, and that is told
      await sql('db1', `${waitFor(1000)}; INSERT INTO shop.numbers VALUES (2000000)`)
      await sql('db1', waitFor(600_000))
      t.true((await status()).problems.some((problem) => problem.startsWith('db1 answers commits that no replica has')))
      const broken = await verify(...semiSync, '--limit', 'db1')
      t.not(broken.code, 0)
      t.regex(broken.stdout, /a replica answers \(semi-synchronous replication\)/)
      await labStart(labName, 'db2')
      await becomes(t, () => isClosed('db2'), '1')
      // it may have written what nobody received and it never answered
      if ((await db('rejoin', 'db2')).code !== 0) well(t, await db('rejoin', 'db2', '--discard-errant'))
      await becomes(t, semiSyncOf, 'source replica')
      await isWell(t, 'db1', ...semiSync)
      well(t, await verify(...semiSync))
    },
  )
}
