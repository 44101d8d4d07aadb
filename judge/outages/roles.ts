// Who has which part just now, asked from the hosts themselves.
import type { LabSite } from '../lab-site.ts'

/** The load balancer that visitors reach: the holder of the shared address, or the only one. */
export async function balancerInCharge(site: LabSite): Promise<string> {
  const balancers = site.members('lb')
  const address = site.visitor.address
  const answers = await Promise.all(
    balancers.map(async (host) => ({
      host,
      ...(await site.on(host, `ip -o -4 address show | grep -qF ' ${address}/'`)),
    })),
  )
  const holders = answers.filter(({ exitCode }) => exitCode === 0).map(({ host }) => host)
  if (holders.length === 1 && holders[0]) return holders[0]
  throw new Error(`${address} is held by ${holders.join(' and ') || 'nobody'}, expected one of ${balancers.join(', ')}`)
}

/** The one database server that takes writes. */
export async function primaryOf(site: LabSite): Promise<string> {
  const servers = site.members('db')
  const states = await Promise.all(servers.map(async (host) => ({ host, readOnly: await readOnly(site, host) })))
  const writable = states.filter(({ readOnly }) => readOnly === '0').map(({ host }) => host)
  if (writable.length === 1 && writable[0]) return writable[0]
  throw new Error(
    `${writable.join(' and ') || 'no database server'} takes writes, expected one of ${servers.join(', ')}`,
  )
}

async function readOnly(site: LabSite, host: string): Promise<string> {
  const { stdout } = await site.on(host, sql('SELECT @@GLOBAL.read_only'))
  return stdout.trim()
}

/** A shell command that asks the server on a host, whichever it is, as root. */
export function sql(statement: string): string {
  return `client=$(command -v mariadb || command -v mysql) && "$client" --batch --skip-column-names <<'END'\n${statement};\nEND\n`
}
