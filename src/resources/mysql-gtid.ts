// GTID sets as the servers print them, and the one question asked of them: what has this server that the other has not?
// MySQL: `uuid[:tag]:1-5:7,…` (gtid_executed). MariaDB: `domain-server-sequence,…` (gtid_binlog_state).

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

/** The last sequence of each `domain-server` in a MariaDB list (`gtid_binlog_state`, `gtid_slave_pos`). */
export function parseMariadbGtids(text: string): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const match = /^(\d+-\d+)-(\d+)$/.exec(entry)
    if (!match) throw new TypeError(`not a MariaDB GTID list: '${entry}'`)
    last.set(match[1] ?? '', Number(match[2]))
  }
  return last
}

/** What a MariaDB server has written that the other has not. */
export function missingMariadbGtids(own: string, other: string): string[] {
  const known = parseMariadbGtids(other)
  return [...parseMariadbGtids(own)]
    .filter(([source, sequence]) => sequence > (known.get(source) ?? 0))
    .map(([source, sequence]) => `${source}-${sequence}`)
}
