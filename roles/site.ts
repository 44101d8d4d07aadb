// What several roles need to know of the site: chosen once, in the inventory, as `vars: { site: { … } }`.
// Groups say what runs where: lb, web, app, db, and as choices monitor, logs and backup. A group that is missing is a choice not made.
import type { Host, InventoryHost } from 'hostwright'

/** The choices of a site. */
export interface Site {
  /** Its public names; the first is the one that health checks ask for. @default ['www.foobar.com'] */
  readonly domains?: readonly string[]
  /** Address that the load balancers share: whichever is well holds it. @default none: one load balancer, or a DNS name for several */
  readonly floatingAddress?: string
  /** How strictly floods are cut off, by kernel, firewall, HAProxy, nginx and fail2ban together. @default 'standard' */
  readonly ddosProtection?: 'off' | 'standard' | 'strict'
  /** Addresses and networks that no limit and no ban applies to: the controllers, monitors elsewhere, offices. All hosts of the inventory are among them. @default [] */
  readonly allowedSources?: readonly string[]
  /** TLS between the hosts, with certificates of the internal CA: load balancers to web servers. @default true */
  readonly encryption?: boolean
  /** For one run, as `--extra-vars site.replaceCa=true`: the internal CA is replaced by one that the hosts do not trust yet. @default false */
  readonly replaceCa?: boolean
  /** Apps reach the databases through the load balancers, on a port for writes and one for reads. @default true, where there are both */
  readonly databaseEndpoint?: boolean
}

declare module 'hostwright' {
  interface HostVars {
    site?: Site
    /** Where the host stands. Hosts of one region share its fate. @default all hosts stand in one region */
    region?: string
  }
}

/** The site's public names. */
export function domainsOf(host: Pick<Host, 'vars'>): string[] {
  return [...(host.vars.site?.domains ?? ['www.foobar.com'])]
}

/** Whether the hosts of the site speak TLS with each other. */
export function isEncryptedInside(host: Pick<Host, 'vars'>): boolean {
  return host.vars.site?.encryption ?? true
}

/** What every certificate of the internal CA needs from the site's choices. */
export function caChoice(host: Pick<Host, 'vars'>): { replaceCa: boolean } {
  return { replaceCa: host.vars.site?.replaceCa ?? false }
}

/** The hosts of a group; none if the inventory has no such group. */
export function membersOf(host: Pick<Host, 'inventory'>, group: string): readonly InventoryHost[] {
  return host.inventory.hasGroup(group) ? host.inventory.group(group) : []
}

/** Of some hosts those that stand in the same region as this one; all of them if none does. */
export function nearest<T extends Pick<InventoryHost, 'vars'>>(
  host: Pick<Host, 'vars'>,
  members: readonly T[],
): readonly T[] {
  const near = members.filter(({ vars }) => vars.region === host.vars.region)
  return near.length > 0 ? near : members
}

/** The addresses of a group's hosts, this host's own left out. */
export function addressesOf(host: Pick<Host, 'inventory' | 'name'>, group: string): string[] {
  return membersOf(host, group)
    .filter((member) => member.name !== host.name)
    .map((member) => member.connection.address)
}
