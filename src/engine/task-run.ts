// One task's turn: its conditions, its plan, the change or the pretended change, retries, and who has the last word.
import { asProvisionError, isProvisionError } from '../core/error.ts'
import type { Plan, PlanContext } from '../core/resource.ts'
import type { Outcome } from '../core/task.ts'
import { attemptThere, markAtHome } from './attempt-there.ts'
import { delegateOf } from './delegate.ts'
import type { Following } from './following.ts'
import type { HostState } from './host-state.ts'
import type { TaskItem } from './items.ts'
import type { Prepared } from './look-ahead.ts'
import { conditionsOf } from './order.ts'
import { isPermitted, unplanned } from './permit.ts'
import type { Known } from './results.ts'
import { HostStopped } from './stopped.ts'
import { applyPlan, concludeRide } from './task-apply.ts'
import { shown, tell } from './task-error.ts'
import { reportOf, type TaskReport } from './task-report.ts'
import { guarded } from './user-code.ts'

const bySomeone = 'skipped by the operator'

/** How one attempt at a task ended. */
export interface TaskResult {
  readonly status: 'ok' | 'changed' | 'failed' | 'unknown'
  /** Nothing was done: what the play does before its first change must come first. */
  readonly mustWait?: boolean | undefined
  readonly plan?: Plan | undefined
  readonly reason?: string | undefined
  readonly error?: ReturnType<typeof tell> | undefined
  /** The resource's own part of the result. */
  readonly fields?: object | undefined
  readonly unknown?: Known['unknown']
  /** Something on the host was, or may have been, altered. */
  readonly touched?: boolean | undefined
  /** Check mode: the change was not made. */
  readonly pretended?: boolean | undefined
}

/** Runs a task. Rejects with HostStopped if it failed and nothing forgives it. */
export async function runTask(
  state: HostState,
  item: TaskItem,
  place: Following | undefined,
  prepare: (item: TaskItem) => Prepared,
): Promise<void> {
  const { results, handlers } = state
  if (!item.handler) state.play.index++
  const report = reportOf(item, state)
  let result: TaskResult
  try {
    const decision = results.decide(conditionsOf(item), item.task.where)
    if (decision.kind === 'skip') {
      results.record(item.task, { outcome: { changed: false, failed: false, skipped: true }, unknown: 'nothing' })
      return report.end('skipped', { reason: decision.reason })
    }
    if (decision.kind === 'unknown') return endUnknown(state, item, report, decision.reason)
    const answer = await state.options.steps?.answerFor(item, state)
    if (answer === 'quit') throw new HostStopped('interrupted')
    if (answer === 'no') {
      results.record(item.task, { outcome: { changed: false, failed: false, skipped: true }, unknown: 'nothing' })
      return report.end('skipped', { reason: item.handler ? `${bySomeone}; the next run runs it` : bySomeone })
    }
    report.start()
    result = await attempts(state, item, place, prepare, report)
  } catch (error) {
    if (error instanceof HostStopped) throw error
    result = { status: 'failed', error: asTaskError(item, error) }
  }
  if (result.status === 'unknown') return endUnknown(state, item, report, result.reason ?? '', result.plan)
  const outcome = outcomeOf(result)
  results.record(item.task, { outcome, unknown: result.unknown ?? 'nothing' })
  state.options.onOutcome?.(state.home.name, item.task, outcome)
  if (result.status === 'changed' && result.plan) cover(state, item, result.plan, prepare)
  // A change that failed half-way may have altered what the handlers are for.
  if (outcome.changed || (result.status === 'failed' && result.touched)) handlers.notify(item, true)
  else state.session.clearLater(handlers.withdraw(item))
  if (result.status !== 'failed') return report.end(result.status, { plan: result.plan, reason: result.reason })
  if (item.task.options.ignoreErrors) return report.end('ignored', { error: result.error, plan: result.plan })
  report.end('failed', { error: result.error, plan: result.plan })
  throw new HostStopped(state.brake.pulled ? 'interrupted' : 'failed')
}

/** Tells handlers that wait to do what this change has just done: a unit that was started has read its configuration. */
function cover(state: HostState, item: TaskItem, plan: Plan, prepare: (item: TaskItem) => Prepared): void {
  const { resource, options } = item.task
  if (!resource.covers || options.changedWhen !== undefined) return
  const own = state.home.name
  const { wish, user } = prepare(item)
  state.handlers.cover((waiting) => {
    const other = waiting.task
    if (delegateOf(waiting, own) !== delegateOf(item, own)) return false
    if (other.resource !== resource || conditionsOf(waiting).length > 0 || other.options.notify) return false
    const its = prepare(waiting)
    return its.user === user && (resource.covers?.({ plan, wish }, its.wish) ?? false)
  })
}

