// Where applications find the databases: two ports of the load balancers, one for writes and one for reads, under one name that every
// database server's certificate has too. TLS goes through to the server; what is behind a port follows the servers' own word (dbcheck.ts).
import type { Host } from 'hostwright'
import { checkPort } from './dbcheck.ts'
import { addressOf } from './mysql-parameters.ts'
import { membersOf, nearest } from './site.ts'

/** The name in the servers' certificates, and in /etc/hosts of the apps. */
export const endpointName = 'database.internal'

const ports = { write: 6446, read: 6447 }

/** The endpoint as applications need it. */
export interface DatabaseEndpoint {
  readonly name: string
  /** The floating address, or the first load balancer's of the host's region. */
  readonly address: string
  readonly writePort: number
  readonly readPort: number
}

/** The endpoint of the site; undefined where apps talk to the servers themselves: no load balancer, no database, or so chosen. */
export function databaseEndpoint(host: Pick<Host, 'inventory' | 'vars'>): DatabaseEndpoint | undefined {
  const [balancer] = nearest(host, membersOf(host, 'lb'))
  const { databaseEndpoint: chosen = true, floatingAddress } = host.vars.site ?? {}
  if (!chosen || !balancer || membersOf(host, host.vars.mysql?.group ?? 'db').length === 0) return undefined
  return {
    name: endpointName,
    address: floatingAddress ?? balancer.connection.address,
    writePort: ports.write,
    readPort: ports.read,
  }
}

/** What the template haproxy/database.cfg.ejs is given; undefined without an endpoint. */
export function endpointOfBalancer(host: Host) {
  if (!databaseEndpoint(host)) return undefined
  const members = membersOf(host, host.vars.mysql?.group ?? 'db')
  const near = nearest(host, members)
  const servers = members.map((member) => ({
    name: member.name,
    address: addressOf(member),
    // reads do not travel to another region while a server of this one can answer
    ...(!near.includes(member) && { remote: true }),
  }))
  return { ports, checkPort, servers }
}

/** The ports that a load balancer opens to the apps. */
export function endpointOpenings(host: Host) {
  if (!databaseEndpoint(host)) return []
  const from = membersOf(host, 'app')
    .filter((member) => member.name !== host.name)
    .map((member) => member.connection.address)
  return [
    { port: ports.write, from, comment: 'database writes from the apps' },
    { port: ports.read, from, comment: 'database reads from the apps' },
  ]
}
