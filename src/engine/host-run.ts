// One host's walk through its plays: tasks in order, blocks, branches, handlers. Its parts: session (the connection),
// look-ahead (what was probed), results (what is known), handlers, task-run (one task). A host's failure is its own:
// whatever goes wrong is an event, and the walk rejects with nothing but HostStopped.
import type { HostRecap } from '../core/events.ts'
import type { Task } from '../core/task.ts'
import { titleOf } from '../core/task.ts'
import { type Following, following } from './following.ts'
import { Handlers } from './handlers.ts'
import type { HostContext } from './host-context.ts'
import type { HostRunOptions, HostState } from './host-state.ts'
import {
  type AfterItem,
  type BlockItem,
  type FlushItem,
  type Item,
  leaves,
  makeItems,
  selectByTags,
  type TaskItem,
} from './items.ts'
import { LookAhead, type Prepared } from './look-ahead.ts'
import { markPath } from './marks.ts'
import { checkOrder, type Positions, positionsOf } from './order.ts'
import { environmentOf, wishOf } from './prepare.ts'
import { Results, view } from './results.ts'
import { Session } from './session.ts'
import { Brake, HostStopped } from './stopped.ts'
import { reportOther } from './task-report.ts'
import { runMaybe, runTask } from './task-run.ts'
import { guarded, Unknowable } from './user-code.ts'

/** A play as a host walks it. */
export interface HostPlay {
  readonly name: string
  readonly become: boolean | string | undefined
  /** Its items; called once the facts are there. */
  readonly expand: () => readonly Item[]
}

export class HostRun {
  readonly context: HostContext
  private readonly state: HostState
  private prepared = new Map<TaskItem, Prepared>()
  private positions: Positions = new Map()
  private connecting: Promise<void> | undefined
  /** Why the host does not go on, once it does not. */
  stopped: HostStopped | undefined

  constructor(context: HostContext, options: HostRunOptions) {
    this.context = context
    const results = new Results()
    const handlers = new Handlers()
    this.state = {
      context,
      options,
      results,
      handlers,
      session: new Session(context, options),
      brake: new Brake(options),
      lookAhead: new LookAhead({
        host: context.host.name,
        results,
        prepare: (item) => this.prepareAhead(item),
        handlers: (notifier) => handlers.ahead(notifier),
      }),
      counts: { ok: 0, changed: 0, failed: 0, skipped: 0, ignored: 0, unknown: 0 },
      play: { name: '', become: undefined, index: 0, total: 0 },
      taskId: 0,
      pretended: false,
    }
  }

  get name(): string {
    return this.context.host.name
  }

  get recap(): HostRecap {
    const { counts, session } = this.state
    return { ...counts, unreachable: session.unreachable, requests: session.requests }
  }

  /** Connects and reads the facts; the second call waits for the first. Rejects with HostStopped. */
  async connect(): Promise<void> {
    this.connecting ??= this.state.session.open().then((marks) => this.state.handlers.found(marks))
    try {
      await this.connecting
    } catch (error) {
      throw this.stop(error)
    }
  }

  /** Walks one play. Rejects with HostStopped. */
  async runPlay(play: HostPlay): Promise<void> {
    await this.connect()
    const { emit, tags, skipTags } = this.state.options
    const { handlers, lookAhead, results, session } = this.state
    this.state.play = { name: play.name, become: play.become, index: 0, total: 0 }
    let failed = true
    try {
      const begin = (tasks: number) => emit({ type: 'host:play', host: this.name, play: play.name, tasks })
      const { all, items } = this.attempt(
        'expanding the play',
        () => {
          const all = play.expand()
          checkOrder(all)
          const items = selectByTags(all, tags, skipTags)
          this.prepared = new Map()
          for (const item of leaves(items)) this.prepare(item)
          return { all, items }
        },
        () => begin(0),
      )
      this.state.play.total = [...leaves(items)].length
      begin(this.state.play.total)
      this.positions = positionsOf(all)
      results.leave(leftOut(all, items))
      lookAhead.startPlay()
      handlers.startPlay()
      handlers.register(all)
      await this.walk(items, undefined)
      await this.runHandlers(undefined)
      failed = false
    } catch (error) {
      throw this.stop(error)
    } finally {
      // the connection may break here too; that is told already, and the marks that stay run their handlers once more
      await session.finish().catch(() => undefined)
      this.warnOfPendingHandlers()
      emit({ type: 'host:play:end', host: this.name, play: play.name, failed })
    }
  }

