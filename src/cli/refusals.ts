// Hosts that a plan is not carried out on, as events of the run: what moved, or why the host cannot be looked at.
import { resolve } from 'node:path'
import { type Location, ProvisionError } from '../core/error.ts'
import type { Emit, HostRecap, TaskRef } from '../core/events.ts'
import type { RecordedError } from '../core/run-record.ts'
import { type Moved, movedTasks } from '../plan/compare.ts'
import type { PlannedHost, PlannedTask } from '../plan/plan-file.ts'

/** A reason to leave a host alone. */
export type Refusal =
  | { readonly kind: 'unreachable'; readonly host: string; readonly error: ProvisionError }
  | { readonly kind: 'refused'; readonly host: string; readonly task: PlannedTask; readonly error: ProvisionError }

/** So many tasks that moved are told; the others are counted. */
const most = 10
const newPlan = 'Make a new plan and look at it: provision plan'

/** Why a host is left alone; empty if it is as it was planned. */
export function refusalOf(host: string, planned: PlannedHost, now: PlannedHost | undefined, cwd: string): Refusal[] {
  if (planned.state !== 'planned') {
    const message = `not in the plan: the host was ${planned.state} when it was made`
    const error = new ProvisionError({ code: 'moved', message, detail: planned.error?.message, hint: newPlan })
    return [{ kind: 'refused', host, task: wholeHost, error }]
  }
  if (!now || now.state === 'unreachable') return [{ kind: 'unreachable', host, error: asError(now?.error) }]
  const moved = movedTasks(planned, now)
  const told = moved.slice(0, most)
  return told.map((one, index): Refusal => {
    const isLast = index === told.length - 1
    return { kind: 'refused', host, task: one.task, error: errorOf(one, isLast ? moved.length - told.length : 0, cwd) }
  })
}

function errorOf({ task, expected, now }: Moved, more: number, cwd: string): ProvisionError {
  const others = more > 0 ? `\n… and ${more} more tasks` : ''
  return new ProvisionError({
    code: 'moved',
    message: 'the host moved since the plan was made, and nothing was changed on it',
    where: locationOf(task.where, cwd),
    detail: `planned: ${expected}\nnow:     ${now}${others}`,
    hint: newPlan,
  })
}

/** The run's events with those of the hosts that are left alone. `started` is when the look began. */
export function emitWithRefusals(emit: Emit, refusals: readonly Refusal[], started: number): Emit {
  const names = [...new Set(refusals.map(({ host }) => host))]
  return (event) => {
    if (event.type === 'run:start') {
      emit({ ...event, hosts: [...event.hosts, ...names] })
      for (const [index, refusal] of refusals.entries()) tell(refusal, index, emit)
    } else if (event.type === 'recap') {
      const left = Object.fromEntries(names.map((name) => [name, recapOf(name, refusals)]))
      emit({ ...event, hosts: { ...event.hosts, ...left }, elapsedMs: Math.round(performance.now() - started) })
    } else emit(event)
  }
}

function tell(refusal: Refusal, index: number, emit: Emit): void {
  const { host, error } = refusal
  if (refusal.kind === 'unreachable') {
    emit({ type: 'host:unreachable', host, error })
    return
  }
  const { title, role, resource, handler, play } = refusal.task
  const task: TaskRef = { id: index + 1, title, role, resource, where: error.where, handler }
  emit({ type: 'task:end', host, play, task, status: 'failed', changes: [], reason: undefined, error, elapsedMs: 0 })
}

function recapOf(name: string, refusals: readonly Refusal[]): HostRecap {
  const own = refusals.filter(({ host }) => host === name)
  const failed = own.filter(({ kind }) => kind === 'refused').length
  const nothing = { ok: 0, changed: 0, skipped: 0, ignored: 0, unknown: 0, requests: 0 }
  return { ...nothing, failed, unreachable: own.length > failed }
}

const wholeHost: PlannedTask = {
  play: '',
  title: 'the plan',
  resource: 'plan',
  handler: false,
  status: 'failed',
  changes: [],
}

function asError(error: RecordedError | undefined): ProvisionError {
  const { message = 'the host did not answer', detail, hint } = error ?? {}
  return new ProvisionError({ code: 'unreachable', message, detail, hint })
}

/** A place out of its text. */
function locationOf(where: string | undefined, cwd: string): Location | undefined {
  const [, file, line, column] = /^(.+):(\d+):(\d+)$/.exec(where ?? '') ?? []
  return file === undefined ? undefined : { file: resolve(cwd, file), line: Number(line), column: Number(column) }
}
