// The status of a group for people (one table) and for programs (plain data).
import type { Flavour } from '../resources/mysql-client.ts'
import { countOnlyIn, shortPosition } from './gtid.ts'
import type { Group } from './health.ts'
import type { DatabaseNode } from './node.ts'

interface SilentServer {
  readonly host: string
  readonly region: string | null
  readonly address: string
  readonly role: string
  readonly reason: string
}

interface DescribedServer extends Omit<SilentServer, 'reason'> {
  readonly flavour: Flavour
  readonly source: string | null
  readonly receiving: string | null
  readonly applying: string | null
  readonly lagSeconds: number | null
  /** Transactions that the primary has and this server has not. */
  readonly behind: number | null
  readonly executed: string
  readonly errant: string | null
  readonly semiSync: string
  readonly term: number
}

/** What a group is, as data: the output of `provision db status --output json`. */
export function describeGroup(group: Group) {
  const { nodes, primary, term, errant, problems } = group
  return {
    primary: primary?.host ?? null,
    term: term.number,
    healthy: problems.length === 0,
    problems,
    nodes: nodes.map((node): SilentServer | DescribedServer => {
      const { host, address, state, region = null } = node
      if (state.status !== 'up') return { host, region, address, role: roleOf(node), reason: state.reason }
      const { replication, flavour } = state
      const replica = replication.configured !== undefined && !state.takesWrites
      return {
        host,
        region,
        address,
        role: roleOf(node),
        flavour,
        source: replica ? (replication.configured?.host ?? null) : null,
        receiving: replica ? replication.io.state : null,
        applying: replica ? replication.sql.state : null,
        lagSeconds: replica ? (replication.lagSeconds ?? null) : null,
        behind:
          replica && primary ? countOnlyIn(flavour, primary.state.replication.executed, replication.executed) : null,
        executed: replication.executed,
        errant: errant.get(host) ?? null,
        semiSync: state.semiSync,
        term: state.term.number,
      }
    }),
  }
}

/** What a node is, in a word or two. */
function roleOf({ state }: DatabaseNode): string {
  if (state.status !== 'up') return state.status
  if (state.takesWrites) return 'primary'
  if (state.member !== '' && state.member !== 'OFFLINE') return state.member === 'ONLINE' ? 'secondary' : state.member
  return state.replication.configured ? 'replica' : 'closed'
}

/** The table, and below it everything that is wrong. Regions are a column where hosts have them. */
export function renderGroup(group: Group): string {
  const { nodes } = describeGroup(group)
  const hasRegions = nodes.some(({ region }) => region !== null)
  const rows = nodes.map((node): string[] => {
    const where = hasRegions ? [node.host, node.region ?? '-'] : [node.host]
    if ('reason' in node) return [...where, node.role, '-', '-', '-', '-', '-', '-']
    const { receiving, applying, lagSeconds, behind } = node
    return [
      ...where,
      node.role,
      receiving === null ? '-' : `${receiving}/${applying}`,
      lagSeconds === null ? '-' : `${lagSeconds} s`,
      behind === null ? '-' : String(behind),
      shortPosition(node.flavour, node.executed),
      node.errant === null ? '-' : shortPosition(node.flavour, node.errant),
      node.semiSync,
    ]
  })
  const head = [
    ...(hasRegions ? ['host', 'region'] : ['host']),
    ...['role', 'receiving/applying', 'lag', 'behind', 'executed', 'errant', 'semi-sync'],
  ]
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const lines = [head, ...rows].map((row: readonly string[]) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const term = group.term.holder === undefined ? '' : `\nterm ${group.term.number}, ${group.term.holder}`
  const problems = group.problems.map((problem) => `\n✗ ${problem}`).join('')
  return `${lines.join('\n')}\n${term}${problems || '\nall is well'}\n`
}
