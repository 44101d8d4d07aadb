// Which server becomes the primary, and why not. Pure: a refusal is an error with its reason, before anything is touched.
import { ProvisionError } from '../core/error.ts'
import { countOnlyIn, onlyIn } from './gtid.ts'
import type { Group } from './health.ts'
import { type DatabaseNode, isRunning, type RunningNode } from './node.ts'

/** What a change of the primary means for each server. */
export interface Promotion {
  readonly target: RunningNode
  /** The other servers that answer and are to follow the new primary. */
  readonly followers: readonly RunningNode[]
  readonly warnings: readonly string[]
}

function refuse(message: string, hint?: string): never {
  throw new ProvisionError({ code: 'input', message, hint })
}

/** The target of a planned switchover; throws unless the primary and the target are well. */
export function chooseSwitchover(group: Group, to: string | undefined): Promotion & { readonly old: RunningNode } {
  const { primary: old, nodes } = group
  if (!old) {
    return refuse(
      `a switchover needs one primary, and ${group.problems[0] ?? 'there is none'}`,
      'provision db status shows all; provision db failover makes a new primary if the old one is lost.',
    )
  }
  if (to === old.host) return refuse(`${to} is the primary already`)
  if (to !== undefined) nodeOf(nodes, to)
  const fit = (node: DatabaseNode) => unfitReason(node, old, group) === undefined
  const candidates = nodes.filter(isRunning).filter((node) => node.host !== old.host)
  const target =
    to === undefined
      ? candidates.filter((node) => sameRegion(node, old)).find(fit)
      : candidates.find(({ host }) => host === to)
  const named = to === undefined ? undefined : nodeOf(nodes, to)
  const why = named ? unfitReason(named, old, group) : undefined
  if (why !== undefined) return refuse(`${to} cannot become the primary: ${why}`)
  if (!target) {
    const far = candidates.find(fit)
    if (far) return refuse(...elsewhere([far], old))
    const reasons = nodes.filter((node) => node !== old).map((node) => unfitReason(node, old, group))
    return refuse(`no replica can become the primary: ${reasons.filter(Boolean).join('; ') || 'there is none'}`)
  }
  return { old, target, followers: candidates.filter((node) => node !== target), warnings: absentWarnings(nodes) }
}

/** Hosts without a region stand in one. */
function sameRegion(node: DatabaseNode, { region }: DatabaseNode): boolean {
  return node.region === region
}

/** Why nobody is chosen where only servers of other regions could be: a site does not move across the sea by itself. */
function elsewhere(nodes: readonly DatabaseNode[], old: DatabaseNode): [message: string, hint: string] {
  const names = nodes.map(({ host, region }) => `${host} (${region ?? 'no region'})`)
  return [
    `the primary ${old.host} stands in ${old.region ?? 'no region'}, and what could take its place in other regions only: ${names.join(', ')}`,
    `If writes are to go there: --to ${nodes[0]?.host}. To start a whole site in another region: playbooks/disaster-recovery.ts.`,
  ]
}

function nodeOf(nodes: readonly DatabaseNode[], name: string): DatabaseNode {
  const found = nodes.find(({ host }) => host === name)
  return (
    found ??
    refuse(`${name} is no database server of this playbook`, `There are ${nodes.map(({ host }) => host).join(', ')}.`)
  )
}

/** Why a replica may not take over from a primary that is well. */
function unfitReason(node: DatabaseNode, old: RunningNode, { errant }: Group): string | undefined {
  if (!isRunning(node)) return `${node.host} does not answer`
  const { configured, io, sql } = node.state.replication
  if (node.state.flavour !== old.state.flavour) return `${node.host} is another kind of server`
  if (configured?.host !== old.address) return `${node.host} does not replicate from ${old.host}`
  if (io.state !== 'on' || sql.state !== 'on') return `${node.host}'s replication does not run`
  if (errant.has(node.host)) return `${node.host} has transactions that ${old.host} does not have`
  const behind = countOnlyIn(old.state.flavour, old.state.replication.executed, node.state.received)
  return behind > 100_000 ? `${node.host} is far behind` : undefined
}