  /** All plays of this run are done on this host: marks that no play answered are told, unless other plays follow. */
  async finish(last = true): Promise<void> {
    const { handlers, session, options } = this.state
    const { answered, orphans } = handlers.finish()
    if (!options.check && answered.length > 0) {
      session.clearLater(answered)
      await session.finish().catch(() => undefined)
    }
    for (const { key, name } of last ? orphans : []) {
      options.emit({
        type: 'warning',
        host: this.name,
        message: `an earlier run notified the handler ${name}, which no play of this run has`,
        hint: `Run the playbook that has it, or forget it: rm ${markPath(key, session.agentUser)}`,
      })
    }
  }

  async close(): Promise<void> {
    await this.state.session.close()
  }

  /** Anything that ends the walk as a HostStopped; what is no HostStopped is a fault of ours and told as the host's failure. */
  private stop(error: unknown): HostStopped {
    if (error instanceof HostStopped) this.stopped = error
    else {
      reportOther(this.state, 'running the play', 'play', { error })
      this.stopped = new HostStopped('failed')
    }
    return this.stopped
  }

  /** The user's code during the run (facts-dependent roles, branches): its error fails the host. */
  private attempt<T>(title: string, body: () => T, beforeReport: () => void = () => undefined): T {
    try {
      return body()
    } catch (error) {
      if (error instanceof Unknowable) throw error
      beforeReport()
      reportOther(this.state, title, 'play', { error })
      throw new HostStopped('failed')
    }
  }

  // ---------------------------------------------------------------- preparing

  private prepare(item: TaskItem): Prepared {
    const have = this.prepared.get(item)
    if (have) return have
    const { secrets } = this.state.options
    const prepared = {
      item,
      resource: item.task.resource,
      wish: wishOf(item.task, this.context, secrets),
      user: this.userOf(item),
      env: environmentOf(item.task, secrets),
    }
    this.prepared.set(item, prepared)
    return prepared
  }

  /** A task that cannot be prepared tells so when its turn comes. */
  private prepareAhead(item: TaskItem): Prepared | undefined {
    try {
      return this.prepare(item)
    } catch {
      return undefined
    }
  }

  /** The user of a task; undefined = the agent's own. */
  private userOf(item: TaskItem): string | undefined {
    const wish = item.task.options.become ?? this.state.play.become
    if (wish === undefined) return undefined
    const { loginUser, agentUser } = this.state.session
    const user = wish === true ? 'root' : wish === false ? loginUser : wish
    return user === agentUser ? undefined : user
  }

  // ---------------------------------------------------------------- walking

  private async walk(items: readonly Item[], next: Following | undefined): Promise<void> {
    for (const [index, item] of items.entries()) {
      this.state.brake.check()
      const place = following(items, index, next)
      switch (item.kind) {
        case 'task':
          await runTask(this.state, item, place, (task) => this.prepare(task))
          break
        case 'flush':
          if (this.flushes(item)) await this.runHandlers(place)
          break
        case 'block':
          await this.runBlock(item, place)
          break
        case 'after':
          await this.runBranch(item, place)
          break
      }
    }
  }

  private flushes({ conditions }: FlushItem): boolean {
    return this.attempt('flush', () => this.state.results.decide(conditions, nowhere).kind === 'run')
  }

