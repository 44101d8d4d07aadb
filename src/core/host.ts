import type { HostVars } from './host-vars.ts'
import type { LazyLocation } from './location.ts'
import type { Secret } from './secret.ts'
import type { Outcome, Task } from './task.ts'

/** How to reach a host; inherited from groups the same way as variables. */
export interface ConnectionSettings {
  /** `ssh`, or `local` for the machine that runs provision. @default 'ssh' */
  readonly connection?: 'ssh' | 'local' | undefined
  /** Name or address to connect to; `~/.ssh/config` applies. @default the host's name */
  readonly address?: string
  /** @default 22, or what `~/.ssh/config` says */
  readonly port?: number | undefined
  /** @default the local user, or what `~/.ssh/config` says */
  readonly user?: string | undefined
  /** Path of a private key (`~` allowed). @default the agent, then the usual `~/.ssh/id_*` */
  readonly identityFile?: string | undefined
  /** Passphrase of the private key. */
  readonly passphrase?: string | Secret | undefined
  /** Password for login; keys are better. */
  readonly password?: string | Secret | undefined
  /** Jump hosts, `user@host:port` each, first to last. */
  readonly proxyJump?: string | readonly string[] | undefined
  /** @default '~/.ssh/known_hosts' */
  readonly knownHosts?: string | undefined
  /** `strict` refuses unknown keys, `accept-new` records them, `off` checks nothing. @default 'strict' */
  readonly hostKeyChecking?: 'strict' | 'accept-new' | 'off' | undefined
  /** Run the agent as this user (`true` = root), or `false` to stay who we are. @default true: root, unless we already are */
  readonly become?: boolean | string | undefined
  /** @default 'sudo' */
  readonly becomeMethod?: 'sudo' | 'su' | undefined
  /** Password for sudo or su. */
  readonly becomePassword?: string | Secret | undefined
  /** Seconds for each phase of connecting. @default 10 */
  readonly connectTimeout?: number | undefined
  /** How often to try connecting before the host counts as unreachable. @default 3 */
  readonly connectAttempts?: number | undefined
  /** Seconds between keepalives. @default 15 */
  readonly keepalive?: number | undefined
}

/** A host of the inventory after inheritance: what transport and roles see. */
export interface InventoryHost {
  readonly name: string
  /** All groups it is in, also through other groups; `all` first. */
  readonly groups: readonly string[]
  readonly connection: ConnectionSettings & { readonly address: string }
  /** Merged variables: group < host. */
  readonly vars: Readonly<HostVars> & Readonly<Record<string, unknown>>
  /** Where the host was written. */
  readonly where: LazyLocation
}

/** The whole inventory as roles may read it. */
export interface Inventory {
  readonly hosts: readonly InventoryHost[]
  /** A host by name; throws a ProvisionError that lists the known names. */
  readonly host: (name: string) => InventoryHost
  /** The hosts of a group, in the inventory's order; throws for an unknown group. */
  readonly group: (name: string) => readonly InventoryHost[]
  /** Whether the group exists. */
  readonly hasGroup: (name: string) => boolean
  /** The hosts that a pattern such as `web:!web2` selects; throws for unknown names. */
  readonly select: (pattern: string) => readonly InventoryHost[]
}

/** What nobody set and the host itself told. */
export interface Facts {
  readonly os: {
    readonly id: string
    readonly version: string
    readonly codename: string
    readonly like: readonly string[]
  }
  readonly hostname: string
  readonly kernel: string
  /** As `uname -m` says. */
  readonly architecture: string
  /** As dpkg says, `amd64` for example; empty without dpkg. */
  readonly debArchitecture: string
  /** `systemd-detect-virt`: `none`, `kvm`, `systemd-nspawn`, … */
  readonly virtualization: string
  readonly isContainer: boolean
  readonly cpus: number
  readonly memoryMegabytes: number
  /** Global addresses, IPv4 first. */
  readonly addresses: readonly string[]
  /** The device of the default route, or of the first address. */
  readonly interface: string
  /** The effective user of the agent. */
  readonly user: string
  readonly bootId: string
  /** Our own address as the host sees it (SSH_CONNECTION); empty for local. */
  readonly controllerAddress: string
  /** The port that sshd took us on; 0 for local. */
  readonly sshPort: number
  /** The public key that sshd proves itself by, `ssh-ed25519 AAAA…`: for the known_hosts of other hosts. Empty if it has none of this kind. */
  readonly sshHostKey: string
}

interface OpeningBase {
  /** Addresses or networks that may connect; absent = everyone. */
  readonly from?: readonly string[]
  /** Why, shown as the rule's comment. */
  readonly comment?: string
}

/** A port that a role needs open on its host. */
export interface PortOpening extends OpeningBase {
  readonly port: number | string
  /** @default 'tcp' */
  readonly protocol?: 'tcp' | 'udp'
}

/** A protocol without ports that a role needs to come in. */
export interface ProtocolOpening extends OpeningBase {
  readonly port?: undefined
  readonly protocol: 'vrrp'
}

/** What a role needs to come in to its host, for the firewall role. */
export type Opening = PortOpening | ProtocolOpening

/** The host that a role is being expanded for. */
export interface Host {
  readonly name: string
  readonly address: string
  readonly groups: readonly string[]
  readonly vars: Readonly<HostVars> & Readonly<Record<string, unknown>>
  /** Reading a fact makes the role wait for the connection; everything else is known before. */
  readonly facts: Facts
  /**
   * The facts of another host of the inventory, which is connected for them if it is not yet. Throws for an unknown name; a
   * host out of reach fails the one that asks.
   * @example host.factsOf('db1').addresses[0]
   */
  readonly factsOf: (name: string) => Facts
  /**
   * What a task of an earlier play gave on another host. Throws where that is not known for sure: the task did not run there,
   * or its play need not be over when this one begins. Of a task that was skipped only `changed`, `failed` and `skipped`.
   * @example host.resultOf('db1', token).stdout
   */
  readonly resultOf: <R extends Outcome>(name: string, task: Task<R>) => R
  readonly inventory: Inventory
  /** The port used to reach it by ssh, as far as the inventory says. */
  readonly sshPort: number
  /** What the roles that this playbook puts on this host declared as `openings`. */
  readonly openings: () => readonly Opening[]
  /** Names of the roles that this playbook puts on this host. */
  readonly roles: readonly string[]
  /** Whether this host is in the group. */
  readonly isIn: (group: string) => boolean
}
