// From the inventory's settings and ~/.ssh/config to the servers on the way: each with its address, port, user, what to
// log in with and how its key is checked. The inventory wins over ~/.ssh/config.
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import type { Secrets } from '../core/secret.ts'
import type { HostKeySettings } from './host-key.ts'
import { expandHome, loadSshConfig, type SshConfig } from './ssh-config.ts'
import type { IdentitySettings } from './ssh-identity.ts'
import type { Target } from './target.ts'

/** The surroundings of a run on this machine. */
export interface Surroundings {
  readonly home: string
  readonly localUser: string
  readonly agentSocket?: string | undefined
  /** Instead of ~/.ssh/config and /etc/ssh/ssh_config. */
  readonly configFiles?: readonly string[]
}

/** One server to log in to. */
export interface Hop {
  readonly target: Target
  readonly identities: IdentitySettings
  readonly hostKey: HostKeySettings
}

/** The jump hosts, first to last, and then the host itself. */
export interface Route {
  readonly jumps: readonly Hop[]
  readonly host: Hop
}

const maximumJumps = 8

/** Plans the way to a host. */
export function planRoute(host: InventoryHost, secrets: Secrets, surroundings: Surroundings): Route {
  const settings = host.connection
  const config = readConfig(settings.address, surroundings)
  const own = settings.identityFile
  const files = [
    ...(own === undefined ? [] : [{ path: expandHome(own, surroundings), required: true }]),
    ...(own === undefined ? config.identityFiles.map((path) => ({ path, required: false })) : []),
  ]
  const passphrase = settings.passphrase === undefined ? undefined : secrets.reveal(settings.passphrase)
  const hop: Hop = {
    target: {
      name: host.name,
      address: config.hostName ?? settings.address,
      port: settings.port ?? config.port ?? 22,
      user: settings.user ?? config.user ?? surroundings.localUser,
    },
    identities: {
      files,
      passphrase,
      password: settings.password === undefined ? undefined : secrets.reveal(settings.password),
      agentSocket: agentOf(config, surroundings),
      filesOnly: config.identitiesOnly,
      home: surroundings.home,
    },
    hostKey: hostKeyOf(host, config, surroundings),
  }
  const wished = settings.proxyJump
  const jumps = wished === undefined ? config.proxyJump : typeof wished === 'string' ? wished.split(',') : wished
  if (config.proxyCommand !== undefined && (jumps === undefined || jumps.length === 0)) {
    throw new ProvisionError({
      code: 'inventory',
      message: `${host.name}: ~/.ssh/config reaches ${settings.address} by ProxyCommand, which is not supported`,
      detail: `ProxyCommand ${config.proxyCommand}`,
      hint: 'Use ProxyJump there, or proxyJump in the inventory.',
    })
  }
  return {
    jumps: (jumps ?? []).flatMap((jump, index) =>
      planJump(jump.trim(), index === 0, host, { files, passphrase }, surroundings, 0),
    ),
    host: hop,
  }
}

/** A jump host: its own part of ~/.ssh/config, the key of the host behind it as well, but never that host's password. */
function planJump(
  jump: string,
  isFirst: boolean,
  host: InventoryHost,
  keys: Pick<IdentitySettings, 'files' | 'passphrase'>,
  surroundings: Surroundings,
  depth: number,
): readonly Hop[] {
  const found = /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:@[\]]+|[0-9a-fA-F:]*:[0-9a-fA-F:]+?))(?::(\d+))?$/.exec(
    jump,
  )
  const name = found?.[2] ?? found?.[3]
  if (!found || !name || depth > maximumJumps) {
    throw new ProvisionError({
      code: 'inventory',
      message:
        depth > maximumJumps
          ? `${host.name}: the jump hosts of ~/.ssh/config go in a circle (${jump})`
          : `${host.name}: proxyJump is "${jump}", expected user@host:port`,
    })
  }
  const config = readConfig(name, surroundings)
  // As OpenSSH does: only the first of a list is reached through jump hosts of its own.
  const before = isFirst
    ? (config.proxyJump ?? []).flatMap((other, index) =>
        planJump(other.trim(), index === 0, host, keys, surroundings, depth + 1),
      )
    : []
  return [
    ...before,
    {
      target: {
        name: `${host.name} via ${name}`,
        address: config.hostName ?? name,
        port: found[4] === undefined ? (config.port ?? 22) : Number(found[4]),
        user: found[1] ?? config.user ?? surroundings.localUser,
      },
      identities: {
        files: [...config.identityFiles.map((path) => ({ path, required: false })), ...keys.files],
        passphrase: keys.passphrase,
        agentSocket: agentOf(config, surroundings),
        filesOnly: config.identitiesOnly,
        home: surroundings.home,
      },
      hostKey: hostKeyOf(host, config, surroundings),
    },
  ]
}

function readConfig(name: string, surroundings: Surroundings): SshConfig {
  return loadSshConfig(name, {
    home: surroundings.home,
    localUser: surroundings.localUser,
    ...(surroundings.configFiles && { files: surroundings.configFiles }),
  })
}

function agentOf(config: SshConfig, surroundings: Surroundings): string | undefined {
  const wished = config.identityAgent
  if (wished === undefined || wished === 'SSH_AUTH_SOCK') return surroundings.agentSocket
  return wished === 'none' ? undefined : wished
}

function hostKeyOf(host: InventoryHost, config: SshConfig, surroundings: Surroundings): HostKeySettings {
  const own = host.connection.knownHosts
  const usual = join(surroundings.home, '.ssh/known_hosts')
  const [first = usual, ...others] =
    own === undefined
      ? [...(config.userKnownHostsFiles ?? [usual]), '/etc/ssh/ssh_known_hosts']
      : [expandHome(own, surroundings)]
  return {
    mode: host.connection.hostKeyChecking ?? 'strict',
    files: [first, ...others],
    alias: config.hostKeyAlias,
  }
}
