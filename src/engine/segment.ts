// A segment: changes of tasks that stand in a row and do not touch each other, sent to the host together. The first task
// leads; the others ride along, and come to their result when their turn comes. So twenty new files cost one request, and
// ten packages one call of apt.
import type { Case, Plan } from '../core/resource.ts'
import type { Step } from '../transport/connection.ts'
import { type Following, remaining } from './following.ts'
import { type Altered, footprintOf, isTouched } from './footprint.ts'
import type { HostState } from './host-state.ts'
import type { TaskItem } from './items.ts'
import type { Prepared } from './look-ahead.ts'
import { defaultTimeout } from './task-error.ts'
import { planOf } from './task-run.ts'

export type Changes = Extract<Plan, { changes: unknown }>

/** A task's change. */
export interface Work {
  readonly prepared: Prepared
  readonly plan: Changes
  readonly steps: readonly Step[]
  /** Whether the probe must confirm it. */
  readonly readBack: boolean
  /** The user calls it no change. */
  readonly quiet: boolean
  /** Its steps are part of those of the last work before it that has some. */
  readonly joined: boolean
}

/** Changes that are sent together. */
export interface Segment {
  readonly works: readonly [Work, ...Work[]]
  /** What they alter. */
  readonly altered: Altered
}

/** More would keep Ctrl-C waiting. */
const longest = 100

/** One task's change alone. */
export function workOf(prepared: Prepared, plan: Changes): Work {
  const { resource, wish, item } = prepared
  const converges =
    typeof resource.converges === 'function' ? resource.converges(wish) : (resource.converges ?? 'state')
  return {
    prepared,
    plan,
    steps: stepsOf(prepared, plan),
    readBack: converges === 'state',
    quiet: item.task.options.changedWhen === false,
    joined: false,
  }
}

/** The task's change with those that may ride along. */
export function gatherSegment(
  state: HostState,
  lead: Prepared,
  found: unknown,
  plan: Changes,
  place: Following | undefined,
): Segment {
  const first = workOf(lead, plan)
  let altered: Altered = first.quiet ? undefined : footprintOf(lead).alters
  if (!place || !mayLead(lead, plan)) return { works: [first], altered }
  const works: [Work, ...Work[]] = [first]
  /** The tasks that one call makes true, with the work that has its steps. */
  let row = { at: 0, cases: [{ state: found, wish: lead.wish }] as Case<unknown, unknown>[] }
  for (const item of remaining(place)) {
    if (works.length >= longest || item.kind !== 'task') break
    if (state.lookAhead.isSkipped(item)) continue
    const next = state.lookAhead.peek(item)
    if (!next || !mayRide(state, item)) break
    const touched = isTouched(footprintOf(next.prepared).reads, altered)
    const merged = merge(row.cases, works[row.at]?.prepared, next)
    if (touched && !merged) break
    const own = tryPlan(state, next.prepared, next.state)
    if (own && 'unchanged' in own && !touched) continue
    if (!own || !('changes' in own) || own.confirm) break
    const together = merged && tryPlan(state, lead, merged.state, merged.wish)
    const host = works[row.at]
    if (together && 'changes' in together && host) {
      works[row.at] = { ...host, steps: stepsOf(host.prepared, together) }
      works.push({ ...workOf(next.prepared, own), steps: [], joined: true })
      row.cases.push({ state: next.state, wish: next.prepared.wish })
    } else {
      if (touched) break
      row = { at: works.length, cases: [{ state: next.state, wish: next.prepared.wish }] }
      works.push(workOf(next.prepared, own))
    }
    altered = join(altered, footprintOf(next.prepared).alters)
  }
  return { works, altered }
}

function stepsOf({ user, env, item }: Prepared, plan: Changes): readonly Step[] {
  const timeout = item.task.options.timeout ?? defaultTimeout
  return plan.changes.flatMap((change) =>
    change.steps.map((step) => ({ ...step, user: step.user ?? user, env, timeout })),
  )
}

/** Not if what its user says of its result decides whether the play goes on. */
function mayLead({ item, resource }: Prepared, plan: Changes): boolean {
  const { changedWhen, failedWhen, retry } = item.task.options
  if (plan.confirm || changedWhen !== undefined || failedWhen || retry) return false
  return resource.footprint !== undefined || resource.merge !== undefined
}

function mayRide(state: HostState, item: TaskItem): boolean {
  const { resource, options } = item.task
  if (options.changedWhen !== undefined || options.failedWhen || options.retry || options.ignoreErrors) return false
  if (options.check ?? state.options.check) return false
  if (resource.probeInTurn || resource.readOnly || (!resource.footprint && !resource.merge)) return false
  return state.lookAhead.isDecided(item)
}

/** One case for all, if these tasks go together. */
function merge(
  cases: readonly Case<unknown, unknown>[],
  first: Prepared | undefined,
  next: { readonly prepared: Prepared; readonly state: unknown },
): Case<unknown, unknown> | undefined {
  const { resource, user, env, wish, item } = next.prepared
  if (!first || first.resource !== resource || first.user !== user || first.env || env) return undefined
  if (first.item.task.options.timeout !== item.task.options.timeout) return undefined
  return resource.merge?.([...cases, { state: next.state, wish }])
}

function tryPlan(
  state: HostState,
  prepared: Prepared,
  found: unknown,
  wish: unknown = prepared.wish,
): Plan | undefined {
  try {
    return planOf(state, { ...prepared, wish }, found, false)
  } catch {
    return undefined // its own turn tells
  }
}

function join(one: Altered, other: Altered): Altered {
  return one && other ? [...one, ...other] : undefined
}
