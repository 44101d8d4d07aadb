// Carrying out a plan: marks of its handlers, the changes, and a new look at the host, all in one request.
import { asProvisionError, type ProvisionError } from '../core/error.ts'
import type { TaskRef } from '../core/events.ts'
import type { Plan, StepOutput } from '../core/resource.ts'
import type { Step, StepResult } from '../transport/connection.ts'
import type { Following } from './following.ts'
import type { HostState } from './host-state.ts'
import { itemTitle, type TaskItem } from './items.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Answer, Prepared } from './look-ahead.ts'
import { setMarks } from './marks.ts'
import { HostStopped } from './stopped.ts'
import { commandDetail, defaultTimeout, shown, tell } from './task-error.ts'
import { planOf, type TaskResult } from './task-run.ts'

type Changes = Extract<Plan, { changes: unknown }>

/** Applies the changes and, in the same request, looks again: at this task and at what lies ahead. */
export async function applyPlan(
  state: HostState,
  prepared: Prepared,
  plan: Changes,
  ref: TaskRef,
  place: Following | undefined,
): Promise<TaskResult> {
  const { item, resource, wish } = prepared
  const { options } = item.task
  const { handlers, lookAhead, session } = state
  const quiet = options.changedWhen === false
  const marks = quiet ? [] : handlers.marksFor(item)
  const marking = marks.length > 0 ? [setMarks(marks)] : []
  const changes: Step[] = plan.changes.flatMap((change) =>
    change.steps.map((step) => ({
      ...step,
      user: step.user ?? prepared.user,
      env: prepared.env,
      timeout: options.timeout ?? defaultTimeout,
    })),
  )
  const converges =
    typeof resource.converges === 'function' ? resource.converges(wish) : (resource.converges ?? 'state')
  // What the user calls no change is expected to leave the rest as it is; it is looked at again all the same.
  if (quiet) lookAhead.forget()
  else lookAhead.restart()
  state.options.journal.touched ||= !quiet
  const question = lookAhead.askAfter(prepared, converges === 'state', place)
  // These probes are to see the state after the change; if that failed they are not wanted.
  const probes = question.steps.map((step) => ({ ...step, always: false }))
  handlers.marked(marks)
  const unmark = (): void => session.clearLater(handlers.withdraw(item))
  let results: readonly StepResult[]
  try {
    const steps = [...marking, ...changes, ...(plan.confirm ? [] : probes)]
    results = await send(state, item, ref, steps, { from: marking.length, count: changes.length })
  } catch (error) {
    // the connection broke: the marks may be written, and the change made; anything else was never sent
    if (!(error instanceof HostStopped)) handlers.withdraw(item)
    else if (!quiet) handlers.notify(item, true)
    throw error
  }
  const refused = marking.length > 0 && results[0]?.code !== 0 ? results[0] : undefined
  if (refused) {
    unmark()
    const detail = commandDetail(state.context.host.name, session.agentUser, 'write the mark', refused)
    return failed(tell(item, 'apply', 'the mark of the notified handler could not be written', { detail }))
  }
  const applied = results.slice(marking.length, marking.length + changes.length)
  const outputs: StepOutput[] = applied.map(({ code, stdout, stderr }) => ({ code, stdout, stderr }))
  const touched = !quiet && (resource.didChange?.(outputs, wish) ?? true)
  if (!touched) unmark()
  const bad = applied.findIndex((result) => result.code !== 0)
  const badResult = applied[bad]
  if (badResult) {
    const error = applyError(state, item, badResult, changes[bad])
    return { ...failed(error), plan, fields: resultOf(prepared, outputs), touched }
  }
  const fields = resource.result?.(outputs, wish)
  if (plan.confirm) {
    const refusal = await confirm(state, item, plan.confirm)
    if (refusal) return { ...failed(refusal), plan, touched }
    lookAhead.read(question, await session.run(question.steps, item))
  } else {
    lookAhead.read(question, results.slice(marking.length + changes.length))
  }
  const done: TaskResult = touched
    ? { status: 'changed', plan, fields: fields ?? plan.result, touched }
    : { status: 'ok', reason: plan.changes.map((change) => change.summary).join(', '), fields: fields ?? plan.result }
  if (converges === 'none') return done
  return { ...converged(state, prepared, done, lookAhead.take(item)), touched }
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
function converged(state: HostState, prepared: Prepared, done: TaskResult, own: Answer | undefined): TaskResult {
  const { item } = prepared
  const failure = (error: ProvisionError): TaskResult => ({ ...failed(error), plan: done.plan, fields: done.fields })
  if (!own) return failure(tell(item, 'converge', 'the state after the change could not be read'))
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
  const host = state.context.host.name
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
