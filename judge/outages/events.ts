// What goes wrong in an outage measurement, on purpose: each event strikes a running site and is undone afterwards.
import { labKill, labLink, labStart, labUp } from '../../src/lab/lab.ts'
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
      return { what: `the network cable of ${host}, which served, pulled`, heal: () => labLink(site.lab, host, 'up') }
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
      const { exitCode, stdout, stderr } = await site.provision('db', 'switchover', to)
      if (exitCode !== 0) throw new Error(`provision db switchover ${to} ended with ${exitCode}\n${stderr}${stdout}`)
      return { what: `\`provision db switchover ${to}\`, away from ${from}` }
    },
  },
  {
    name: 'primary-killed',
    title: 'database: primary killed',
    strike: async (site) => await pullThePlug(site, await primaryOf(site), 'the primary'),
  },
  {
    name: 'all-killed',
    title: 'all hosts killed and booted',
    strike: async (site) => {
      const hosts = site.layout.hosts.map(({ name }) => name)
      await Promise.all(hosts.map((host) => labKill(site.lab, host)))
      await labUp({ name: site.lab }) // boots what is dead, all at once: who comes first is chance
      return { what: `the plugs of all ${hosts.length} hosts pulled, then power for all again` }
    },
  },
]

async function pullThePlug(site: LabSite, host: string, role: string): Promise<Struck> {
  await labKill(site.lab, host)
  return { what: `the plug of ${host}, ${role}, pulled`, heal: () => labStart(site.lab, host) }
}
