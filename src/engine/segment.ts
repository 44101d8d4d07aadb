// A segment: changes of tasks that stand in a row and do not touch each other, sent to the host together. The first task
// leads; the others ride along, and come to their result when their turn comes. So twenty new files cost one request, and
// ten packages one call of apt.
import type { ApplyStep, Area, Case, Plan } from '../core/resource.ts'
import type { Step } from '../transport/connection.ts'
import { delegateOf } from './delegate.ts'
import { type Following, remaining } from './following.ts'
import { type Altered, altersOf, isTouched, readsOf } from './footprint.ts'
import type { HostState } from './host-state.ts'
import type { Item, TaskItem } from './items.ts'
import type { Prepared } from './look-ahead.ts'
import { isPermitted } from './permit.ts'
import { defaultTimeout } from './task-error.ts'
import { planContext, planOf } from './task-run.ts'

export type Changes = Extract<Plan, { changes: unknown }>

/** A task's change. */
export interface Work {
  readonly prepared: Prepared
  readonly plan: Changes
  readonly steps: readonly Step[]
  /** Steps that several changes need once, after all of them. */
  readonly shared: readonly Step[]
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
    ...stepsOf(
      prepared,
      plan.changes.flatMap((change) => change.steps),
    ),
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
  let altered: Altered = first.quiet ? undefined : altersOf(lead, found)
  if (!place || !mayLead(lead, plan)) return { works: [first], altered }
  if (state.options.packagesFirst && lead.resource.isPackage?.(lead.wish)) {
    const works = gatherPackages(state, first, found, place)
    if (works) return { works, altered }
  }
  const works: [Work, ...Work[]] = [first]
  /** The tasks that one call makes true, with the work that has its steps. */
  let row = { at: 0, before: [] as Altered, cases: [{ state: found, wish: lead.wish }] as Case<unknown, unknown>[] }
  /** Tasks in between with nothing to do: that must stay so until their turn. */
  const passed: Prepared[] = []
  for (const item of remaining(place)) {
    if (works.length >= longest || item.kind !== 'task') break
    if (state.lookAhead.isSkipped(item)) continue
    const next = state.lookAhead.peek(item)
    if (!next || !mayRide(state, item)) break
    const touched = isTouched(readsOf(next.prepared), altered)
    const host = works[row.at]
    const inRow = host !== undefined && isAlike(host.prepared, next.prepared)
    if (touched && !inRow) break
    const alters = altersOf(next.prepared, next.state)
    const spoils = (others: readonly Prepared[]) => others.some((other) => isTouched(readsOf(other), alters))
    const readBack = (some: readonly Work[]) => some.filter((work) => work.readBack).map((work) => work.prepared)
    const own = tryPlan(state, next.prepared, next.state)
    if (own && 'unchanged' in own && !touched) {
      passed.push(next.prepared)
      continue
    }
    if (!own || !('changes' in own) || own.confirm || spoils(passed)) break
    const cases = [...row.cases, { state: next.state, wish: next.prepared.wish }]
    const conflicts = touched || spoils(readBack(works))
    const mayJoin = inRow && !isTouched(readsOf(next.prepared), row.before) && !spoils(readBack(works.slice(0, row.at)))
    const together = mayJoin ? next.prepared.resource.merge?.(cases, planContext(state, false)) : undefined
    if (together && host) {
      works[row.at] = { ...host, ...stepsOf(host.prepared, together) }
      works.push({ ...workOf(next.prepared, own), steps: [], shared: [], joined: true })
      row = { ...row, cases }
    } else {
      if (conflicts) break
      row = { at: works.length, before: altered, cases: [{ state: next.state, wish: next.prepared.wish }] }
      works.push(workOf(next.prepared, own))
    }
    altered = join(altered, alters)
  }
  return { works, altered }
}

