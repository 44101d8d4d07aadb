// One rule as people write it, and the lines of state that ufw(8) keeps for it: a tuple for each family and source.
import * as v from 'valibot'
import { type Network, parseNetwork } from './ufw-address.ts'

const address = v.pipe(
  v.string(),
  v.check(
    (text) => text === 'any' || parseNetwork(text) !== undefined,
    "expected an IP address, a network such as '192.0.2.0/24' or 'any'",
  ),
)

const port = v.union(
  [
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
    v.pipe(
      v.string(),
      v.check((text) => portProblem(text) === undefined),
    ),
  ],
  "expected a port, a list such as '80,443' or a range such as '6000:6010'",
)

/** The entries of a rule. */
export const ruleSchema = {
  /** `limit` lets in, but refuses an address that connected six times within 30 seconds. */
  action: v.picklist(['allow', 'deny', 'reject', 'limit']),
  /** A port, a list `'80,443'` or a range `'6000:6010'`. @default all ports */
  port: v.optional(port),
  /** Which protocol. @default 'tcp' with a port, 'any' without */
  protocol: v.optional(v.picklist(['tcp', 'udp', 'any', 'vrrp', 'esp', 'ah', 'gre', 'igmp'])),
  /** Addresses or networks that it comes from. @default anywhere */
  from: v.optional(v.union([address, v.pipe(v.array(address), v.minLength(1))], 'expected addresses or networks')),
  /** Address or network that it goes to. @default anywhere */
  to: v.optional(address),
  /** Only on this network interface. @default all */
  interface: v.optional(
    v.pipe(v.string(), v.regex(/^(?!\.{1,2}$)[a-zA-Z0-9_.+,=%@-]{1,15}$/, 'expected the name of a network interface')),
  ),
  /** Packets that come in or that go out. @default 'in' */
  direction: v.optional(v.picklist(['in', 'out'])),
  /** Shown by `ufw status`. */
  comment: v.optional(
    v.pipe(
      v.string(),
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
      v.regex(/^[^\u0000-\u001f\u007f]*$/, 'expected one line without control characters'),
    ),
  ),
}

/** One rule of a firewall. */
export type UfwRule = v.InferInput<v.StrictObjectSchema<typeof ruleSchema, undefined>>

/** The family of addresses: ufw keeps a rule set for each. */
export type Family = 4 | 6

/** One `### tuple ###` line of /etc/ufw/user.rules or user6.rules. */
export interface Tuple {
  readonly family: Family
  /** `allow`; on rules of other hands also `route:allow` or `allow_log`. */
  readonly action: string
  readonly protocol: string
  readonly port: string
  readonly to: string
  readonly sourcePort: string
  readonly from: string
  /** Application profiles, in two more fields; we never write any. */
  readonly profiles: string
  /** `in`, `out`, `in_eth0`, `out_eth0`. */
  readonly place: string
  readonly comment: string
}

/** Anywhere, as a family writes it. */
export const anywhere = (family: Family): string => (family === 4 ? '0.0.0.0/0' : '::/0')

/** What is wrong with a rule beyond its types. */
export function ruleProblem(rule: UfwRule): string | undefined {
  const protocol = protocolOf(rule)
  const many = typeof rule.port === 'string' && /[,:]/.test(rule.port)
  if (rule.port !== undefined && !['tcp', 'udp', 'any'].includes(protocol)) return `${protocol} has no ports`
  if (many && protocol === 'any') return `the ports '${rule.port}' need protocol 'tcp' or 'udp'`
  const families = familiesOf(rule)
  if (families.length === 0) return `'from' and 'to' must both be IPv4 or both be IPv6`
  return undefined
}

/** The rule's tuples of one family, in order; empty if its addresses are of the other. */
export function tuplesOf(rule: UfwRule, family: Family): readonly Tuple[] {
  if (!familiesOf(rule).includes(family)) return []
  const to = networkOf(rule.to)
  const direction = rule.direction ?? 'in'
  return sourcesOf(rule).flatMap((from) => {
    if (from && from.family !== family) return []
    return {
      family,
      action: rule.action,
      protocol: protocolOf(rule),
      port: portOf(rule),
      to: to?.text ?? anywhere(family),
      sourcePort: 'any',
      from: from?.text ?? anywhere(family),
      profiles: '',
      place: rule.interface === undefined ? direction : `${direction}_${rule.interface}`,
      comment: rule.comment ?? '',
    }
  })
}

