// The home region is lost and the other one starts from cold: from its replica, and from the newest backup where the replica is lost too.
// Then the home region comes back, and there are never two primaries. The site's public address moves by hand, as DNS does. The same for MySQL
// and MariaDB.
import type { ExecutionContext, TestFn } from 'ava'
import { labKill, labStart } from '../../src/lab/lab.ts'
import { useLab } from '../lab/harness.ts'
import { type CommandRun, jsonLines, provision, recapOf } from '../lab/provision.ts'

type Region = 'home' | 'away' | 'both'

function well(t: ExecutionContext, ran: CommandRun): void {
  t.is(ran.code, 0, `${ran.stderr}\n${ran.stdout.slice(-4000)}`)
}

function changedNothing(t: ExecutionContext, ran: CommandRun): void {
  well(t, ran)
  const changes = jsonLines(ran).filter(({ status }) => status === 'changed')
  for (const { changed } of Object.values(recapOf(ran).hosts)) t.is(changed, 0, JSON.stringify(changes))
}

/** The tests in the order in which they build on each other. */
export function regionsTests(test: TestFn, flavour: 'mysql' | 'mariadb', name: string): void {
  const suite = flavour === 'mysql' ? 'sid' : 'trixie'
  const hosts = [`home1:${suite}`, 'lb1:bookworm', `db3:${suite}`, `db4:${suite}`, 'store2:trixie']
  const lab = useLab(test, name, hosts, { acme: true, virtualNames: ['foobar.com', 'www.foobar.com'] })

  const command = (region: Region, args: readonly string[], database = 'db3') =>
    provision([...args, '--inventory', 'inventory/examples/regions.ts', '--secrets', lab().secretsFile], {
      PROVISION_LAB: `t-${name}`,
      FLAVOUR: flavour,
      REGION: region,
      DATABASE: database,
    })
  const site = (region: Region) => command(region, ['playbooks/site.ts', '--output', 'json'])
  const recovery = ['playbooks/disaster-recovery.ts', '--output', 'json']
  const confirmed = [...recovery, '--extra-vars', 'disasterRecovery.confirm=home']

  const sql = async (host: string, text: string) =>
    (await lab().must(host, `${flavour} --batch --skip-column-names --execute="${text}"`)).trim()
  /** A visitor who tries again may write twice. */
  const notes = (host: string) =>
    sql(
      host,
      'SELECT GROUP_CONCAT(text ORDER BY first) FROM (SELECT text, MIN(id) AS first FROM app.notes GROUP BY text) AS once',
    )
  const isReadOnly = (host: string) =>
    sql(host, `SELECT @@GLOBAL.${flavour === 'mysql' ? 'super_read_only' : 'read_only'}`)

  /** Waits until a command on a host succeeds. */
  async function until(host: string, condition: string): Promise<void> {
    await lab().must(
      host,
      `for try in $(seq 1800); do ${condition} && exit; sleep 0.1; done; echo 'three minutes are over' >&2; exit 1`,
    )
  }

  const hasNote = (text: string) => `${flavour} --execute="SELECT text FROM app.notes" | grep -qx '${text}'`
  const opener = 'journalctl --unit=mysql-primary.service --output=cat --boot'

  /** The site's address leads to this host, as DNS would. */
  const pointTo = (host: string) =>
    lab().must(host, `ip address add ${lab().status.network.virtualAddress}/24 dev eth0`)

  /** Asks a host's load balancer as a visitor does, who tries again: connections of the app that were open before may be gone. */
  async function ask(host: string, path: string, data?: string): Promise<string> {
    const send = data === undefined ? '' : `--data '${data}'`
    return await lab().must(
      'store2',
      `curl --silent --show-error --fail --insecure --retry 20 --retry-all-errors --retry-delay 1 --max-time 20 --noproxy '*' --connect-to '::${lab().address(host)}:' ${send} https://www.foobar.com${path}`,
    )
  }

  /** Runs the recovery while a visitor asks for the notes again and again, and says after how many seconds they came. */
  async function recover(t: ExecutionContext, database?: string): Promise<void> {
    const begun = Date.now()
    const visitor = lab().must(
      'store2',
      `for try in $(seq 4500); do curl --silent --fail --insecure --max-time 2 --noproxy '*' --connect-to '::${lab().address('lb1')}:' https://www.foobar.com/notes | grep -q before && exec date +%s%3N; sleep 0.2; done; echo 'no notes' >&2; exit 1`,
    )
    const [ran, served] = await Promise.all([command('away', confirmed, database), visitor.catch(() => '')])
    well(t, ran)
    t.log(
      `first request served after ${(Number(served) - begun) / 1000} s, end of the run after ${(Date.now() - begun) / 1000} s`,
    )
    t.true(Number(served) > begun, 'the visitor got no notes')
  }

  async function readsAndWrites(host: string): Promise<unknown> {
    const { writes, reads } = JSON.parse(await ask(host, '/database')) as Record<string, { host: string }>
    return { writes: writes?.host, reads: reads?.host }
  }

  test.serial('a replica and the backups in another region: every link there is TLS or ssh', async (t) => {
    t.timeout(900_000)
    await pointTo('home1')
    well(t, await site('home'))
    await lab().must('store2', 'apt-get install --yes --quiet curl >/dev/null 2>&1')
    await ask('home1', '/notes', 'before')
    await until('db3', hasNote('before'))
    t.is(await sql('home1', "SELECT DISTINCT ssl_type FROM mysql.user WHERE user IN ('app', 'replicator')"), 'ANY')
    if (flavour === 'mysql') {
      t.is(
        await sql(
          'home1',
          "SELECT DISTINCT PROCESSLIST_USER, CONNECTION_TYPE FROM performance_schema.threads WHERE PROCESSLIST_USER IN ('app', 'replicator') ORDER BY 1",
        ),
        'app\tSSL/TLS\nreplicator\tSSL/TLS',
      )
      t.is(
        await sql(
          'db3',
          'SELECT SSL_ALLOWED, SSL_VERIFY_SERVER_CERTIFICATE FROM performance_schema.replication_connection_configuration',
        ),
        'YES\tYES',
      )
    } else {
      const status = await lab().must('db3', "mariadb --vertical --execute='SHOW SLAVE STATUS'")
      t.regex(status, /Master_SSL_Allowed: Yes\n/)
      t.regex(status, /Master_SSL_Verify_Server_Cert: Yes\n/)
    }
    t.regex(
      await lab().must('db3', 'cat /usr/local/lib/backup/restic'),
      /rclone\.program='ssh .*StrictHostKeyChecking=yes/,
    )
    t.deepEqual(await readsAndWrites('home1'), { writes: 'home1', reads: 'home1' }, 'reads leave the region')
  })

  test.serial('while home answers, or the loss is not confirmed by its name, nothing is done', async (t) => {
    t.timeout(300_000)
    const refused = async (region: Region, args: readonly string[], message: RegExp) => {
      const ran = await command(region, args)
      t.is(ran.code, 1)
      t.regex(ran.stderr, message)
    }
    await refused('away', recovery, /so the loss of home must be confirmed/)
    await refused('away', [...recovery, '--extra-vars', 'disasterRecovery.confirm=away'], /'away' is another name/)
    await refused('home', confirmed, /home1 is in the inventory and in the region home, which is said to be lost/)
    await refused('away', confirmed, /this machine still gets an answer from .*:22 and .*:443, so that is not gone/)
    t.is((await lab().on('lb1', 'test -e /etc/haproxy')).code, 1)
    t.is(await isReadOnly('db3'), '1')
  })

  test.serial('the other region starts from its replica, and takes writes', async (t) => {
    t.timeout(900_000)
    await sql('db3', 'STOP REPLICA IO_THREAD')
    await ask('home1', '/notes', 'never received')
    await labKill(`t-${name}`, 'home1')
    const failover = await command('home', ['db', 'failover', '--give-up', 'home1'])
    t.is(failover.code, 1)
    t.regex(failover.stderr, /what could take its place in other regions only: db3 \(away\)/)
    t.regex(
      (await command('home', ['db', 'status'])).stdout,
      /^host +region +role.*\nhome1 +home .*\ndb3 +away +replica /,
    )
    await pointTo('lb1')
    well(t, await command('away', [...confirmed, '--check']))
    t.is((await lab().on('lb1', 'test -e /etc/haproxy || test -e /var/lib/hostwright-database')).code, 1)
    t.is(await isReadOnly('db3'), '1')
    await recover(t)
    changedNothing(t, await command('away', confirmed))
    await ask('lb1', '/notes', 'after')
    t.is(await notes('db3'), 'before,after')
  })

  test.serial(
    'a boot leaves the new primary open, and the old one closed, whether it reaches the other region or not',
    async (t) => {
      t.timeout(600_000)
      await labKill(`t-${name}`, 'db3')
      await labStart(`t-${name}`, 'home1')
      await until('home1', `${opener} | grep -q 'that region may have taken over: this server stays read-only'`)
      await labStart(`t-${name}`, 'db3')
      await until('db3', `test "$(${flavour} --batch --skip-column-names --execute='SELECT @@GLOBAL.read_only')" = 0`)
      t.is(await isReadOnly('home1'), '1')
      await ask('lb1', '/notes', 'later')
    },
  )

  test.serial('home joins as a replica; what only it has is saved; then it takes the writes back', async (t) => {
    t.timeout(900_000)
    const first = await site('both')
    t.is(first.code, 2, first.stdout.slice(-3000))
    t.regex(first.stdout, /this server is no replica and has its own schemas/)
    t.is(await isReadOnly('home1'), '1')
    const refused = await command('both', ['db', 'rejoin', 'home1'])
    t.is(refused.code, 1)
    t.regex(await lab().must('home1', 'cat /var/lib/hostwright-database/errant-*.sql'), /never received/)
    well(t, await command('both', ['db', 'rejoin', 'home1', '--discard-errant']))
    well(t, await site('both'))
    changedNothing(t, await site('both'))
    t.deepEqual(await readsAndWrites('home1'), { writes: 'db3', reads: 'home1' })
    t.deepEqual(await readsAndWrites('lb1'), { writes: 'db3', reads: 'db3' })
    const switched = await command('both', ['db', 'switchover'])
    t.is(switched.code, 1)
    t.regex(switched.stderr, /--to home1/)
    well(t, await command('both', ['db', 'switchover', '--to', 'home1']))
    await ask('home1', '/notes', 'home again')
    await until('db3', hasNote('home again'))
    t.is(await notes('home1'), 'before,after,later,home again')
  })

  test.serial('without a replica the other region starts from the newest backup, on a bare server', async (t) => {
    t.timeout(900_000)
    await lab().must('db3', '/usr/local/lib/backup/database now')
    await ask('home1', '/notes', 'since the backup')
    await labKill(`t-${name}`, ['home1', 'db3'])
    well(t, await command('away', [...confirmed, '--check'], 'db4'))
    t.is((await lab().on('db4', 'test -e /etc/mysql || test -e /var/lib/hostwright-database')).code, 1)
    await recover(t, 'db4')
    changedNothing(t, await command('away', confirmed, 'db4'))
    await ask('lb1', '/notes', 'restored')
    t.regex(await notes('db4'), /^before,after,later,home again,restored$/)
    await labStart(`t-${name}`, 'home1')
    await until('home1', `${opener} | grep -q 'this server stays read-only'`)
    t.is(await isReadOnly('home1'), '1')
  })
}
