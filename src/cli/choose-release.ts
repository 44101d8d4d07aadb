// Which release all hosts go back to. They must agree, also when an earlier rollback or deployment ended half-way.
import { ProvisionError } from '../core/error.ts'

/** What a host has of a role's releases. */
export interface HostReleases {
  readonly host: string
  readonly release: string | undefined
  readonly previous: string | undefined
  readonly kept: readonly string[]
}

/**
 * The release to go back to: the one whose identity begins with `wish`, else the one before the current one. A host that
 * is there already stays. Throws if a host does not have it, or if the hosts do not agree on one.
 */
export function chooseRelease(role: string, hosts: readonly HostReleases[], wish: string | undefined): string {
  const refuse = (message: string, hint?: string): never => {
    throw new ProvisionError({
      code: 'input',
      message: `${role}: ${message}`,
      detail: hosts.map(line).join('\n'),
      hint,
    })
  }
  const bare = hosts.filter(({ release }) => release === undefined).map(({ host }) => host)
  if (bare.length > 0)
    refuse(`nothing is deployed on ${bare.join(', ')}`, 'Leave them out with --limit, or deploy there first.')
  if (wish !== undefined) return chooseByName(hosts, wish, refuse)
  const previous = [...new Set(hosts.flatMap((host) => host.previous ?? []))]
  const fitting = previous.filter((id) => hosts.every((host) => host.release === id || host.previous === id))
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  if (previous.length === 0)
    return refuse('there is no previous release to go back to', 'Choose one of those that are kept: --to RELEASE.')
  return refuse('the hosts do not agree on a previous release', 'Say which: --to RELEASE.')
}

type Refuse = (message: string, hint?: string) => never

function chooseByName(hosts: readonly HostReleases[], wish: string, refuse: Refuse): string {
  const matching = [...new Set(hosts.flatMap(({ kept }) => kept.filter((id) => id.startsWith(wish.toLowerCase()))))]
  const [id] = matching
  if (id === undefined || wish === '') return refuse(`no host has a release '${wish}'`)
  if (matching.length > 1)
    return refuse(`'${wish}' may be each of ${matching.map(short).join(', ')}`, 'Give more of its digits.')
  const without = hosts.filter(({ kept }) => !kept.includes(id)).map(({ host }) => host)
  if (without.length > 0) return refuse(`release ${short(id)} is not kept on ${without.join(', ')}`)
  return id
}

function line({ host, release, previous, kept }: HostReleases): string {
  const others = kept
    .filter((id) => id !== release)
    .map((id) => (id === previous ? `${short(id)} (previous)` : short(id)))
  return `${host}: ${release ? short(release) : 'none'} is current${others.length > 0 ? `, kept: ${others.join(', ')}` : ', no other is kept'}`
}

/** As much of an identity as people read. */
export function short(id: string): string {
  return id.slice(0, 12)
}
