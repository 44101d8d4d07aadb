// sysbench: through the write port of the database endpoint while the primary is switched to another server, and back again. The first
// time with transactions of reads and writes, the second with single rows, which can be counted afterwards.
import { endpointName } from '../../roles/database-endpoint.ts'
import { type DatabaseAccount, withAccount } from '../database-account.ts'
import { judgeHost } from '../judge-host.ts'
import type { LabSite } from '../lab-site.ts'
import { primaryOf, sql } from '../outages/roles.ts'
import { type JudgeContext, outputOf, type Tool } from '../tool.ts'

const seconds = 30
const silentAtMost = 2

/**
 * Errors after which sysbench goes on; any other ends it. Its own three (deadlock, changed record, lock wait), a lost connection (2006,
 * 2013), which it makes anew, and the refusal of a server that takes no writes any more (1290, 1836).
 */
const ignored = '1213,1020,1205,2006,2013,1290,1836'

export const sysbench: Tool = {
  name: 'sysbench',
  title: 'Transactions through a switchover',
  goal: `It comes through \`provision db switchover\` and back again by itself: no error but those of a lost connection or of a server that takes no writes any more, at most ${silentAtMost} of its one-second reports without a transaction, and every row that it was told is written is on all servers.`,
  packages: ['sysbench'],
  run: async (context) => {
    const { site } = context
    const servers = site.members('db')
    const from = await primaryOf(site)
    const to = servers.find((host) => host !== from) ?? ''
    return await withAccount(site, async (account) => {
      await certificatesFor(site)
      outputOf(await context.inNetworkOf(appOf(site), command(account, 'oltp_read_write prepare')))
      const there = await throughSwitchover(context, account, 'oltp_read_write', to)
      const before = await rowsOn(site, to, account.database)
      const back = await throughSwitchover(context, account, 'oltp_insert', from)
      const wished = before + back.transactions
      const lacking = await Promise.all(
        servers.map(async (host) => ({
          host,
          rows: wished - (await waitForRows(site, host, account.database, wished)),
        })),
      )
      return {
        figures: [
          ...there.figures,
          ...back.figures,
          {
            name: 'rows acknowledged, and lost',
            value: `${back.transactions}, ${Math.max(0, ...lacking.map(({ rows }) => rows))}`,
          },
        ],
        complaints: [
          ...there.complaints,
          ...back.complaints,
          ...lacking.flatMap(({ host, rows }) =>
            rows > 0 ? [`${host} lacks ${rows} rows that were acknowledged`] : [],
          ),
        ],
        findings: [],
      }
    })
  },
}

/** Where it comes from: the endpoint is open to the app's hosts only. */
function appOf(site: LabSite): string {
  return site.members('app')[0] ?? ''
}

/** sysbench wants the certificates by these names in its folder, and a client's beside the authority's: it gets the app's. */
async function certificatesFor(site: LabSite): Promise<void> {
  const of = (name: string) => site.must(appOf(site), `cat /etc/app/tls/${name}`)
  const files = {
    'cacert.pem': await of('ca.pem'),
    'client-cert.pem': await of('server.pem'),
    'client-key.pem': await of('server.key'),
  }
  const write = Object.entries(files).map(([name, text]) => `cat >/root/sysbench/${name} <<'END'\n${text.trim()}\nEND`)
  const known = `${site.visitor.address} ${endpointName}`
  const script = [
    'umask 077',
    'mkdir -p /root/sysbench',
    ...write,
    `grep -qxF '${known}' /etc/hosts || echo '${known}' >>/etc/hosts`,
  ]
  await site.must(judgeHost, script.join('\n'))
}

/** The password goes from the file into the option inside the judge's host. With prepared statements sysbench 1.0 crashes when it connects anew. */
function command({ user, file, database }: DatabaseAccount, what: string): string {
  return `cd /root/sysbench && password=$(sed -n 's/^password=//p' ${file})
sysbench --db-driver=mysql --mysql-host=${endpointName} --mysql-port=6446 --mysql-user=${user} --mysql-password="$password" --mysql-db=${database} --mysql-ssl=on --db-ps-mode=disable --tables=1 --table-size=1000 ${what}`
}

async function throughSwitchover(
  { site, inNetworkOf }: JudgeContext,
  account: DatabaseAccount,
  what: string,
  to: string,
) {
  const options = `--threads=2 --time=${seconds} --report-interval=1 --mysql-ignore-errors=${ignored}`
  const load = inNetworkOf(appOf(site), command(account, `${options} ${what} run`))
  await new Promise((resolve) => setTimeout(resolve, 8000))
  const switched = await site.provision('db', 'switchover', '--to', to)
  const { transactions, reconnects, errors, silent } = parseSysbench(outputOf(await load))
  return {
    transactions,
    figures: [
      { name: `${what}: transactions`, value: String(transactions) },
      { name: `${what}: reconnects, other errors`, value: `${reconnects}, ${errors}` },
      { name: `${what}: seconds without a transaction`, value: `${silent} of ${seconds}` },
      { name: `switchover to ${to}`, value: `${switched.seconds.toFixed(1)} s` },
    ],
    complaints: [
      ...(switched.exitCode === 0
        ? []
        : [`provision db switchover ended with ${switched.exitCode}: ${switched.stderr.trim()}`]),
      ...(transactions > 0 ? [] : [`${what}: there was no transaction`]),
      ...(silent <= silentAtMost
        ? []
        : [`${what}: ${silent} seconds were without a transaction, expected at most ${silentAtMost}`]),
      ...((await primaryOf(site)) === to ? [] : [`${to} is not the primary`]),
    ],
  }
}

async function rowsOn(site: LabSite, host: string, database: string): Promise<number> {
  return Number(await site.must(host, sql(`SELECT COUNT(*) FROM ${database}.sbtest1`)))
}

/** The rows of a server, as soon as there are as many as wished, or what there is after half a minute: replicas come after. */
async function waitForRows(site: LabSite, host: string, database: string, wished: number): Promise<number> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const rows = await rowsOn(site, host, database)
    if (rows >= wished || Date.now() > deadline) return rows
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** What sysbench counted; `silent` are its one-second reports without a transaction. */
export function parseSysbench(text: string): {
  transactions: number
  reconnects: number
  errors: number
  silent: number
} {
  const count = (name: string) => {
    const found = new RegExp(`^\\s*${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]
    if (found === undefined) throw new Error(`sysbench printed no "${name}": ${text.slice(-300) || 'nothing'}`)
    return Number(found)
  }
  return {
    transactions: count('transactions'),
    reconnects: count('reconnects'),
    errors: count('ignored errors'),
    silent: [...text.matchAll(/^\[ \d+s \].*tps: 0\.00/gm)].length,
  }
}
