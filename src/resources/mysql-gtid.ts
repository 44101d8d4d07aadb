// GTID sets as the servers print them, and the one question asked of them: what has this server that the other has not?
// MySQL: `uuid[:tag]:1-5:7,…` (gtid_executed). MariaDB: `domain-server-sequence,…` (gtid_binlog_state for what
// it wrote to its binary log, gtid_slave_pos for what it was seeded with or replicated).

type Interval = readonly [from: number, to: number]

/** A MySQL GTID set: intervals by source (`uuid` or `uuid:tag`). */
export type GtidSet = ReadonlyMap<string, readonly Interval[]>

/** Parses `gtid_executed`; newlines between sources are allowed. */
export function parseGtidSet(text: string): GtidSet {
  const set = new Map<string, Interval[]>()
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const [uuid = '', ...rest] = entry.split(':')
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid) || rest.length === 0)
      throw new TypeError(`not a GTID set: '${entry}'`)
    let source = uuid.toLowerCase()
    for (const part of rest) {
      const range = /^(\d+)(?:-(\d+))?$/.exec(part)
      if (range) {
        const from = Number(range[1])
        set.set(source, [...(set.get(source) ?? []), [from, range[2] === undefined ? from : Number(range[2])]])
      } else if (/^[a-z_][a-z0-9_]*$/i.test(part)) {
        source = `${uuid.toLowerCase()}:${part.toLowerCase()}`
      } else throw new TypeError(`not a GTID set: '${entry}'`)
    }
  }
  return set
}

/** What is in `left` and not in `right`. */
export function subtractGtidSets(left: GtidSet, right: GtidSet): GtidSet {
  const difference = new Map<string, readonly Interval[]>()
  for (const [source, intervals] of left) {
    let rest = intervals
    for (const [from, to] of right.get(source) ?? []) {
      rest = rest.flatMap(([start, end]): Interval[] => {
        if (end < from || start > to) return [[start, end]]
        const kept: Interval[] = []
        if (start < from) kept.push([start, from - 1])
        if (end > to) kept.push([to + 1, end])
        return kept
      })
    }
    if (rest.length > 0) difference.set(source, rest)
  }
  return difference
}

/** How many transactions a set names. */
export function countGtids(set: GtidSet): number {
  let count = 0
  for (const intervals of set.values()) for (const [from, to] of intervals) count += to - from + 1
  return count
}

/** A set as the server writes it. */
export function formatGtidSet(set: GtidSet): string {
  return [...set]
    .map(([source, intervals]) =>
      [source, ...intervals.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`))].join(':'),
    )
    .join(',')
}

/** A MariaDB history: in each domain the last sequence number of each server that wrote there. */
type MariadbHistory = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Parses `gtid_binlog_state`, `gtid_slave_pos`, or both in one list. */
export function parseMariadbGtids(text: string): MariadbHistory {
  const history = new Map<string, Map<string, number>>()
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const match = /^(\d+)-(\d+)-(\d+)$/.exec(entry)
    if (!match) throw new TypeError(`not a MariaDB GTID list: '${entry}'`)
    const [, domain = '', server = '', number = ''] = match
    const servers = history.get(domain) ?? new Map<string, number>()
    history.set(domain, servers.set(server, Math.max(Number(number), servers.get(server) ?? 0)))
  }
  return history
}

/** One entry for each server of each domain. */
export function formatMariadbGtids(history: MariadbHistory): string {
  return [...history].flatMap(([domain, servers]) => [...servers].map((last) => gtid(domain, last))).join(',')
}

/** The last transaction of each domain: where a server stands. */
export function lastMariadbGtids(history: MariadbHistory): string {
  return [...history].map(([domain, servers]) => gtid(domain, lastOf(servers))).join(',')
}

/** How two MariaDB histories differ. */
export interface MariadbDifference {
  /** What only the first has: the last one of each server that wrote any of it. */
  readonly missing: readonly string[]
  /** How many sequence numbers that is. */
  readonly count: number
  /** The last transaction of each domain that both have. */
  readonly common: readonly string[]
}

/**
 * What a history has and another one has not. In a domain the numbers grow from server to server (`gtid_strict_mode`), so who has a
 * transaction has all those before it too, also if it was seeded and does not know who wrote them.
 */
export function compareMariadbGtids(own: string, other: string): MariadbDifference {
  const known = parseMariadbGtids(other)
  const missing: string[] = []
  const common: string[] = []
  let count = 0
  for (const [domain, servers] of parseMariadbGtids(own)) {
    const shared = [...servers].map(([server, number]): readonly [string, number] => [
      server,
      Math.min(number, known.get(domain)?.get(server) ?? 0),
    ])
    const [, end] = lastOf(servers)
    const [server, begin] = lastOf(shared)
    if (begin > 0) common.push(gtid(domain, [server, begin]))
    count += end - begin
    missing.push(...[...servers].filter(([, number]) => number > begin).map((last) => gtid(domain, last)))
  }
  return { missing, count, common }
}

function lastOf(servers: Iterable<readonly [string, number]>): readonly [server: string, number: number] {
  return [...servers].reduce((last, one) => (one[1] > last[1] ? one : last), ['', 0])
}

function gtid(domain: string, [server, number]: readonly [string, number]): string {
  return `${domain}-${server}-${number}`
}
