// What ufw(8) has on disk and what the kernel has in its tables. The files alone are no proof: `ufw status` prints them even when
// the chains were flushed, see ufw-framework(8), iptables(8).
import { ProvisionError } from '../core/error.ts'
import { pendingProbe } from './revert.ts'
import { chainPrefix, normalRule, ruleLines } from './ufw-lines.ts'
import { type Family, parseTuple, type Tuple } from './ufw-rule.ts'

/** A policy as ufw words it. */
export type Policy = 'allow' | 'deny' | 'reject'

/** The directions that have a default policy. */
export const directions = ['incoming', 'outgoing', 'routed'] as const
export type Direction = (typeof directions)[number]

/** The builtin chain of a direction; also the middle of the variable in /etc/default/ufw. */
export const builtinChain: Readonly<Record<Direction, string>> = {
  incoming: 'INPUT',
  outgoing: 'OUTPUT',
  routed: 'FORWARD',
}

/** The rules of one family, on disk and in the kernel. */
export interface FamilyState {
  readonly tuples: readonly Tuple[]
  /** The rule lines that the file has for these tuples, in the normal form. */
  readonly fileRules: readonly string[]
  /** Lines of `iptables -S` that count here; empty if ufw is off. */
  readonly kernel: readonly string[]
}

/** A host's firewall. */
export interface UfwState {
  readonly installed: boolean
  readonly enabled: boolean
  readonly logging: string
  readonly policies: Readonly<Record<Direction, string>>
  /** IPV6=yes in /etc/default/ufw. */
  readonly ipv6: boolean
  /** The kernel speaks IPv6 at all. */
  readonly ipv6Kernel: boolean
  /** An earlier change waits to be confirmed. */
  readonly pending: boolean
  readonly families: Readonly<Record<Family, FamilyState>>
}

/** The read-only question. The kernel is asked only where ufw is on: asking would load its modules. */
export const ufwProbe = `export LC_ALL=C
if ! command -v ufw >/dev/null 2>&1 || [ ! -r /etc/ufw/ufw.conf ]; then echo absent; exit 0; fi
echo present
${pendingProbe('ufw')}
sed -n 's/^\\(ENABLED\\|LOGLEVEL\\)=/conf &/p' /etc/ufw/ufw.conf
sed -n 's/^\\(DEFAULT_[A-Z]*_POLICY\\|IPV6\\)=/conf &/p' /etc/default/ufw
if [ -d /proc/sys/net/ipv6 ]; then echo 'conf KERNEL6=yes'; fi
sed -n 's/^\\(### tuple ###\\|-A ufw-user-\\)/file4 &/p' /etc/ufw/user.rules
sed -n 's/^\\(### tuple ###\\|-A ufw6-user-\\)/file6 &/p' /etc/ufw/user6.rules
kernel() {
  answer=$("$2" -w 10 -S) || exit 1
  printf '%s\\n' "$answer" | sed -n "s/^\\(-P \\|-A \\(INPUT\\|OUTPUT\\|FORWARD\\) -j $3-\\|-A $3-before-[a-z]* -j $3-user-\\|-A $3-user-\\(input\\|output\\|forward\\|limit\\|limit-accept\\) \\|-A $3-reject-\\)/$1 &/p"
}
if grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then
  kernel kernel4 iptables ufw
  if [ -d /proc/sys/net/ipv6 ]; then kernel kernel6 ip6tables ufw6; fi
fi`

