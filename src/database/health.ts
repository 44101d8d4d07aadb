// What a group of servers is, all nodes together: who is the primary, and everything that is not as it should be, as sentences.
import { onlyIn } from './gtid.ts'
import { type DatabaseNode, isRunning, type RunningNode, type Term } from './node.ts'

/** A group, judged. */
export interface Group {
  readonly nodes: readonly DatabaseNode[]
  /** The one server that takes writes; undefined if none or several do. */
  readonly primary: RunningNode | undefined
  /** The latest term that any host knows of. */
  readonly term: Term
  /** Transactions that the primary does not have, by host. */
  readonly errant: ReadonlyMap<string, string>
  readonly problems: readonly string[]
  readonly witnesses: readonly Witness[]
}

/** A host that has no data, but remembers who was made the primary; without a term it does not answer. */
export interface Witness {
  readonly host: string
  readonly term: Term | undefined
}

/** Judges a group. `executed`: the primary's position, read after all others', so that what came between is not taken for errant. */
export function judge(
  nodes: readonly DatabaseNode[],
  executed: string | undefined,
  {
    maxLag = 30,
    witnesses = [],
  }: { readonly maxLag?: number | undefined; readonly witnesses?: readonly Witness[] } = {},
): Group {
  const running = nodes.filter(isRunning)
  const open = running.filter(({ state }) => state.takesWrites)
  const primary = open.length === 1 ? open[0] : undefined
  const term = latestTerm([
    ...nodes.map(({ state }) => ('term' in state ? state.term : undefined)),
    ...witnesses.map((witness) => witness.term),
  ])
  const errant = new Map<string, string>()
  if (primary && executed !== undefined) {
    for (const { host, state } of running) {
      const extra = onlyIn(state.flavour, state.replication.executed, executed)
      if (extra !== '' && host !== primary.host) errant.set(host, extra)
    }
  }
  const problems = [
    ...(open.length === 0 && running.every(({ state }) => state.member === '') ? ['no server takes writes'] : []),
    ...(open.length > 1 ? [`${open.map(({ host }) => host).join(' and ')} both take writes`] : []),
    ...(primary && term.holder !== undefined && term.holder !== primary.host
      ? [`${primary.host} takes writes, but ${term.holder} was made the primary (term ${term.number})`]
      : []),
    ...nodes.flatMap((node) => problemsOf(node, primary, errant.get(node.host), maxLag)),
    ...witnesses.flatMap(({ host, term }) => (term ? [] : [`the witness ${host} does not answer`])),
  ]
  return { nodes, primary, term, errant, problems, witnesses }
}

function latestTerm(terms: readonly (Term | undefined)[]): Term {
  return terms.reduce<Term>((latest, term) => (term && term.number > latest.number ? term : latest), {
    number: 0,
    holder: undefined,
  })
}

function problemsOf(
  node: DatabaseNode,
  primary: RunningNode | undefined,
  errant: string | undefined,
  maxLag: number,
): string[] {
  const { host, state } = node
  if (state.status === 'unreachable') return [`${host} is unreachable: ${state.reason}`]
  if (state.status === 'down') return [`the database server of ${host} does not answer: ${state.reason}`]
  if (state.takesWrites)
    return state.semiSync === 'alone'
      ? [`${host} answers commits that no replica has: semi-synchronous replication has none`]
      : []
  if (state.member !== '' && state.member !== 'OFFLINE')
    return state.member === 'ONLINE' ? [] : [`${host} is ${state.member} in its group`]
  const { configured, io, sql, lagSeconds } = state.replication
  if (!configured) return [`${host} takes no writes and replicates from nobody`]
  return [
    ...(primary && configured.host !== primary.address
      ? [`${host} replicates from ${configured.host}, and the primary is ${primary.host}`]
      : []),
    ...(io.state === 'on' ? [] : [`${host} does not receive${io.error === '' ? '' : `: ${io.error}`}`]),
    ...(sql.state === 'on' ? [] : [`${host} does not apply${sql.error === '' ? '' : `: ${sql.error}`}`]),
    ...(state.semiSync === 'no source' && io.state === 'on'
      ? [`${host} receives without answering: semi-synchronous replication is off on this connection`]
      : []),
    ...(lagSeconds !== undefined && lagSeconds > maxLag ? [`${host} is ${lagSeconds} seconds behind`] : []),
    ...(errant === undefined ? [] : [`${host} has transactions that the primary does not have: ${errant}`]),
  ]
}