/** A handler's task that a later change has done already. */
export function runCovered(state: HostState, item: TaskItem): void {
  state.results.record(item.task, { outcome: { changed: false, failed: false, skipped: false }, unknown: 'nothing' })
  reportOf(item, state).end('ok', { reason: 'done by a later change' })
}

/** A handler of which check mode only knows that it may run. */
export function runMaybe(state: HostState, item: TaskItem): void {
  endUnknown(state, item, reportOf(item, state), 'runs if a task that notifies it changes something')
}

function endUnknown(state: HostState, item: TaskItem, report: TaskReport, reason: string, plan?: Plan): void {
  state.pretended = true
  state.results.record(item.task, { outcome: { changed: false, failed: false, skipped: false }, unknown: 'all' })
  state.handlers.notify(item, false)
  report.end('unknown', { reason, plan })
}

async function attempts(
  state: HostState,
  item: TaskItem,
  place: Following | undefined,
  prepare: (item: TaskItem) => Prepared,
  report: TaskReport,
): Promise<TaskResult> {
  const { retry } = item.task.options
  const total = retry ? (retry.attempts ?? 3) : 1
  let touchedWith: TaskResult | undefined
  for (let attempt = 1; ; attempt++) {
    const once = () =>
      attemptThere(state, item, prepare, (there, prepareThere) =>
        attemptOnce(there, item, there === state ? place : undefined, prepareThere, report),
      )
        .then((made) => (made.mustWait ? made : satisfies(item, made)))
        .catch((error: unknown): TaskResult => {
          if (error instanceof HostStopped) throw error
          return { status: 'failed', error: asTaskError(item, error) }
        })
    let result = await once()
    if (result.mustWait) {
      await state.guard.open(state).catch((error: unknown) => {
        if (error instanceof HostStopped && error.kind !== 'unreachable')
          report.end('skipped', {
            reason: 'nothing was changed, because what must come before a change did not succeed',
          })
        throw error
      })
      // it may have altered what was found
      result = await once()
    }
    const touched = touchedWith ?? (result.touched ? result : undefined)
    if (result.status !== 'failed' || attempt >= total) return withEarlier(item, result, touched)
    state.options.emit({
      type: 'task:retry',
      host: state.context.host.name,
      task: report.ref,
      attempt,
      of: total,
      reason: result.error?.message ?? 'failed',
    })
    touchedWith = touched
    await state.brake.pause(retry?.delay ?? 1)
    if (state.brake.pulled) return withEarlier(item, result, touched)
    state.lookAhead.forget()
  }
}

/** An earlier attempt's change counts, though the last one found nothing to do any more. */
function withEarlier(item: TaskItem, last: TaskResult, touchedWith: TaskResult | undefined): TaskResult {
  if (!touchedWith || last.touched) return last
  const changed = last.status === 'ok' && item.task.options.changedWhen === undefined
  return { ...last, touched: true, plan: touchedWith.plan, status: changed ? 'changed' : last.status }
}

/** `retry.until` has its say. */
function satisfies(item: TaskItem, result: TaskResult): TaskResult {
  const until = item.task.options.retry?.until
  if (!until || result.status === 'failed' || result.status === 'unknown' || result.pretended) return result
  const enough = guarded('retry.until', item.task.where, () => until(outcomeOf(result) as never)) // this task's own result
  if (enough) return result
  return { ...result, status: 'failed', error: tell(item, 'converge', 'the condition of retry.until is still false') }
}

