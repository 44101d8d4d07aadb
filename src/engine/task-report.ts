// What the events say of a task.
import { asProvisionError, type ProvisionError } from '../core/error.ts'
import type { ChangeReport, TaskRef, TaskStatus } from '../core/events.ts'
import type { Plan } from '../core/resource.ts'
import { delegateOf } from './delegate.ts'
import type { HostState } from './host-state.ts'
import { itemTitle, type TaskItem } from './items.ts'
import { shown } from './task-error.ts'

/** What the end of a task says beside its status. */
export interface TaskEnd {
  readonly plan?: Plan | undefined
  readonly reason?: string | undefined
  readonly error?: ProvisionError | undefined
}

/** One task from its turn to its end. */
export interface TaskReport {
  readonly ref: TaskRef
  /** It is really looked at, not skipped. */
  readonly start: () => void
  /** Counts it and tells its end. */
  readonly end: (status: TaskStatus, more?: TaskEnd) => void
}

export function reportOf(item: TaskItem, state: HostState): TaskReport {
  const { emit, now } = state.options
  const started = now()
  const { name: host } = state.context.host
  const { play } = state
  const ref: TaskRef = {
    id: ++state.taskId,
    title: itemTitle(item),
    role: item.role,
    resource: item.task.resource.name,
    where: item.task.where.get(),
    handler: item.handler !== undefined,
    on: delegateOf(item, host),
  }
  return {
    ref,
    start: () => emit({ type: 'task:start', host, play: play.name, task: ref, index: play.index, total: play.total }),
    end: (status, more = {}) => {
      state.counts[status]++
      emit({
        type: 'task:end',
        host,
        play: play.name,
        task: ref,
        status,
        changes: changesOf(item, more.plan),
        reason: more.reason === undefined ? undefined : shown(item, more.reason),
        error: more.error,
        elapsedMs: now() - started,
      })
    },
  }
}

/** A task of the play whose turn does not come. */
export function reportSkipped(state: HostState, item: TaskItem, reason: string): void {
  state.play.index++
  reportOf(item, state).end('skipped', { reason })
}

/** The end of something that is no task of the user's: a play that could not be expanded, a branch that is not known. */
export function reportOther(
  state: HostState,
  title: string,
  resource: string,
  end: { reason: string; where: TaskRef['where'] } | { error: unknown },
): void {
  const error = 'error' in end ? asProvisionError(end.error) : undefined
  const status = error ? 'failed' : 'unknown'
  state.counts[status]++
  state.options.emit({
    type: 'task:end',
    host: state.context.host.name,
    play: state.play.name,
    task: {
      id: ++state.taskId,
      title,
      role: undefined,
      resource,
      where: 'where' in end ? end.where : error?.where,
      handler: false,
    },
    status,
    changes: [],
    reason: 'reason' in end ? end.reason : undefined,
    error,
    elapsedMs: 0,
  })
}

function changesOf(item: TaskItem, plan: Plan | undefined): ChangeReport[] {
  if (!plan || !('changes' in plan)) return []
  if (item.task.options.noLog) return plan.changes.map(() => ({ summary: 'changed (not shown: noLog)' }))
  return plan.changes.map(({ summary, diff }) => ({ summary, ...(diff && { diff }) }))
}
