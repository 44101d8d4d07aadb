// Carrying out a plan: marks of its handlers, the changes, and a new look at the host, all in one request.
import { asProvisionError, type ProvisionError } from '../core/error.ts'
import type { TaskRef } from '../core/events.ts'
import type { StepOutput } from '../core/resource.ts'
import type { Step, StepResult } from '../transport/connection.ts'
import type { Following } from './following.ts'
import type { HostState } from './host-state.ts'
import { itemTitle, type TaskItem } from './items.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Answer, Prepared } from './look-ahead.ts'
import { setMarks } from './marks.ts'
import type { Ride } from './riders.ts'
import { type Changes, deal, gatherSegment, type Segment, stepsOfAll, type Work, workOf } from './segment.ts'
import { HostStopped } from './stopped.ts'
import { commandDetail, defaultTimeout, shown, tell } from './task-error.ts'
import { planOf, type TaskResult } from './task-run.ts'

/**
 * Applies the changes and, in the same request, those of the tasks that may ride along, and looks again: at these tasks and
 * at what lies ahead. `found` is the state that the plan is for.
 */
export async function applyPlan(
  state: HostState,
  prepared: Prepared,
  found: unknown,
  plan: Changes,
  ref: TaskRef,
  place: Following | undefined,
): Promise<TaskResult> {
  const isPackage = ({ resource, wish }: Prepared) => resource.isPackage?.(wish) ?? false
  if (state.options.packagesFirst && isPackage(prepared))
    await state.lookAhead.learn(isPackage, place, (steps) => state.session.run(steps, prepared.item))
  return applySegment(state, gatherSegment(state, prepared, found, plan, place), ref, place)
}

async function applySegment(
  state: HostState,
  { works, altered }: Segment,
  ref: TaskRef,
  place: Following | undefined,
): Promise<TaskResult> {
  const [lead, ...others] = works
  const { item } = lead.prepared
  const { handlers, lookAhead, session, riders } = state
  const items = works.map((work) => work.prepared.item)
  // What the user calls no change is expected to leave the rest as it is; it is looked at again all the same.
  if (lead.quiet) lookAhead.forget()
  else lookAhead.alter(altered)
  state.options.journal.touched ||= !lead.quiet
  const readBack = works.filter((work) => work.readBack).map((work) => work.prepared)
  const question = lookAhead.askAfter(items, readBack, place)
  // These probes are to see the state after the change; if that failed they are not wanted.
  const probes = lead.plan.confirm ? [] : question.steps.map((step) => ({ ...step, always: false }))
  const marks = lead.quiet ? [] : items.flatMap((each) => handlers.mark(each))
  const marking = marks.length > 0 ? [setMarks(marks)] : []
  for (const { prepared } of others) handlers.hold(prepared.item)
  let results: readonly StepResult[]
  try {
    const steps = [...marking, ...stepsOfAll(works), ...probes]
    results = await send(state, item, ref, steps, { from: marking.length, count: lead.steps.length })
  } catch (error) {
    // the connection broke: the marks may be written, and the changes made; anything else was never sent
    for (const each of items) {
      handlers.release(each)
      if (!(error instanceof HostStopped)) state.home.session.clearLater(handlers.withdraw(each))
      else if (!lead.quiet) handlers.notify(each, true)
    }
    throw error
  }
  const applied = deal(works, results.slice(marking.length, results.length - probes.length))
  lookAhead.read(question, lead.plan.confirm ? [] : results.slice(results.length - probes.length))
  const [own = [], ...rest] = applied
  const spoilt = (index: number): boolean => {
    const some = applied[index] ?? []
    const isRow = works[index]?.joined || works[index + 1]?.joined
    return some.some((result) => result.skipped || (isRow && result.code !== 0))
  }
  for (const [index, work] of others.entries()) {
    if (spoilt(index + 1)) riders.drop(work.prepared.item, handlers)
    else riders.add(work, rest[index] ?? [])
  }
  const refused = marking.length > 0 && results[0]?.code !== 0 ? results[0] : undefined
  if (refused) {
    session.clearLater(handlers.withdraw(item))
    const detail = commandDetail(state.context.host.name, session.agentUser, 'write the mark', refused)
    return failed(tell(item, 'apply', 'the mark of the notified handler could not be written', { detail }))
  }
  // of several tasks in one call nobody can say which failed, so the first is tried alone
  if (works[1]?.joined && spoilt(0))
    return applySegment(state, { works: [workOf(lead.prepared, lead.plan)], altered }, ref, place)
  return conclude(state, lead, own, place)
}

/** The result of a task whose change rode along with an earlier one. */
export function concludeRide(state: HostState, { work, results }: Ride, ref: TaskRef): Promise<TaskResult> {
  const { item } = work.prepared
  state.handlers.release(item)
  if (!work.joined && !item.task.options.noLog) {
    const host = state.context.host.name
    for (const result of results)
      for (const stream of ['stdout', 'stderr'] as const) {
        const buffer = new LineBuffer()
        for (const text of [...buffer.push(result[stream]), ...buffer.end()])
          state.options.emit({ type: 'task:output', host, task: ref, stream, text })
      }
  }
  return conclude(state, work, results, undefined)
}