  /** `rescue` mends a failure, not a lost connection or an interruption; `always` runs while the host can be reached. */
  private async runBlock(item: BlockItem, place: Following): Promise<void> {
    const { brake, counts, lookAhead, options } = this.state
    const failedBefore = counts.failed
    const afterBody: Following = { items: item.always, from: 0, next: place }
    let ended: unknown
    try {
      await this.walk(item.body, afterBody)
    } catch (error) {
      ended = error
    }
    if (isFailure(ended) && item.rescue.length > 0) {
      lookAhead.forget()
      try {
        await this.walk(item.rescue, afterBody)
        ended = undefined
        counts.ignored += counts.failed - failedBefore
        counts.failed = failedBefore
      } catch (error) {
        ended = error
      }
    }
    if (ended === undefined) return this.walk(item.always, place)
    if (ended instanceof HostStopped && ended.kind !== 'unreachable' && !options.giveUp.aborted) {
      lookAhead.forget()
      await brake.mend(() => this.walk(item.always, undefined))
    }
    throw ended
  }

  private async runBranch(item: AfterItem, place: Following): Promise<void> {
    const { results, options, play } = this.state
    const { task, where } = item.after
    const title = `after ${titleOf(task)}`
    const decision = this.attempt(title, () => results.decide(item.conditions, where))
    if (decision.kind === 'skip') return
    const known = results.of(task)
    if (!known || known.outcome.skipped) return
    let inside: readonly Item[]
    try {
      if (decision.kind === 'unknown' || known.unknown === 'all') throw new Unknowable(unknownBranch)
      inside = this.attempt(title, () =>
        this.expandBranch(
          item,
          guarded(title, where, () => item.after.branch(view(known, false) as never)),
        ),
      ) // the task's own outcome
    } catch (error) {
      if (!(error instanceof Unknowable)) throw error
      this.state.pretended = true
      reportOther(this.state, title, 'after', { reason: unknownBranch, where: where.get() })
      return
    }
    const chosen = selectByTags(inside, options.tags, options.skipTags)
    this.attempt(title, () => {
      for (const leaf of leaves(chosen)) this.prepare(leaf)
    })
    play.total += [...leaves(chosen)].length
    await this.walk(chosen, place)
  }

  private expandBranch(item: AfterItem, tasks: Parameters<typeof makeItems>[0]): readonly Item[] {
    const { role, conditions, after } = item
    const inside = makeItems(tasks, { role, tags: [...item.tags], conditions, where: after.where })
    const here = this.positions.get(item)
    checkOrder(inside, (task) => {
      const there = this.positions.get(task)
      return here !== undefined && there !== undefined && there > here && !this.state.results.of(task)
    })
    this.state.handlers.register(inside)
    return inside
  }

  // ---------------------------------------------------------------- handlers

  /** Runs what was notified, also by handlers, until nothing is left. */
  private async runHandlers(place: Following | undefined): Promise<void> {
    const { brake, handlers, session, options } = this.state
    for (let pending = handlers.next(); pending; pending = handlers.next()) {
      brake.check()
      const { items } = pending.entry
      for (const [index, item] of items.entries()) {
        if (pending.certain)
          await runTask(this.state, item, following(items, index, place), (task) => this.prepare(task))
        else runMaybe(this.state, item)
      }
      session.clearLater(handlers.done(pending, options.check))
    }
  }

  private warnOfPendingHandlers(): void {
    const { handlers, options } = this.state
    const names = handlers.names()
    if (options.check || names.length === 0) return
    options.emit({
      type: 'warning',
      host: this.name,
      message: `handlers still to run: ${names.join(', ')}`,
      hint: 'They are marked on the host; the next run executes them.',
    })
  }
}

const nowhere = { get: () => undefined }
const unknownBranch = 'the branch depends on the result of a change that check mode does not make'

function isFailure(error: unknown): boolean {
  return error instanceof HostStopped && error.kind === 'failed'
}

/** The tasks that tags left out. */
function leftOut(all: readonly Item[], chosen: readonly Item[]): ReadonlySet<Task> {
  const tasks = new Set([...leaves(all)].map((item) => item.task))
  for (const item of leaves(chosen)) tasks.delete(item.task)
  return tasks
}