function absentWarnings(nodes: readonly DatabaseNode[]): string[] {
  return nodes
    .filter((node) => !isRunning(node))
    .map(({ host }) => `${host} does not answer: it follows the new primary when the playbook runs on it again`)
}

/**
 * The target of a failover: of the replicas that answer the one that has received most. Throws while a primary takes writes, and if
 * `givenUp` is not the server that is lost.
 */
export function chooseFailover(group: Group, to: string | undefined, givenUp: string | undefined): Promotion {
  const { nodes } = group
  const running = nodes.filter(isRunning)
  const open = running.filter(({ state }) => state.takesWrites)
  if (open.length > 0)
    return refuse(
      `${open.map(({ host }) => host).join(' and ')} takes writes, so nothing is lost`,
      'Use provision db switchover.',
    )
  const candidates = running.filter(({ state }) => state.member === '' || state.member === 'OFFLINE')
  const lost = lostPrimary(group)
  // opening the last primary itself again gives nothing up
  if (lost && lost.host !== givenUp && lost.host !== to) {
    return refuse(
      `${lost.host} is the primary of term ${group.term.number}; what it has and no replica has received would be given up`,
      `If that is what you want: --give-up ${lost.host}`,
    )
  }
  if (to !== undefined) nodeOf(nodes, to)
  const fit = candidates.filter(
    ({ host, state }) => host !== givenUp && hasData(state.replication.schemas, state.received),
  )
  if (fit.length === 0) return refuse('no replica that answers has data')
  const near = lost ? fit.filter((node) => sameRegion(node, lost)) : fit
  const [first] = near
  if (to === undefined && lost && !first) return refuse(...elsewhere(fit, lost))
  const regions = [...new Set(near.map(({ region }) => region ?? 'no region'))]
  if (to === undefined && regions.length > 1)
    return refuse(
      `nobody knows in which region the lost primary stood, and there are replicas in ${regions.join(' and ')}`,
      'Name one of them: --to HOST',
    )
  const most = first && near.reduce((best, node) => (receivedMore(node, best) ? node : best), first)
  const target = to === undefined ? most : fit.find(({ host }) => host === to)
  if (!target) return refuse(`${to} cannot become the primary: it does not answer, or has no data`)
  const missing = fit.flatMap((node) => {
    const extra = onlyIn(node.state.flavour, positionOf(node), positionOf(target))
    return extra === '' ? [] : [`${node.host} has received ${extra}, and ${target.host} has not`]
  })
  if (missing.length > 0) return refuse(`${target.host} is not the most advanced: ${missing.join('; ')}`)
  return {
    target,
    followers: fit.filter((node) => node !== target),
    warnings: absentWarnings(nodes.filter(({ host }) => host !== givenUp)),
  }
}

/** Who was the primary: the holder of the term, else the source that the replicas name. */
export function lostPrimary({ nodes, term }: Group): DatabaseNode | undefined {
  const holder = nodes.find(({ host }) => host === term.holder)
  if (holder) return holder
  const sources = nodes.filter(isRunning).flatMap(({ state }) => state.replication.configured?.host ?? [])
  return nodes.find(({ address }) => sources.includes(address))
}

function hasData(schemas: readonly string[], received: string): boolean {
  return schemas.length > 0 || received !== ''
}

/** All that a server has: applied, or received and still to be applied. */
function positionOf({ state }: RunningNode): string {
  const { executed } = state.replication
  return [executed, onlyIn(state.flavour, state.received, executed)].filter((part) => part !== '').join(',')
}

function receivedMore(node: RunningNode, than: RunningNode): boolean {
  return countOnlyIn(node.state.flavour, positionOf(node), positionOf(than)) > 0
}