/** Reads a tuple; undefined if the line is none. */
export function parseTuple(line: string, family: Family): Tuple | undefined {
  const found = /^### tuple ### (.*?)(?: comment=([0-9a-f]*))?\s*$/.exec(line)
  if (!found) return undefined
  const fields = (found[1] ?? '').split(/\s+/)
  const [action = '', protocol = '', dport = '', to = '', sourcePort = '', from = '', ...rest] = fields
  if (fields.length < 6 || fields.length > 9) return undefined
  const profiles = rest.length > 1 ? rest.slice(0, 2).join(' ') : ''
  return {
    family,
    action,
    protocol,
    port: dport,
    to,
    sourcePort,
    from,
    profiles,
    // Tuples of very old versions have no direction.
    place: rest.length % 2 === 1 ? (rest.at(-1) ?? 'in') : 'in',
    comment: Buffer.from(found[2] ?? '', 'hex').toString('utf8'),
  }
}

/** What ufw takes for the same rule, whatever its action and comment. */
export function identityOf(tuple: Tuple): string {
  const { family, protocol, port: dport, to, sourcePort, from, profiles, place } = tuple
  const route = tuple.action.startsWith('route:') ? 'route' : ''
  return [route, family, protocol, dport, to, sourcePort, from, profiles, place].join(' ')
}

/** `443/tcp from anywhere`, the subject in sentences; the family is not in it. */
export function describeTuple(tuple: Tuple): string {
  const show = (text: string) => (text === anywhere(tuple.family) ? 'anywhere' : text)
  const { protocol, port: dport, place } = tuple
  const subject =
    tuple.profiles !== ''
      ? `profile ${tuple.profiles.replaceAll('-', '').trim().replaceAll('%20', ' ')}`
      : dport === 'any'
        ? protocol === 'any'
          ? 'everything'
          : protocol
        : protocol === 'any'
          ? dport
          : `${dport}/${protocol}`
  const [direction = 'in', ...names] = place.split('_')
  return [
    subject,
    `from ${show(tuple.from)}`,
    tuple.sourcePort !== 'any' && `port ${tuple.sourcePort}`,
    show(tuple.to) !== 'anywhere' && `to ${tuple.to}`,
    direction === 'out' && 'outgoing',
    names.length > 0 && `on ${names.join('_')}`,
  ]
    .filter(Boolean)
    .join(' ')
}

function protocolOf(rule: UfwRule): string {
  return rule.protocol ?? (rule.port === undefined ? 'any' : 'tcp')
}

function sourcesOf(rule: UfwRule): readonly (Network | undefined)[] {
  return [rule.from ?? 'any'].flat().map(networkOf)
}

function familiesOf(rule: UfwRule): readonly Family[] {
  const to = networkOf(rule.to)
  return ([4, 6] as const).filter(
    (family) =>
      (to === undefined || to.family === family) &&
      sourcesOf(rule).some((from) => from === undefined || from.family === family) &&
      !(family === 6 && rule.protocol === 'igmp'),
  )
}

/** The network of an address; undefined for anywhere. */
function networkOf(text: string | undefined): Network | undefined {
  const network = text === undefined || text === 'any' ? undefined : parseNetwork(text)
  return network?.prefix === 0 ? undefined : network
}

function portOf(rule: UfwRule): string {
  if (rule.port === undefined) return 'any'
  const start = (text: string) => Number(text.split(':')[0])
  return String(rule.port)
    .split(',')
    .map((part) => part.split(':').map(Number).join(':'))
    .sort((left, right) => start(left) - start(right) || Number(left.includes(':')) - Number(right.includes(':')))
    .join(',')
}

function portProblem(text: string): string | undefined {
  const parts = text.split(',')
  for (const part of parts) {
    if (!/^[0-9]{1,5}(:[0-9]{1,5})?$/.test(part)) return part
    const [first = 0, last = 65535] = part.split(':').map(Number)
    if (first < 1 || first > 65535 || last > 65535) return part
    if (part.includes(':') && first >= last) return part
  }
  // The kernel's multiport match holds 15 ports; a range counts twice.
  return parts.length + parts.filter((part) => part.includes(':')).length > 15 ? text : undefined
}
