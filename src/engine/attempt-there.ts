// A task that runs `on` another host. It stays the task of the host whose play has it: its conditions, its handlers and
// their marks, its result, its place in the play. Looked at and changed is the other host, in its turn, over its session;
// looking ahead leaves such tasks out, so each is looked at when its turn comes.
import type { ProvisionError } from '../core/error.ts'
import { delegateOf, notByWorkers } from './delegate.ts'
import type { HostState } from './host-state.ts'
import type { TaskItem } from './items.ts'
import { LookAhead, type Prepared } from './look-ahead.ts'
import { setMarks } from './marks.ts'
import { prepareTask } from './prepare.ts'
import { Riders } from './riders.ts'
import { HostStopped } from './stopped.ts'
import { commandDetail, tell } from './task-error.ts'
import type { TaskResult } from './task-run.ts'

/**
 * One attempt at a task on the host that it runs on, in that host's turn. The body gets the state of that host as the task
 * sees it, and how its tasks are prepared there. Rejects with HostStopped only if the task's own host must stop.
 */
export async function attemptThere(
  state: HostState,
  item: TaskItem,
  prepare: (item: TaskItem) => Prepared,
  body: (there: HostState, prepare: (item: TaskItem) => Prepared) => Promise<TaskResult>,
): Promise<TaskResult> {
  const name = delegateOf(item, state.home.name)
  if (name === undefined) return await state.turns.take(() => body(state, prepare))
  if (state.options.byWorker) throw notByWorkers(item.task, name)
  let target: HostState | undefined
  try {
    target = await state.options.reach(name)
    const other = target
    return await other.turns.take(async () => {
      // a stop may have come while others had their turn
      state.brake.check()
      const { secrets } = state.options
      const result = await body(stateThere(state, other), (task) =>
        prepareTask(task, state.context, secrets, other.session),
      )
      if (result.pretended || result.status === 'unknown') {
        state.pretended = true
        other.pretended = true
      }
      return result
    })
  } catch (error) {
    const isOthers = target === undefined || error === target.session.lost
    if (!(error instanceof HostStopped) || error.kind !== 'unreachable' || !isOthers) throw error
    const { reason } = error
    const message = `${name}, which it runs on, cannot be used: ${reason?.message ?? 'the connection is lost'}`
    throw tell(item, 'unreachable', message, { detail: reason?.detail, hint: reason?.hint, cause: reason })
  }
}

function stateThere(state: HostState, other: HostState): HostState {
  return {
    ...state,
    context: other.context,
    session: other.session,
    turns: other.turns,
    lookAhead: new Glance(state, other),
    riders: new Riders(),
    pretended: state.pretended || other.pretended,
  }
}

/** Looks at one task, and at nothing ahead. What its change alters, both hosts look at again. */
class Glance extends LookAhead {
  private readonly both: readonly HostState[]

  constructor(state: HostState, other: HostState) {
    super({
      host: other.context.host.name,
      results: state.results,
      journal: state.options.journal,
      prepare: () => undefined,
      handlers: () => [],
    })
    this.both = [state, other]
  }

  override forget(): void {
    super.forget()
    for (const { lookAhead } of this.both) lookAhead.forget()
  }

  override alter(): void {
    this.forget()
  }
}

/**
 * Writes the marks of a task's handlers on the host whose handlers they are, before the task changes another one.
 * Gives an error if they cannot be written.
 */
export async function markAtHome(there: HostState, item: TaskItem): Promise<ProvisionError | undefined> {
  const { home, handlers } = there
  if (home.session === there.session || item.task.options.changedWhen === false) return undefined
  const marks = handlers.mark(item)
  if (marks.length === 0) return undefined
  const [written] = await home.session.run([setMarks(marks)], item)
  if (!written || written.code === 0) return undefined
  home.session.clearLater(handlers.withdraw(item))
  const detail = commandDetail(home.name, home.session.agentUser, 'write the mark', written)
  return tell(item, 'apply', 'the mark of the notified handler could not be written', { detail })
}
