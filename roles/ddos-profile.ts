// The three levels of `site.ddosProtection`: every number that kernel, firewall, HAProxy, nginx and fail2ban take from it, and who is
// never limited. They all stand here, so that the layers agree.
import { isIP } from 'node:net'
import { type Host, ProvisionError } from 'hostwright'
import './site.ts'

/** What one level allows to one address. */
export interface DdosProfile {
  /** Kernel parameters of every host. */
  readonly kernel: Readonly<Record<string, number>>
  /** New TCP connections in ten seconds, and connections at once. */
  readonly connections: { readonly perTenSeconds: number; readonly atOnce: number }
  /** HTTP requests in ten seconds at the balancer; beyond `refuseFrom` it takes no new connection either. */
  readonly requests: { readonly perTenSeconds: number; readonly refuseFrom: number }
  /** The same at nginx, for what did not come through the balancer's count: requests a second, how many more at once, requests being answered at once. */
  readonly nginx: { readonly perSecond: number; readonly burst: number; readonly atOnce: number }
  /** Seconds that a client may take for the head of a request, may be silent in it, and may keep an idle connection. */
  readonly timeouts: { readonly request: number; readonly silence: number; readonly idle: number }
  /** Failed logins within `findSeconds` that lead to a ban of `banSeconds`, for fail2ban. */
  readonly bans: { readonly failures: number; readonly findSeconds: number; readonly banSeconds: number }
}

export type DdosLevel = 'off' | 'standard' | 'strict'

/** `standard` leaves room for an office or a mobile network behind one address; `strict` is for the time of an attack. */
const profiles: Readonly<Record<Exclude<DdosLevel, 'off'>, DdosProfile>> = {
  standard: {
    kernel: {
      'net.ipv4.tcp_syncookies': 1,
      'net.core.somaxconn': 4096,
      'net.ipv4.tcp_max_syn_backlog': 4096,
      'net.ipv4.tcp_synack_retries': 3,
    },
    connections: { perTenSeconds: 1000, atOnce: 500 },
    requests: { perTenSeconds: 3000, refuseFrom: 9000 },
    nginx: { perSecond: 300, burst: 600, atOnce: 500 },
    timeouts: { request: 10, silence: 30, idle: 10 },
    bans: { failures: 5, findSeconds: 600, banSeconds: 3600 },
  },
  strict: {
    kernel: {
      'net.ipv4.tcp_syncookies': 1,
      'net.core.somaxconn': 8192,
      'net.ipv4.tcp_max_syn_backlog': 16_384,
      'net.ipv4.tcp_synack_retries': 2,
    },
    connections: { perTenSeconds: 100, atOnce: 50 },
    requests: { perTenSeconds: 300, refuseFrom: 600 },
    nginx: { perSecond: 30, burst: 60, atOnce: 50 },
    timeouts: { request: 5, silence: 15, idle: 5 },
    bans: { failures: 3, findSeconds: 3600, banSeconds: 86_400 },
  },
}

/** Which level the site has chosen. */
export function ddosLevelOf(host: Pick<Host, 'vars'>): DdosLevel {
  const level = host.vars.site?.ddosProtection ?? 'standard'
  if (level !== 'off' && !Object.hasOwn(profiles, level))
    throw new ProvisionError({
      code: 'inventory',
      message: `site.ddosProtection: expected 'off', 'standard' or 'strict', found '${String(level)}'`,
    })
  return level
}

/** The numbers of the site's level; undefined = off. */
export function ddosProfileOf(host: Pick<Host, 'vars'>): DdosProfile | undefined {
  const level = ddosLevelOf(host)
  return level === 'off' ? undefined : profiles[level]
}

/**
 * Addresses and networks that no layer limits or bans: every host of the inventory (monitors, balancers, peers) and
 * `site.allowedSources`, where the controller belongs.
 * @throws ProvisionError for an entry that is neither an address nor a network
 * @example unlimitedSources(host) // ['192.0.2.11', '192.0.2.12', '198.51.100.0/24']
 */
export function unlimitedSources(host: Pick<Host, 'inventory' | 'vars'>): string[] {
  const hosts = host.inventory.hosts.map((member) => member.connection.address).filter((address) => isIP(address) !== 0)
  return [...new Set([...hosts, ...allowedSources(host)])]
}

/** What the site itself names; the controller must be among them before anything counts its logins. */
export function allowedSources(host: Pick<Host, 'vars'>): string[] {
  const sources = host.vars.site?.allowedSources ?? []
  const wrong = sources.find((source) => !isNetwork(source))
  if (wrong !== undefined)
    throw new ProvisionError({
      code: 'inventory',
      message: `site.allowedSources: expected an address or a network such as '192.0.2.0/24', found '${wrong}'`,
    })
  return [...sources]
}

function isNetwork(text: unknown): boolean {
  if (typeof text !== 'string') return false
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || rest.length > 0) return false
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}
