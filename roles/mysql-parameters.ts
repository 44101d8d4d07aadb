// What the roles mysql and mysqlReplica share: one set of parameters, read from the variable `mysql`, and what follows from it and the inventory.
import { createHash } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { type Host, ProvisionError, type Secret, secret, v } from 'hostwright'
import { membersOf } from './site.ts'

/** The program that decides whether a server takes writes. */
export const opener = '/usr/local/sbin/mysql-open-primary'

const secretText = v.custom<string | Secret>(
  (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  'expected a text or a secret',
)
const setting = v.union([v.string(), v.number(), v.boolean()])

const database = v.strictObject({
  name: v.string(),
  /** @default 'utf8mb4' */
  charset: v.optional(v.string()),
  /** @default the character set's own */
  collation: v.optional(v.string()),
})

const account = v.strictObject({
  name: v.string(),
  /** From where it may connect, an account each. @default ['localhost'] */
  hosts: v.optional(v.pipe(v.array(v.string()), v.minLength(1)), ['localhost']),
  password: v.optional(secretText),
  /** `socket`: the system user of the same name, without a password. @default 'password' */
  auth: v.optional(v.picklist(['password', 'socket'])),
  /** @default 'none' for localhost, else 'ssl' */
  tls: v.optional(v.picklist(['none', 'ssl', 'x509'])),
  /** By object: `{ 'shop.*': 'ALL' }`. @default none */
  grants: v.optional(v.record(v.string(), v.union([v.string(), v.array(v.string())])), {}),
})

export const params = {
  /** Which server. A host that has the other one is refused, never switched. @default what the distribution has: mariadb on a Debian release, mysql on Debian sid and Ubuntu */
  flavour: v.optional(v.picklist(['mysql', 'mariadb'])),
  /** The inventory's group of database servers. @default 'db' */
  group: v.optional(v.string(), 'db'),
  /**
   * `replication`: a primary, found on the servers themselves, and its replicas. `group`: MySQL Group Replication of three or more servers, which
   * elect the primary themselves and go on when one fails. @default 'replication'
   */
  topology: v.optional(v.picklist(['replication', 'group']), 'replication'),
  /** UUID of a group, the same on all members. @default made from the name of the inventory's group */
  groupName: v.optional(v.pipe(v.string(), v.uuid('expected a UUID'))),
  /** How much a member of a group is preferred as the primary, 0 to 100; a variable of the host. @default 50 */
  weight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100)), 50),
  /** Seconds that a run waits for a server to be a member of its group; a copy of much data takes its time. @default 300 */
  joinWait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 300),
  /** Name of the host that takes writes when the group starts for the first time; later the servers themselves say who does. @default the first of the group */
  primary: v.optional(v.string()),
  /** By which address the other hosts reach this one; a variable of the host. @default its address in the inventory */
  address: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.:-]+$/, 'expected an address or a host name'))),
  /** Address to listen on. @default all, or 127.0.0.1 for a single server without clients */
  bind: v.optional(v.string()),
  /** Pattern of the hosts that may connect, beside the group itself. @default the group `app` if there is one */
  clients: v.optional(v.string()),
  /** Unique in the group, 1 to 4294967295; a variable of the host. @default made from its IPv4 address, else from its name */
  serverId: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4_294_967_295))),
  /** Databases to have. @default [] */
  databases: v.optional(v.array(v.union([v.string(), database])), []),
  /** Accounts, made on the primary. @default [] */
  users: v.optional(v.array(account), []),
  /** More options of the server, they win over the role's. @default {} */
  settings: v.optional(v.record(v.string(), v.union([setting, v.array(setting)])), {}),
  /** The account that replicas come in by. @default 'replicator' */
  replicationUser: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,32}$/, 'expected a plain name')),
    'replicator',
  ),
  /** At most 32 characters. @default secret('mysql.replication') */
  replicationPassword: v.optional(secretText, () => secret('mysql.replication')),
  /** From where replicas log in. @default '%' (the firewall and TLS narrow it) */
  replicationFrom: v.optional(v.string(), '%'),
  /** The secret of the internal CA. @default secret('tls.ca') */
  ca: v.optional(secretText, () => secret('tls.ca')),
  /** Replace the data of a diverged replica, or of a replica-to-be with data of its own. It is lost. @default false */
  allowReseed: v.optional(v.boolean(), false),
  /** `verify` fails on a replica that is more seconds behind. @default 30 */
  maxLag: v.optional(v.pipe(v.number(), v.minValue(0)), 30),
  /** Group of further hosts, with the role `dbcheck`, that remember who was made the primary last. @default none */
  witnesses: v.optional(v.string()),
  /** Seconds that the primary waits at once for the others to answer after a boot, and a replica for the primary at its first start. @default 60 */
  bootWait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 60),
  /**
   * A commit is answered when a replica has received it too (semi-synchronous replication); after `timeout` seconds (10) without an answer
   * commits do not wait until a replica keeps up again. For topology `replication`. @default false
   */
  semiSync: v.optional(
    v.union([
      v.boolean(),
      v.strictObject({ timeout: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(4_000_000))) }),
    ]),
    false,
  ),
  /** Open the primary after a boot although most of the others did not answer. Two servers may then take writes. @default false */
  openWithoutPeers: v.optional(v.boolean(), false),
}