/** One call for this package and those of all tasks and plays to come, unless a task in between says that it alters what is known of them. */
function gatherPackages(state: HostState, lead: Work, found: unknown, place: Following): [Work, ...Work[]] | undefined {
  let cases: readonly Case<unknown, unknown>[] = [{ state: found, wish: lead.prepared.wish }]
  let steps: readonly ApplyStep[] | undefined
  const others: Work[] = []
  const altering: Area[] = []
  /** False: no change may pass what comes here. */
  const visit = (items: Iterable<Item>): boolean => {
    for (const item of items) {
      if (item.kind === 'guard' || (item.kind === 'block' && !visit(item.body))) return false
      if (item.kind !== 'task' || state.lookAhead.isSkipped(item)) continue
      // what is done elsewhere is done between changes here: a server is taken out of a load balancer before it changes
      if (delegateOf(item, state.home.name) !== undefined) return false
      const next = state.lookAhead.peek(item)
      const own = next && tryPlan(state, next.prepared, next.state)
      if (!next || !own || 'unchanged' in own) continue
      const { prepared } = next
      const may =
        mayRide(state, item) && isAlike(lead.prepared, prepared) && prepared.resource.isPackage?.(prepared.wish)
      if (may && 'changes' in own && !isTouched(readsOf(prepared), altering)) {
        const more = [...cases, { state: next.state, wish: prepared.wish }]
        const together = prepared.resource.merge?.(more, planContext(state, false))
        if (!together) continue
        cases = more
        steps = together
        others.push({ ...workOf(prepared, own), steps: [], shared: [], joined: true })
      } else altering.push(...(altersOf(prepared, next.state) ?? []))
    }
    return true
  }
  for (let list: Following | undefined = place; list && visit(remaining(list)); list = list.next);
  return steps && [{ ...lead, ...stepsOf(lead.prepared, steps) }, ...others]
}

/** The steps of a change, and those that others may share. */
function stepsOf({ user, env, item }: Prepared, own: readonly ApplyStep[]): Pick<Work, 'steps' | 'shared'> {
  const timeout = item.task.options.timeout ?? defaultTimeout
  const steps: Step[] = []
  const shared: Step[] = []
  for (const { shared: isShared, ...step } of own)
    (isShared ? shared : steps).push({ ...step, user: step.user ?? user, env, timeout })
  return { steps, shared }
}

/** The steps of several changes; shared ones at the end, each once. */
export function stepsOfAll(works: readonly Work[]): readonly Step[] {
  return [...works.flatMap((work) => work.steps), ...sharedOf(works)]
}

/** What the steps of each work answered, out of the answers to `stepsOfAll`; a work that joined another one shares its answers. */
export function deal<T>(works: readonly Work[], results: readonly T[]): readonly (readonly T[])[] {
  let next = 0
  let last: Work | undefined
  let own: readonly T[] = []
  const shared = sharedOf(works)
  const behind = results.slice(works.flatMap((work) => work.steps).length)
  return works.map((work) => {
    if (!work.joined) {
      last = work
      own = results.slice(next, next + work.steps.length)
      next += work.steps.length
    }
    return [...own, ...behind.filter((_, index) => last?.shared.some((step) => isSame(step, shared[index])))]
  })
}

function sharedOf(works: readonly Work[]): readonly Step[] {
  const all: Step[] = []
  for (const step of works.flatMap((work) => work.shared)) if (!all.some((other) => isSame(other, step))) all.push(step)
  return all
}

function isSame(one: Step, other: Step | undefined): boolean {
  return one.script === other?.script && one.user === other.user && one.env === other.env && one.input === other.input
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
  if ((options.check ?? state.options.check) || state.options.steps) return false
  if (resource.probeInTurn || resource.readOnly || (!resource.footprint && !resource.merge)) return false
  return isPermitted(state, item, undefined) && state.lookAhead.isDecided(item)
}

/** Whether one call may make both true. */
function isAlike(one: Prepared, other: Prepared): boolean {
  if (one.resource !== other.resource || !one.resource.merge || one.user !== other.user || one.env || other.env)
    return false
  return one.item.task.options.timeout === other.item.task.options.timeout
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
