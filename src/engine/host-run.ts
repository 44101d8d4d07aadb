// One host's walk through its plays: tasks in order, blocks, branches, handlers. Its parts: session (the connection),
// look-ahead (what was probed), results (what is known), handlers, task-run (one task). A host's failure is its own:
// whatever goes wrong is an event, and the walk rejects with nothing but HostStopped.
import type { HostRecap } from '../core/events.ts'
import type { LazyLocation } from '../core/location.ts'
import type { Play } from '../core/play.ts'
import { titleOf } from '../core/task.ts'
import { ChangeGuard } from './change-guard.ts'
import { delegateOf } from './delegate.ts'
import { type Following, following } from './following.ts'
import { warnOfOrphans, warnOfPending } from './handler-warnings.ts'
import { Handlers, type Pending } from './handlers.ts'
import type { HostContext } from './host-context.ts'
import { type HostPlay, HostPlays } from './host-plays.ts'
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
import { checkOrder, type Positions, positionsOf } from './order.ts'
import { makeGate } from './play-order.ts'
import { prepareTask } from './prepare.ts'
import { withOthers } from './read-other.ts'
import { Results, view } from './results.ts'
import { Riders } from './riders.ts'
import { Session } from './session.ts'
import { Brake, HostStopped } from './stopped.ts'
import { reportOther, reportSkipped } from './task-report.ts'
import { runCovered, runMaybe, runTask } from './task-run.ts'
import { Turns } from './turns.ts'
import { guarded, Unknowable } from './user-code.ts'

/** Milliseconds for which the other hosts wait for one that does not answer. */
const patience = 3000

export class HostRun {
  readonly context: HostContext
  private readonly state: HostState
  private readonly plays: HostPlays
  private readonly prepared = new WeakMap<TaskItem, Prepared>()
  private positions: Positions = new Map()
  private connecting: Promise<void> | undefined
  private readonly silent = makeGate()
  /** A task of another host waits for this one, and may hold the place among the forks that this one would wait for. */
  private readonly wanted = makeGate()
  /** Why the host does not go on, once it does not. */
  stopped: HostStopped | undefined

  /** @param plays the plays that this host takes part in, in order */
  constructor(context: HostContext, plays: readonly HostPlay[], options: HostRunOptions) {
    this.context = context
    this.plays = new HostPlays(plays, options)
    const results = new Results()
    const handlers = new Handlers()
    const session = new Session(context, options)
    this.state = {
      context,
      options,
      results,
      handlers,
      session,
      home: { name: context.host.name, session },
      turns: new Turns(),
      guard: new ChangeGuard({
        walk: async (items) => {
          this.state.play.total += [...leaves(items)].length
          await this.walk(items, undefined)
        },
        runHandler: (pending) => this.runHandler(pending, undefined),
      }),
      brake: new Brake(options),
      riders: new Riders(),
      lookAhead: new LookAhead({
        host: context.host.name,
        results,
        journal: options.journal,
        prepare: (item) => this.prepareAhead(item),
        handlers: (notifiers) => handlers.ahead(notifiers),
      }),
      counts: { ok: 0, changed: 0, failed: 0, skipped: 0, ignored: 0, unknown: 0 },
      play: { name: '', index: 0, total: 0 },
      taskId: 0,
      pretended: false,
    }
  }

  get results(): Results {
    return this.state.results
  }

  get name(): string {
    return this.context.host.name
  }

  get recap(): HostRecap {
    const { counts, session } = this.state
    return { ...counts, unreachable: session.unreachable, requests: session.requests }
  }