export type MysqlParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
/** The parameters after their defaults. */
export type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    mysql?: Partial<MysqlParams>
  }
}

/** Who is what in the group at its first start, seen from one host. */
export interface Topology {
  readonly isPrimary: boolean
  /** Address of the primary of the first start. */
  readonly primary: string
  /** Addresses of all others in the group. */
  readonly peers: readonly string[]
}

/** The primary and this host's peers; throws for a primary that is not in the group. */
export function topologyOf(given: Pick<Checked, 'group' | 'primary'>, host: Host): Topology {
  const group = host.inventory.group(given.group)
  const primary = given.primary === undefined ? group[0] : group.find((member) => member.name === given.primary)
  if (!primary) {
    throw new ProvisionError({
      code: 'playbook',
      message: `role mysql: the primary '${given.primary}' is not in group ${given.group}, which has ${group.map((member) => member.name).join(', ')}`,
    })
  }
  const peers = group.filter((member) => member.name !== host.name).map(addressOf)
  return { isPrimary: primary.name === host.name, primary: addressOf(primary), peers }
}

/** Addresses of the witnesses that are no database servers themselves. */
export function witnessesOf({ witnesses, group }: Pick<Checked, 'witnesses' | 'group'>, host: Host): string[] {
  const servers = host.inventory.group(group).map((member) => member.name)
  return witnesses === undefined
    ? []
    : membersOf(host, witnesses)
        .filter((member) => !servers.includes(member.name))
        .map(addressOf)
}

/** Addresses of the voters of each other region; none where hosts have no region. */
export function votersElsewhere(given: Pick<Checked, 'witnesses' | 'group'>, host: Host): string[][] {
  const own = host.vars.region
  const witnesses = given.witnesses === undefined ? [] : membersOf(host, given.witnesses)
  const regions = new Map<string, Set<string>>()
  for (const member of [...host.inventory.group(given.group), ...witnesses]) {
    const { region } = member.vars
    if (own === undefined || region === undefined || region === own) continue
    regions.set(region, (regions.get(region) ?? new Set()).add(addressOf(member)))
  }
  return [...regions.values()].map((addresses) => [...addresses])
}

/** Where an app that does not use the endpoint finds the databases: names of the primary and of the replicas, as the role base puts them into /etc/hosts and as their certificates say. */
export function databaseHosts(host: Host): { readonly primary: string; readonly replicas: readonly string[] } {
  const { group = 'db', primary } = host.vars.mysql ?? {}
  const members = host.inventory.group(group)
  const first = members.find((member) => member.name === primary) ?? members[0]
  if (!first)
    throw new ProvisionError({ code: 'playbook', message: `group ${group} has no hosts: who is the database?` })
  return { primary: first.name, replicas: members.filter((member) => member !== first).map((member) => member.name) }
}

/** By which address others reach a host. */
export function addressOf(member: { connection: { address: string }; vars: Host['vars'] }): string {
  return member.vars.mysql?.address ?? member.connection.address
}

/** The server that this host has or gets. */
export function flavourOf(given: Pick<Checked, 'flavour'>, host: Host): 'mysql' | 'mariadb' {
  if (given.flavour) return given.flavour
  const { os } = host.facts
  return os.id === 'debian' && os.version !== '' ? 'mariadb' : 'mysql'
}

/** The host's server_id; throws if another host of the group has the same. */
export function serverIdOf(given: Pick<Checked, 'serverId' | 'group'>, host: Host): number {
  const id = given.serverId ?? idFrom(host.vars.mysql?.address ?? host.address, host.name)
  for (const member of host.inventory.group(given.group)) {
    if (member.name === host.name) continue
    if ((member.vars.mysql?.serverId ?? idFrom(addressOf(member), member.name)) === id) {
      throw new ProvisionError({
        code: 'playbook',
        message: `role mysql: ${host.name} and ${member.name} have the same server_id ${id}`,
        hint: 'Set vars: { mysql: { serverId: … } } on one of them.',
      })
    }
  }
  return id
}

function idFrom(address: string, name: string): number {
  if (isIPv4(address)) return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  return createHash('sha256').update(name).digest().readUInt32BE(0) || 1
}

/** The address to listen on. */
export function bindOf(given: Checked, host: Host, clients: readonly string[]): string {
  if (given.bind !== undefined) return given.bind
  if (topologyOf(given, host).peers.length === 0 && clients.length === 0) return '127.0.0.1'
  return isIPv6(addressOf({ connection: { address: host.address }, vars: host.vars })) ? '::' : '0.0.0.0'
}

/** Addresses that may connect to this host: the apps', and the group's. */
export function clientsOf(given: Checked, host: Host): string[] {
  const { inventory } = host
  const pattern = given.clients ?? (inventory.hasGroup('app') ? 'app' : undefined)
  const apps = pattern === undefined ? [] : inventory.select(pattern)
  const own = new Set([host.name])
  // they pass on what apps send to the database endpoint
  const balancers = host.vars.site?.databaseEndpoint === false ? [] : membersOf(host, 'lb')
  const from = [...apps, ...balancers, ...inventory.group(given.group)]
    .filter((member) => !own.has(member.name))
    .map(addressOf)
  return [...new Set(from)]
}
