// `planOf(role)`: what a role would do, without a host. For tests of users' roles.
import { ProvisionError } from '../core/error.ts'
import type { Facts, Inventory, InventoryHost } from '../core/host.ts'
import { definePlaybook, play } from '../core/play.ts'
import type { RoleUse } from '../core/role.ts'
import { expandPlay, makeHostContext } from '../engine/host-context.ts'
import { itemTitle, leaves } from '../engine/items.ts'
import type { OtherHostsView } from '../engine/read-other.ts'

/** The host that a role is expanded for. */
export interface PlanOfOptions {
  /** @default 'web1' */
  readonly name?: string
  readonly groups?: readonly string[]
  readonly vars?: Readonly<Record<string, unknown>>
  /** Other hosts of the inventory, by group. @default none */
  readonly others?: Readonly<Record<string, readonly string[]>>
  readonly facts?: Partial<Facts>
}

/** A task as a test looks at it. */
export interface PlannedTask {
  readonly title: string
  readonly resource: string
  readonly args: Readonly<Record<string, unknown>>
  /** Names of the handlers that it notifies. */
  readonly notifies: readonly string[]
}

/** Facts of an imaginary Debian 12 host. */
export const sampleFacts: Facts = {
  os: { id: 'debian', version: '12', codename: 'bookworm', like: [] },
  hostname: 'web1',
  kernel: '6.1.0',
  architecture: 'x86_64',
  debArchitecture: 'amd64',
  virtualization: 'none',
  isContainer: false,
  cpus: 2,
  memoryMegabytes: 2048,
  addresses: ['192.0.2.11'],
  interface: 'eth0',
  user: 'root',
  bootId: 'b0',
  controllerAddress: '192.0.2.1',
  sshPort: 22,
  sshHostKey: `ssh-ed25519 ${'A'.repeat(68)}`,
}

/**
 * The tasks that a role gives for a host, in order, without connecting anywhere.
 * @throws what the role or its parameters throw
 * @example
 * const tasks = planOf(nginx({ domains: ['www.foobar.com'] }), { groups: ['web'] })
 * t.true(tasks.some((task) => task.title.includes('/etc/nginx/conf.d/site.conf')))
 */
export function planOf(use: RoleUse, options: PlanOfOptions = {}): PlannedTask[] {
  const hosts = makeHosts(options)
  const inventory = makeInventory(hosts)
  const subject = hosts[0] as InventoryHost // makeHosts puts the subject first
  const only = play({ hosts: subject.name, roles: [use] })
  const others: OtherHostsView = {
    factsOf: (name) => ({ ...sampleFacts, hostname: name }),
    resultOf: ({ of }) => {
      throw new ProvisionError({ code: 'playbook', message: `planOf runs nothing: ${of} has no results` })
    },
  }
  const site = { playbook: definePlaybook(only), inventory, extraVars: {}, verify: false, others }
  const context = makeHostContext(subject, site)
  context.setFacts({ ...sampleFacts, hostname: subject.name, ...options.facts })
  return [...leaves(expandPlay(only, context, site))].map((item) => ({
    title: itemTitle(item),
    resource: item.task.resource.name,
    args: item.task.args as Record<string, unknown>,
    notifies: [item.task.options.notify ?? []].flat().map((handler) => handler.name),
  }))
}

function makeHosts(options: PlanOfOptions): InventoryHost[] {
  const name = options.name ?? 'web1'
  const groupsOf = new Map<string, string[]>([[name, [...(options.groups ?? [])]]])
  for (const [group, names] of Object.entries(options.others ?? {})) {
    for (const other of names) groupsOf.set(other, [...(groupsOf.get(other) ?? []), group])
  }
  return [...groupsOf].map(([host, groups], index) => ({
    name: host,
    groups: ['all', ...groups],
    connection: { address: `192.0.2.${11 + index}` },
    vars: host === name ? (options.vars ?? {}) : {},
    where: { get: () => undefined },
  }))
}

function makeInventory(hosts: readonly InventoryHost[]): Inventory {
  const group = (name: string) => hosts.filter((host) => host.groups.includes(name))
  return {
    hosts,
    group,
    hasGroup: (name) => group(name).length > 0,
    host: (name) => {
      const found = hosts.find((host) => host.name === name)
      if (!found) throw new Error(`planOf knows no host ${name}: name it in options.others`)
      return found
    },
    select: (pattern) =>
      hosts.filter((host) => pattern === 'all' || host.name === pattern || host.groups.includes(pattern)),
  }
}
