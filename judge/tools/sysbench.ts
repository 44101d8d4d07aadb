// sysbench: transactions through the write port of the database endpoint while the primary is switched to another server.
import { withAccount } from '../database-account.ts'
import { primaryOf } from '../outages/roles.ts'
import { outputOf, type Tool } from '../tool.ts'

const seconds = 30

export const sysbench: Tool = {
  name: 'sysbench',
  title: 'Transactions through a switchover',
  goal: 'The run goes on through `provision db switchover`: connections are made anew, and no transaction fails in any other way.',
  packages: ['sysbench'],
  run: async ({ site, inNetworkOf }) => {
    const app = site.members('app')[0] ?? ''
    const from = await primaryOf(site)
    const to = site.members('db').find((host) => host !== from) ?? ''
    return await withAccount(site, async ({ file, database }) => {
      // the password from the file into the option, inside the judge's host
      const sysbenchCommand = (verb: string, more = '') => `password=$(sed -n 's/^password=//p' ${file})
sysbench oltp_read_write --db-driver=mysql --mysql-host=${site.visitor.address} --mysql-port=6446 --mysql-user=judge --mysql-password="$password" --mysql-db=${database} --mysql-ssl=REQUIRED --mysql-ssl-ca=/root/database-ca.pem --tables=1 --table-size=1000 ${more} ${verb}`
      outputOf(await inNetworkOf(app, sysbenchCommand('prepare')))
      const load = inNetworkOf(
        app,
        sysbenchCommand('run', `--threads=2 --time=${seconds} --report-interval=1 --mysql-ignore-errors=all`),
      )
      await new Promise((resolve) => setTimeout(resolve, 8000))
      const switched = await site.provision('db', 'switchover', to)
      const { transactions, reconnects, errors, silent } = parseSysbench(outputOf(await load))
      return {
        figures: [
          { name: 'transactions', value: String(transactions) },
          { name: 'reconnects', value: String(reconnects) },
          { name: 'ignored errors', value: String(errors) },
          { name: 'seconds without a transaction', value: `${silent} of ${seconds}` },
          { name: 'switchover', value: `${from} to ${to} in ${switched.seconds.toFixed(1)} s` },
        ],
        complaints: [
          ...(switched.exitCode === 0
            ? []
            : [`provision db switchover ended with ${switched.exitCode}: ${switched.stderr.trim()}`]),
          ...(transactions > 0 ? [] : ['there was no transaction']),
          ...((await primaryOf(site)) === to ? [] : [`${to} is not the primary`]),
        ],
        findings: [],
      }
    })
  },
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
