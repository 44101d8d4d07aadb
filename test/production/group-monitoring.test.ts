// A monitor of three MySQL servers that elect their primary: a healthy group is quiet, and each way to lose a member is told by its name.
import anyTest, { type TestFn } from 'ava'
import { exporters } from '../../roles/exporters.ts'
import { firewall } from '../../roles/firewall.ts'
import { groupLag } from '../../roles/monitoring/rules/database.ts'
import { monitoring } from '../../roles/monitoring.ts'
import { mysql, mysqlReplica } from '../../roles/mysql.ts'
import { play } from '../../src/core/play.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { startBrowser } from '../lab/browser.ts'
import { useLab } from '../lab/harness.ts'
import { isConverged, isSteady } from '../lab/steady.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'group-mon', ['mon1:trixie', 'db1:sid', 'db2:sid', 'db3:sid'])
const hosts = ['db1', 'db2', 'db3'] as const

function run(more: { verify?: boolean } = {}): Promise<Ran> {
  const plays = [
    play({ hosts: 'all', roles: [firewall()] }),
    play({ hosts: 'db', roles: [mysql({ databases: ['shop'] })] }),
    play({ hosts: 'db', roles: [mysqlReplica({ databases: ['shop'] })] }),
    play({ hosts: 'all', roles: (host) => [exporters(), host.isIn('monitor') && monitoring()] }),
  ]
  const inventory = lab().inventory({
    // the monitor is told by the members' variables what they are
    groups: { monitor: ['mon1'], db: { hosts: [...hosts], vars: { mysql: { topology: 'group' } } } },
    vars: { monitoring: { scrapeInterval: '5s' } },
  })
  return lab().run(plays, { inventory, ...more })
}

test.serial(
  'three members and a monitor after one run; a rerun changes nothing, and all promises are kept',
  async (t) => {
    t.timeout(900_000)
    isConverged(t, await run())
    await isSteady(t, run)
  },
)

/** Rows of labels and values. */
async function query(expression: string): Promise<{ labels: Record<string, string>; value: number }[]> {
  const { stdout } = await lab().on(
    'mon1',
    `curl --silent 'http://127.0.0.1:9080/api/v1/query?query=${encodeURIComponent(expression)}'`,
  )
  const { data } = JSON.parse(stdout) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] }
  }
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
}
const ofDatabases = 'alertname=~"Database.*|.*Primar.*|Group.*|Replica.*"'
/** Alerts about databases that fire, with the host that they name. */
const alerts = async () =>
  (await query(`ALERTS{alertstate="firing",${ofDatabases}}`))
    .map(({ labels }) => [labels.alertname, labels.host].filter(Boolean).join(' '))
    .sort()

/** Tries until the answer is there; the deadline is for a machine that is very busy, nothing is measured. */
async function until<T>(what: string, ask: () => Promise<T>, isWished: (answer: T) => boolean): Promise<void> {
  const end = Date.now() + 600_000
  let last = await ask()
  while (!isWished(last)) {
    if (Date.now() > end) throw new Error(`not within 10 minutes: ${what}; last: ${JSON.stringify(last)}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
    last = await ask()
  }
}
const member = 'mysql_perf_schema_replication_group_member_info'
const lag = (host: string) => async () => (await query(groupLag)).find(({ labels }) => labels.host === host)?.value ?? 0
/** Each member, with the role and the state that the status page shows. */
async function shown(): Promise<Record<string, string>> {
  const browser = startBrowser(['--ignore-certificate-errors']) // the page's certificate is the host's own
  try {
    const page = await browser.open(`https://${lab().address('mon1')}:9443/`)
    let rows: Record<string, string> = {}
    await until(
      'the page shows the databases',
      async () => {
        rows = await page.evaluate(
          "Object.fromEntries([...document.querySelectorAll('#databases tbody tr')].map(({ cells }) => [cells[0].innerText, [cells[1].innerText, cells[2].innerText].join(', ')]))",
        )
        return Object.keys(rows).length
      },
      (count) => count === hosts.length,
    )
    return rows
  } finally {
    await browser.close()
  }
}

/** Who takes writes, as the monitor sees it, and the others. */
async function roles(): Promise<{ primary: string; others: string[] }> {
  let primary = ''
  await until(
    'one takes writes',
    async () => (await query('mysql_global_variables_read_only == 0')).map(({ labels }) => labels.host ?? ''),
    ([first = '', ...more]) => {
      primary = first
      return first !== '' && more.length === 0
    },
  )
  return { primary, others: hosts.filter((host) => host !== primary) }
}

const isQuiet = () =>
  until(
    'all are in the group, and nothing fires or is about to',
    async () => [
      await query(`count by (host) (${member}{member_state="ONLINE"}) == ${hosts.length}`),
      await query(`ALERTS{${ofDatabases}}`),
    ],
    ([seen = [], told = []]) => seen.length === hosts.length && told.length === 0,
  )

test.serial('a healthy group is quiet, and the status page shows it whole', async (t) => {
  t.timeout(900_000)
  await isQuiet()
  t.deepEqual(await alerts(), [])
  const { primary, others } = await roles()
  t.deepEqual(
    await shown(),
    Object.fromEntries([
      [primary, 'primary, ✓ in the group of 3'],
      ...others.map((host) => [host, 'secondary, ✓ in the group of 3']),
    ]),
  )
})

test.serial('a member that somebody holds up is behind, and by how much', async (t) => {
  t.timeout(900_000)
  const { primary, others } = await roles()
  const [held = ''] = others
  await lab().must(
    held,
    "systemd-run --quiet --unit=holds-up mysql -e 'FLUSH TABLES WITH READ LOCK; DO SLEEP(3600)'; until mysql -NBe 'SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE \"DO SLEEP%\"' | grep -qx 1; do sleep 0.2; done",
  )
  await lab().must(
    primary,
    "mysql -e 'CREATE TABLE shop.notes (id INT PRIMARY KEY); INSERT INTO shop.notes VALUES (1)'",
  )
  await until('it is three seconds behind', lag(held), (seconds) => seconds > 3)
  await lab().must(held, 'systemctl stop holds-up')
  await until('it has caught up', lag(held), (seconds) => seconds === 0)
  t.pass()
})

test.serial('a server that runs outside of its group is told, by its name and alone', async (t) => {
  t.timeout(900_000)
  const { primary, others } = await roles()
  const [lost = '', other = ''] = others
  await lab().must(lost, "systemctl stop mysql-group && mysql -e 'STOP GROUP_REPLICATION'")
  await until('the alert fires', alerts, (found) => found.length > 0)
  t.deepEqual(await alerts(), [`GroupMemberOffline ${lost}`])
  t.deepEqual(await shown(), {
    [primary]: 'primary, ! in the group of 2',
    [other]: 'secondary, ! in the group of 2',
    [lost]: 'secondary, ✕ not in its group',
  })
  await lab().must(lost, 'systemctl start mysql-group')
  await isQuiet()
})

test.serial('the primary is dead: that is told, and nothing about a site that goes on writing', async (t) => {
  t.timeout(900_000)
  const { primary, others } = await roles()
  await lab().must(primary, 'systemctl stop mysql-group mysql')
  await until('the alert fires', alerts, (found) => found.length > 0)
  t.deepEqual(await alerts(), [`DatabaseDown ${primary}`])
  t.true(others.includes((await roles()).primary))
  await lab().must(primary, 'systemctl start mysql mysql-group')
  await isQuiet()
})