  /** Connects, waiting for `admit` once the host answers; the first request reads the facts and probes all that can be asked. The second call waits for the first. Rejects with HostStopped. */
  async connect(admit?: () => Promise<void>): Promise<void> {
    let timer = setTimeout(() => {
      // its answer may have come while this machine was busy: let it be read first
      timer = setTimeout(() => this.silent.open(), 100)
    }, patience)
    this.connecting ??= this.open(admit, () => clearTimeout(timer))
    try {
      await this.connecting
    } catch (error) {
      throw this.stop(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Settles once the host has not answered for a while. */
  get silence(): Promise<void> {
    return this.silent.passed
  }

  private async open(admit: (() => Promise<void>) | undefined, onAnswer: () => void): Promise<void> {
    const { handlers, lookAhead, session } = this.state
    const question = lookAhead.askFirst(this.plays.fromStart())
    const allow = admit && (() => Promise.race([admit(), this.wanted.passed]))
    const { marks, results } = await session.open(question.steps, allow, onAnswer)
    handlers.found(marks)
    lookAhead.read(question, results)
  }

  /** For a task of another host that runs on this one: connects without waiting for a place. Rejects with HostStopped. */
  async lend(): Promise<HostState> {
    this.wanted.open()
    await this.connect()
    return this.state
  }

  /** Walks one play. Rejects with HostStopped. */
  async runPlay(play: Play): Promise<void> {
    await this.connect()
    const { emit } = this.state.options
    const { handlers, lookAhead, results, session } = this.state
    this.state.play = { name: play.name, index: 0, total: 0 }
    this.context.reader = play
    let failed = true
    const begin = (tasks: number) => emit({ type: 'host:play', host: this.name, play: play.name, tasks })
    try {
      const { all, chosen, skipped, leftOut } = await this.attempt(
        'expanding the play',
        () => {
          const expanded = this.plays.expand(play)
          checkOrder(expanded.all)
          for (const item of leaves(expanded.chosen)) this.prepare(item)
          return expanded
        },
        () => begin(0),
      )
      this.state.play.total = skipped.length + [...leaves(chosen.filter((item) => item.kind !== 'guard'))].length
      begin(this.state.play.total)
      this.positions = positionsOf(all)
      results.startPlay(play, leftOut)
      for (const item of skipped) reportSkipped(this.state, item, 'before the task to start at')
      lookAhead.startPlay()
      handlers.startPlay()
      handlers.register(all)
      this.state.guard.start()
      if (this.state.options.verify) failed = await this.verifyAll(chosen, this.plays.after(play))
      else {
        await this.walk(chosen, this.plays.after(play))
        await this.runHandlers(undefined)
        failed = false
      }
    } catch (error) {
      if (!(error instanceof Unknowable)) throw this.stop(error)
      begin(0)
      this.skipUnknown(
        'the tasks of the play',
        'play',
        'they depend on a result that check mode does not have',
        play.where,
      )
      failed = false
    } finally {
      // the connection may break here too; that is told already, and the marks that stay run their handlers once more
      await session.finish().catch(() => undefined)
      this.plays.done(play)
      warnOfPending(this.state)
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
    if (last) warnOfOrphans(this.state, orphans)
  }

  /** No play is left for this host. */
  get isDone(): boolean {
    return this.plays.areDone
  }

  /** Closes the connection, until the host is connected again. */
  async close(): Promise<void> {
    this.connecting = undefined
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
  private async attempt<T>(title: string, body: () => T, beforeReport: () => void = () => undefined): Promise<T> {
    try {
      return await withOthers(this.state, body)
    } catch (error) {
      if (error instanceof Unknowable || error instanceof HostStopped) throw error
      beforeReport()
      reportOther(this.state, title, 'play', { error })
      throw new HostStopped('failed')
    }
  }

  // ---------------------------------------------------------------- preparing

  private prepare(item: TaskItem): Prepared {
    const have = this.prepared.get(item)
    if (have) return have
    const { options, session } = this.state
    const prepared = prepareTask(item, this.context, options.secrets, session)
    this.prepared.set(item, prepared)
    return prepared
  }

  /** A task that cannot be prepared tells so when its turn comes; one that runs on another host is looked at then. */
  private prepareAhead(item: TaskItem): Prepared | undefined {
    if (delegateOf(item, this.name) !== undefined) return undefined
    try {
      return this.prepare(item)
    } catch {
      return undefined
    }
  }

  // ---------------------------------------------------------------- walking

  private async walk(items: readonly Item[], next: Following | undefined): Promise<void> {
    try {
      await this.walkOn(items, next)
    } catch (error) {
      await this.settle()
      throw error
    }
  }

  /** Tells of changes that were made ahead of their tasks' turns, which do not come any more. */
  private async settle(): Promise<void> {
    const { riders, handlers, session } = this.state
    for (const item of riders.left()) {
      await runTask(this.state, item, undefined, (task) => this.prepare(task)).catch((error: unknown) => {
        if (!(error instanceof HostStopped)) throw error
      })
    }
    for (const item of riders.takeDropped()) session.clearLater(handlers.withdraw(item))
  }

  private async walkOn(items: readonly Item[], next: Following | undefined): Promise<void> {
    for (const [index, item] of items.entries()) {
      this.state.brake.check()
      const place = following(items, index, next)
      switch (item.kind) {
        case 'task':
          await runTask(this.state, item, place, (task) => this.prepare(task))
          break
        case 'flush':
          if (await this.flushes(item)) await this.runHandlers(place)
          break
        case 'guard':
          this.state.guard.set(item)
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

  /** Each check by itself: a broken promise hides no other. Says whether one was broken. */
  private async verifyAll(items: readonly Item[], next: Following): Promise<boolean> {
    let failed = false
    for (const [index, item] of items.entries()) {
      try {
        await this.walkOn([item], following(items, index, next))
      } catch (error) {
        if (!isFailure(error)) throw error
        failed = true
      }
    }
    return failed
  }

  private async flushes({ conditions }: FlushItem): Promise<boolean> {
    return await this.attempt('flush', () => this.state.results.decide(conditions, nowhere).kind === 'run')
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
    const decision = await this.attempt(title, () => results.decide(item.conditions, where))
    if (decision.kind === 'skip') return
    const known = results.of(task)
    if (!known || known.outcome.skipped) return
    let inside: readonly Item[]
    try {
      if (decision.kind === 'unknown' || known.unknown === 'all') throw new Unknowable(unknownBranch)
      inside = await this.attempt(title, () =>
        this.expandBranch(
          item,
          guarded(title, where, () => item.after.branch(view(known, false) as never)),
        ),
      ) // the task's own outcome
    } catch (error) {
      if (!(error instanceof Unknowable)) throw error
      return this.skipUnknown(title, 'after', unknownBranch, where)
    }
    const chosen = selectByTags(inside, options.tags, options.skipTags)
    await this.attempt(title, () => {
      for (const leaf of leaves(chosen)) this.prepare(leaf)
    })
    play.total += [...leaves(chosen)].length
    await this.walk(chosen, place)
  }

  /** Check mode cannot know which tasks there are. */
  private skipUnknown(title: string, resource: string, reason: string, where: LazyLocation): void {
    this.state.pretended = true
    reportOther(this.state, title, resource, { reason, where: where.get() })
  }

  private expandBranch(item: AfterItem, tasks: Parameters<typeof makeItems>[0]): readonly Item[] {
    const { role, become, conditions, after } = item
    const inside = makeItems(tasks, { role, tags: [...item.tags], become, conditions, where: after.where })
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
    const { brake, handlers } = this.state
    const endsPlay = place === undefined
    for (let pending = handlers.next(endsPlay); pending; pending = handlers.next(endsPlay)) {
      brake.check()
      await this.runHandler(pending, place)
    }
  }

  private async runHandler(pending: Pending, place: Following | undefined): Promise<void> {
    const { handlers, session, options } = this.state
    const { items } = pending.entry
    for (const [index, item] of items.entries()) {
      if (pending.covered.has(item)) runCovered(this.state, item)
      else if (pending.certain)
        await runTask(this.state, item, following(items, index, place), (task) => this.prepare(task))
      else runMaybe(this.state, item)
    }
    const isLeft = items.some((item) => options.steps?.hasDeclined(item))
    session.clearLater(handlers.done(pending, options.check || isLeft))
  }
}

const nowhere = { get: () => undefined }
const unknownBranch = 'the branch depends on the result of a change that check mode does not make'

function isFailure(error: unknown): boolean {
  return error instanceof HostStopped && error.kind === 'failed'
}
