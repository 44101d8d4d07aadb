// Host patterns: `web`, `web:db` or `web,db` (either), `web:&db` (both), `web:!web2` (without), `db*` and `web?` (globs), `all`.
import { ProvisionError } from '../core/error.ts'
import { describeValue, nearest } from '../core/schema.ts'

/** What patterns choose from. */
export interface Named {
  /** All hosts, in order. */
  readonly hosts: readonly string[]
  /** The groups with their hosts; `all` is known without. */
  readonly groups: ReadonlyMap<string, readonly string[]>
}

/**
 * The names of the hosts that a pattern selects, in the inventory's order. All plain terms together, of those what every
 * `&` term has, without what any `!` term has; with no plain term, of all hosts. The order of terms does not matter.
 */
export function selectHosts(pattern: string, named: Named): readonly string[] {
  if (typeof pattern !== 'string' || pattern.trim() === '')
    throw badPattern(
      `host pattern: expected a pattern such as 'web', 'web:!web2' or 'all', found ${describeValue(pattern)}`,
    )
  const either = new Set<string>()
  const both: ReadonlySet<string>[] = []
  const without = new Set<string>()
  let plain = false
  for (const term of pattern.split(/[:,]/)) {
    const [, sign = '', name = ''] = /^\s*([!&]?)\s*(.*?)\s*$/s.exec(term) ?? []
    if (name === '')
      throw badPattern(
        `host pattern '${pattern}': a name is missing ${term.trim() === '' ? 'between separators' : `after '${sign}'`}`,
      )
    const chosen = hostsOfTerm(name, pattern, named)
    if (sign === '!') for (const host of chosen) without.add(host)
    else if (sign === '&') both.push(new Set(chosen))
    else {
      plain = true
      for (const host of chosen) either.add(host)
    }
  }
  return named.hosts.filter(
    (host) => (!plain || either.has(host)) && both.every((set) => set.has(host)) && !without.has(host),
  )
}

function hostsOfTerm(name: string, pattern: string, named: Named): readonly string[] {
  if (name === 'all' || name === '*') return named.hosts
  const group = named.groups.get(name)
  if (group) return group
  if (named.hosts.includes(name)) return [name]
  const known = { hosts: named.hosts, groups: [...named.groups.keys()] }
  const inside = name === pattern.trim() ? '' : ` in the pattern '${pattern}'`
  if (!/[*?]/.test(name))
    throw unknownName(`no host or group '${name}' in the inventory${inside && `,${inside}`}`, name, known)
  const glob = new RegExp(
    `^${name
      .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  )
  const groups = [...named.groups].filter(([key]) => glob.test(key))
  const hosts = named.hosts.filter((host) => glob.test(host))
  if (groups.length + hosts.length === 0) throw unknownName(`no host or group matches '${name}'${inside}`, '', known)
  return [...hosts, ...groups.flatMap(([, members]) => members)]
}

/** The error for a name that the inventory does not have, with what it has. */
export function unknownName(
  message: string,
  name: string,
  known: { readonly hosts?: readonly string[]; readonly groups?: readonly string[] },
): ProvisionError {
  const groups = known.groups && [...known.groups, 'all']
  const near = nearest(name, [...(known.hosts ?? []), ...(groups ?? [])])
  const lists = [known.hosts && `Hosts: ${listed(known.hosts)}.`, groups && `Groups: ${listed(groups)}.`]
  return badPattern(message, near ? `Did you mean '${near}'?` : lists.filter(Boolean).join(' '))
}

function listed(names: readonly string[]): string {
  const shown = 20
  return names.length > shown ? `${names.slice(0, shown).join(', ')}, … (${names.length})` : names.join(', ')
}

function badPattern(message: string, hint?: string): ProvisionError {
  return new ProvisionError({ code: 'inventory', message, hint })
}