/** What came of a change: by its steps, its confirmation, and the state after it. */
async function conclude(
  state: HostState,
  { prepared, plan, steps, shared, readBack, quiet }: Work,
  applied: readonly StepResult[],
  place: Following | undefined,
): Promise<TaskResult> {
  const { item, resource, wish } = prepared
  const { handlers, lookAhead, session } = state
  const outputs: StepOutput[] = applied.map(({ code, stdout, stderr }) => ({ code, stdout, stderr }))
  const touched = !quiet && (resource.didChange?.(outputs, wish) ?? true)
  if (!touched) state.home.session.clearLater(handlers.withdraw(item))
  const bad = applied.findIndex((result) => result.code !== 0)
  const badResult = applied[bad]
  if (badResult) {
    const error = applyError(state, item, badResult, [...steps, ...shared][bad])
    return { ...failed(error), plan, fields: resultOf(prepared, outputs), touched }
  }
  const fields = resource.result?.(outputs, wish)
  if (plan.confirm) {
    const refusal = await confirm(state, item, plan.confirm)
    if (refusal) return { ...failed(refusal), plan, touched }
  }
  const done: TaskResult = touched
    ? { status: 'changed', plan, fields: fields ?? plan.result, touched }
    : { status: 'ok', reason: plan.changes.map((change) => change.summary).join(', '), fields: fields ?? plan.result }
  if (!readBack) return done
  // not known yet after a confirmation, and if the probes were left out because a task that rode along failed
  const after = await lookAhead.stateOf(prepared, place, (questions) => session.run(questions, item))
  return { ...converged(state, prepared, done, after), touched }
}

function failed(error: ProvisionError): TaskResult {
  return { status: 'failed', error }
}

/** The typed result of a failed apply, if its outputs give one. */
function resultOf({ resource, wish }: Prepared, outputs: readonly StepOutput[]): object | undefined {
  try {
    return resource.result?.(outputs, wish)
  } catch {
    return undefined // the failure itself is what counts
  }
}

/** The state after the change must leave nothing to do. */
function converged(state: HostState, prepared: Prepared, done: TaskResult, own: Answer): TaskResult {
  const { item } = prepared
  const failure = (error: ProvisionError): TaskResult => ({ ...failed(error), plan: done.plan, fields: done.fields })
  if ('error' in own) return failure(own.error)
  const again = planOf(state, prepared, own.state, false)
  if ('unchanged' in again) return { ...done, fields: done.fields ?? again.result }
  const remaining =
    'changes' in again
      ? again.changes.map((change) => change.summary).join('\n')
      : 'unknown' in again
        ? again.unknown
        : again.refused
  const message = 'did not converge: the change was made, and the host still differs'
  return failure(tell(item, 'converge', message, { detail: remaining }))
}

function applyError(state: HostState, item: TaskItem, result: StepResult, step: Step | undefined): ProvisionError {
  const user = step?.user ?? state.session.agentUser
  const detail = commandDetail(state.context.host.name, user, itemTitle(item), result)
  if (result.timedOut) {
    return tell(item, 'timeout', `took longer than ${step?.timeout} seconds and was stopped`, {
      detail,
      hint: 'Give the task more time: timeout: <seconds>.',
    })
  }
  // A resource's script says in one line what went wrong: "error: …" on stderr.
  const said = /^error: (.+)$/m.exec(result.stderr)?.[1]
  return tell(item, 'apply', said ? shown(item, said) : `failed with exit code ${result.code}`, { detail })
}

/** A change that could cut us off stands only if a new connection succeeds. */
async function confirm(
  state: HostState,
  item: TaskItem,
  { what, revert, disarm }: NonNullable<Changes['confirm']>,
): Promise<ProvisionError | undefined> {
  const { session } = state
  const host = state.context.host.name
  try {
    await session.probeFresh()
  } catch (error) {
    const why = asProvisionError(error)
    const detail = `A new connection failed: ${why.message}${why.detail ? `\n${why.detail}` : ''}`
    const [reverted] = await session.run([{ ...revert, timeout: defaultTimeout }], item)
    if (reverted?.code === 0)
      return tell(item, 'apply', `${what} would have locked us out, so the previous state is back`, { detail })
    const trouble = reverted ? commandDetail(host, session.agentUser, 'revert', reverted) : ''
    return tell(item, 'apply', `${what} would have locked us out, and the previous state could not be put back`, {
      detail: `${detail}\n${trouble}`,
    })
  }
  const [result] = await session.run([{ ...disarm, timeout: defaultTimeout }], item)
  if (result && result.code !== 0) {
    return tell(item, 'apply', `${what} work, but their automatic revert could not be called off`, {
      detail: commandDetail(host, session.agentUser, 'disarm', result),
    })
  }
  return undefined
}

/** The request of a change, with its output as events. */
async function send(
  state: HostState,
  item: TaskItem,
  ref: TaskRef,
  steps: readonly Step[],
  live: { readonly from: number; readonly count: number },
): Promise<readonly StepResult[]> {
  const { emit } = state.options
  const host = state.home.name
  const buffers = { stdout: new LineBuffer(), stderr: new LineBuffer() }
  const say = (stream: 'stdout' | 'stderr', lines: readonly string[]): void => {
    for (const text of lines) emit({ type: 'task:output', host, task: ref, stream, text })
  }
  try {
    return await state.session.run(steps, item, {
      onOutput: (step, stream, text) => {
        if (item.task.options.noLog || step < live.from || step >= live.from + live.count) return
        say(stream, buffers[stream].push(text))
      },
    })
  } catch (error) {
    if (error instanceof HostStopped) throw error
    throw tell(item, 'apply', shown(item, asProvisionError(error).message), { cause: error })
  } finally {
    say('stdout', buffers.stdout.end())
    say('stderr', buffers.stderr.end())
  }
}