/** Reads the answer. */
export function parseUfwState(stdout: string): UfwState {
  const lines = stdout.split('\n').filter((line) => line !== '')
  const head = lines.shift()
  if (head !== 'present' && head !== 'absent')
    throw new ProvisionError({
      code: 'probe',
      message: `ufw: expected 'present' or 'absent' first, found '${head?.slice(0, 80) ?? ''}'`,
    })
  const conf = new Map<string, string>()
  const sections: Record<string, string[]> = { file4: [], file6: [], kernel4: [], kernel6: [] }
  for (const line of lines) {
    const at = line.indexOf(' ')
    const kind = at < 0 ? line : line.slice(0, at)
    const rest = line.slice(at + 1)
    if (line === 'pending') conf.set('pending', 'yes')
    else if (kind === 'conf') {
      const [key = '', value = ''] = rest.split('=')
      conf.set(key, value.trim().replace(/^"(.*)"$/, '$1'))
    } else if (sections[kind]) sections[kind].push(rest)
    else throw new ProvisionError({ code: 'probe', message: `ufw: unexpected line '${line.slice(0, 80)}'` })
  }
  const policy = (direction: Direction) => {
    const value = conf.get(`DEFAULT_${builtinChain[direction]}_POLICY`) ?? ''
    return { ACCEPT: 'allow', DROP: 'deny', REJECT: 'reject' }[value.toUpperCase()] ?? (value || 'not set')
  }
  const family = (number: Family): FamilyState => {
    const file = sections[`file${number}`] ?? []
    return {
      tuples: file.flatMap((line) => {
        if (!line.startsWith('### tuple')) return []
        const tuple = parseTuple(line, number)
        if (!tuple)
          throw new ProvisionError({
            code: 'probe',
            message: `ufw: a tuple that nobody can read: '${line.slice(0, 120)}'`,
          })
        return tuple
      }),
      fileRules: file.filter((line) => /^-A ufw6?-user-(input|output|forward) /.test(line)).map(normalRule),
      kernel: sections[`kernel${number}`] ?? [],
    }
  }
  return {
    installed: head === 'present',
    enabled: /^yes$/i.test(conf.get('ENABLED') ?? ''),
    logging: conf.get('LOGLEVEL') ?? 'not set',
    policies: { incoming: policy('incoming'), outgoing: policy('outgoing'), routed: policy('routed') },
    ipv6: /^yes$/i.test(conf.get('IPV6') ?? ''),
    ipv6Kernel: conf.get('KERNEL6') === 'yes',
    pending: conf.get('pending') === 'yes',
    families: { 4: family(4), 6: family(6) },
  }
}

/** How the kernel differs from these tuples, as a sentence: rules are missing or too many, or the frame around them is broken. */
export function kernelDifference(
  family: Family,
  kernel: readonly string[],
  tuples: readonly Tuple[],
  policies: Readonly<Record<Direction, string>>,
): { readonly sentence: string; readonly frame: boolean } | undefined {
  const prefix = chainPrefix(family)
  const has = new Set(kernel)
  for (const direction of directions) {
    const chain = builtinChain[direction]
    const wish = policies[direction] === 'allow' ? 'ACCEPT' : 'DROP'
    const found = kernel.find((line) => line.startsWith(`-P ${chain} `))?.split(' ')[2] ?? 'none'
    const name = chain.toLowerCase()
    if (found !== wish) return { sentence: `policy of ${chain} in the kernel ${found} → ${wish}`, frame: true }
    const jumps = [`-A ${chain} -j ${prefix}-before-${name}`, `-A ${prefix}-before-${name} -j ${prefix}-user-${name}`]
    const missing = jumps.find((jump) => !has.has(jump))
    if (missing) return { sentence: `missing in the kernel: ${missing}`, frame: true }
    const rejects = kernel.some((line) => line.startsWith(`-A ${prefix}-reject-${name} -j REJECT`))
    if (rejects !== (policies[direction] === 'reject'))
      return { sentence: `the kernel ${rejects ? 'rejects' : 'drops'} what is ${direction} by default`, frame: true }
  }
  const limits = [`-A ${prefix}-user-limit -j REJECT`, `-A ${prefix}-user-limit-accept -j ACCEPT`]
  const unlimited = limits.find((limit) => !kernel.some((line) => line.startsWith(limit)))
  if (unlimited && tuples.some((tuple) => tuple.action === 'limit'))
    return { sentence: `missing in the kernel: ${unlimited}`, frame: true }
  const rules = kernel.filter((line) => /^-A ufw6?-user-(input|output|forward) /.test(line)).map(normalRule)
  const wished = tuples.flatMap(ruleLines).map(normalRule)
  if (sameByChain(rules, wished)) return undefined
  const there = wished.filter((line) => rules.includes(line)).length
  const foreign = rules.filter((line) => !wished.includes(line)).length
  return {
    sentence: `${there} of ${wished.length} rules in the kernel${foreign > 0 ? `, ${foreign} foreign` : ''}${there === wished.length && foreign === 0 ? ', in another order' : ''}`,
    frame: false,
  }
}

/** Equal, chain by chain: how rules of different chains are mixed does not matter. */
export function sameByChain(left: readonly string[], right: readonly string[]): boolean {
  const sorted = (lines: readonly string[]) => {
    const chains = new Map<string, string[]>()
    for (const line of lines) {
      const chain = /-A (\S+)/.exec(line)?.[1] ?? ''
      chains.set(chain, [...(chains.get(chain) ?? []), line])
    }
    return [...chains].sort(([a], [b]) => (a < b ? -1 : 1))
  }
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right))
}