async function attemptOnce(
  state: HostState,
  item: TaskItem,
  place: Following | undefined,
  prepare: (item: TaskItem) => Prepared,
  report: TaskReport,
): Promise<TaskResult> {
  const { resource, options } = item.task
  /** Failures may come from an earlier change that was not made. */
  const doubtful = state.options.check && state.pretended
  const unknown = (reason: string): TaskResult => ({ status: 'unknown', reason })
  if (doubtful && resource.readOnly && resource.probeInTurn)
    return unknown('not looked at: earlier changes are not made in check mode')
  const prepared = prepare(item)
  const ride = state.riders.take(item)
  if (ride) return judge(item, await concludeRide(state, ride, report.ref))
  const answer = await state.lookAhead.stateOf(prepared, place, (steps) => state.session.run(steps, item))
  if ('error' in answer) return doubtful ? unknown(answer.error.message) : { status: 'failed', error: answer.error }
  const checking = options.check ?? (state.options.check && (doubtful || !resource.readOnly))
  const plan = planOf(state, prepared, answer.state, checking)
  if ('unchanged' in plan) return judge(item, { status: 'ok', reason: plan.unchanged, fields: plan.result })
  if ('unknown' in plan)
    return checking
      ? unknown(plan.unknown)
      : { status: 'failed', error: tell(item, 'apply', shown(item, plan.unknown)) }
  if ('refused' in plan) {
    if (doubtful) return unknown(plan.refused)
    const code = resource.readOnly ? 'assertion' : 'apply'
    return { status: 'failed', error: tell(item, code, shown(item, plan.refused), plan) }
  }
  if (!checking && !isPermitted(state, item, state.play.name)) return { status: 'failed', error: unplanned(item, plan) }
  if (state.guard.stops(item)) return { status: 'ok', mustWait: true }
  if (checking) {
    state.options.onEvidence?.(state.context.host.name, report.ref.id, resource.evidence?.(answer.state, prepared.wish))
    return pretend(state, item, plan)
  }
  const unmarked = await markAtHome(state, item)
  if (unmarked) return { status: 'failed', error: unmarked }
  return judge(item, await applyPlan(state, prepared, answer.state, plan, report.ref, place))
}

/** Check mode: what would change, as far as it can be known. */
function pretend(state: HostState, item: TaskItem, plan: Extract<Plan, { changes: unknown }>): TaskResult {
  const { changedWhen } = item.task.options
  state.pretended = true
  if (typeof changedWhen === 'function' && plan.result === undefined)
    return { status: 'unknown', plan, reason: 'changedWhen decides by its result, which check mode does not have' }
  const result: TaskResult = {
    status: 'changed',
    plan,
    pretended: true,
    fields: plan.result,
    unknown: plan.result === undefined ? 'result' : 'nothing',
  }
  return changedWhen === undefined ? result : { ...result, status: isChange(item, result) ? 'changed' : 'ok' }
}

/** What a plan may use. */
export function planContext(state: HostState, checking: boolean): PlanContext {
  return { facts: state.context.host.facts, check: checking, pretended: checking && state.pretended }
}

/** The plan for a state; what it throws points at the task. */
export function planOf(state: HostState, prepared: Prepared, found: unknown, checking: boolean): Plan {
  try {
    return prepared.resource.plan(found, prepared.wish, planContext(state, checking))
  } catch (error) {
    throw asTaskError(prepared.item, error)
  }
}

/** `failedWhen` and `changedWhen` have the last word. */
function judge(item: TaskItem, result: TaskResult): TaskResult {
  if (result.status === 'failed') return result
  const { failedWhen, changedWhen } = item.task.options
  const failed = failedWhen && guarded('failedWhen', item.task.where, () => failedWhen(outcomeOf(result) as never)) // this task's own result
  if (failed) return { ...result, status: 'failed', error: tell(item, 'apply', 'failedWhen says so of its result') }
  return changedWhen === undefined ? result : { ...result, status: isChange(item, result) ? 'changed' : 'ok' }
}

function isChange(item: TaskItem, result: TaskResult): boolean {
  const { changedWhen } = item.task.options
  if (typeof changedWhen !== 'function') return changedWhen ?? result.status === 'changed'
  return guarded('changedWhen', item.task.where, () => changedWhen(outcomeOf(result) as never)) // this task's own result
}

function outcomeOf(result: TaskResult): Outcome {
  return {
    changed: result.status === 'changed',
    failed: result.status === 'failed',
    skipped: false,
    ...result.fields,
  }
}

/** Anything thrown on behalf of a task, pointing at the task unless it points somewhere better. */
function asTaskError(item: TaskItem, error: unknown): ReturnType<typeof tell> {
  const known = asProvisionError(error)
  if (isProvisionError(error) && known.where) return known
  return tell(item, known.code, isProvisionError(error) ? known.message : shown(item, known.message), {
    detail: known.detail,
    hint: known.hint,
    cause: error,
  })
}
