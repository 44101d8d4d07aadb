// What goes wrong in an outage measurement, on purpose: each event strikes a running site and is undone afterwards.
import { labKill, labLink, labStart } from '../../src/lab/lab.ts'
import type { LabSite } from '../lab-site.ts'
import { balancerInCharge, primaryOf } from './roles.ts'

/** One thing that goes wrong. */
export interface OutageEvent {
  readonly name: string
  /** As a row of the table says it. */
  readonly title: string
  /** Lets it go wrong; answers with what was done, and how to undo it. */
  readonly strike: (site: LabSite) => Promise<Struck>
}

export interface Struck {
  /** For example `systemctl stop haproxy on lb1, which held the address`. */
  readonly what: string
  /** The longest pause of writes and of reads that is promised, in milliseconds. Absent: none is. */
  readonly limit?: number
  /** Undoes it: the host comes back. Absent: there is nothing to undo. */
  readonly heal?: () => Promise<unknown>
}

export const events: readonly OutageEvent[] = [
  {
    name: 'balancer-stopped',
    title: 'load balancer: HAProxy stopped',
    strike: async (site) => {
      const host = await balancerInCharge(site)
      await site.must(host, 'systemctl stop haproxy')
      return {
        what: `\`systemctl stop haproxy\` on ${host}, which served`,
        limit: 4000,
        heal: () => site.must(host, 'systemctl start haproxy'),
      }
    },
  },
  {
    name: 'balancer-cut',
    title: 'load balancer: cut off',
    strike: async (site) => {
      const host = await balancerInCharge(site)
      await labLink(site.lab, host, 'down')
      return {
        what: `the network cable of ${host}, which served, pulled`,
        // a host with more parts than this takes longer: its group of databases elects another primary
        ...(!site.members('db').includes(host) && { limit: 4000 }),
        heal: () => labLink(site.lab, host, 'up'),
      }
    },
  },
  {
    name: 'app-host-stopped',
    title: 'app host stopped',
    strike: async (site) => {
      const primary = await primaryOf(site)
      const host = site.members('app').find((name) => name !== primary) ?? primary
      return await pullThePlug(site, host, 'an app host')
    },
  },
  {
    name: 'primary-switched',
    title: 'database: primary switched',
    strike: async (site) => {
      const from = await primaryOf(site)
      const to = site.members('db').find((name) => name !== from) ?? from
      await command(site, 'db', 'switchover', '--to', to)
      return { what: `\`provision db switchover --to ${to}\`, away from ${from}`, limit: 1000 }
    },
  },
  {
    name: 'primary-killed',
    title: 'database: primary killed',
    strike: async (site) => {
      const host = await primaryOf(site)
      const struck = await pullThePlug(site, host, 'the primary')
      if (isGroup(site, host)) return { ...struck, what: `${struck.what}; the members elect another` }
      await command(site, 'db', 'failover', '--give-up', host)
      return {
        what: `${struck.what}, and at once \`provision db failover --give-up ${host}\``,
        heal: async () => {
          await labStart(site.lab, host)
          await command(site, 'db', 'rejoin', host)
        },
      }
    },
  },
  {
    name: 'all-killed',
    title: 'all hosts killed and booted',
    strike: async (site) => {
      const hosts = site.layout.hosts.map(({ name }) => name)
      await labKill(site.lab, hosts)
      const order = hosts.toReversed() // those that others wait for come last
      for (const host of order) await labStart(site.lab, host)
      return { what: `the plugs of all ${hosts.length} hosts pulled at once, then power for ${order.join(', ')}` }
    },
  },
]

async function pullThePlug(site: LabSite, host: string, role: string): Promise<Struck> {
  await labKill(site.lab, host)
  return { what: `the plug of ${host}, ${role}, pulled`, heal: () => labStart(site.lab, host) }
}

function isGroup(site: LabSite, host: string): boolean {
  return site.inventory.host(host).vars.mysql?.topology === 'group'
}

/** Runs `provision`; rejects with what it said unless it succeeds. */
async function command(site: LabSite, ...args: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await site.provision(...args)
  if (exitCode !== 0) throw new Error(`provision ${args.join(' ')} ended with ${exitCode}\n${stderr}${stdout}`)
}
