// One host's walk through its plays: look ahead, plan, apply and probe again in one request, handlers, blocks, retries.
// It emits events and throws nothing but HostStopped; a host's failure is its own.
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { Emit, HostRecap, TaskRef, TaskStatus } from '../core/events.ts'
import type { Plan, StepOutput } from '../core/resource.ts'
import { isSecret, type Secrets } from '../core/secret.ts'
import type { Condition, Handler, Outcome } from '../core/task.ts'
import { titleOf } from '../core/task.ts'
import type { Connect, Connection, Step, StepResult } from '../transport/connection.ts'
import { gather } from './facts.ts'
import { guarded, type HostContext } from './host-context.ts'
import { handlerItems, type Item, itemTitle, leaves, listOf, makeItems, selectByTags, type TaskItem } from './items.ts'
import { LineBuffer } from './line-buffer.ts'
import { type Answer, askAll, commandDetail, type Prepared, readAll } from './look-ahead.ts'
import { clearMarks, type Mark, markKey, setMarks } from './marks.ts'
import { wishOf } from './prepare.ts'

/** What a host's run shares with the whole run. */
export interface HostRunOptions {
  readonly secrets: Secrets
  readonly connect: Connect
  readonly emit: Emit
  readonly check: boolean
  readonly tags: readonly string[]
  readonly skipTags: readonly string[]
  /** Stop after the running task. */
  readonly stop: AbortSignal
  /** Kill the running task. */
  readonly giveUp: AbortSignal
  readonly now: () => number
}

/** Why a host does not go on. */
export class HostStopped extends Error {
  readonly kind: 'failed' | 'unreachable' | 'interrupted'
  constructor(kind: HostStopped['kind']) {
    super(kind)
    this.kind = kind
  }
}

/** What is known of a task that this run came to. */
interface Known {
  readonly outcome: Outcome
  /** Check mode: the outcome depends on a change that was not made. */
  readonly uncertain: boolean
}

/** The window after a change; it doubles with every request that found nothing to do. */
const windowAfterChange = 4
const defaultTimeout = 1800

export class HostRun {
  readonly context: HostContext
  private readonly options: HostRunOptions
  private connection: Connection | undefined
  private connecting: Promise<Connection> | undefined
  private loginUser = ''
  private agentUser = 'root'
  private marks = new Map<string, Mark>()
  private readonly known = new Map<unknown, Known>()
  private readonly notified = new Map<string, { handler: Handler; role: string | undefined }>()
  private readonly prepared = new Map<TaskItem, Prepared>()
  private answers = new Map<TaskItem, Answer>()
  private windowSize = Number.POSITIVE_INFINITY
  /** Steps that ride along with the next request. */
  private leftovers: Step[] = []
  private counts = { ok: 0, changed: 0, failed: 0, skipped: 0, ignored: 0, unknown: 0 }
  private unreachable = false
  private taskId = 0
  private play = { name: '', become: undefined as boolean | string | undefined, index: 0, total: 0 }
  stopped: HostStopped | undefined

  constructor(context: HostContext, options: HostRunOptions) {
    this.context = context
    this.options = options
  }

  get name(): string {
    return this.context.host.name
  }

  get recap(): HostRecap {
    return { ...this.counts, unreachable: this.unreachable, requests: this.connection?.requests ?? 0 }
  }

  /** Connects and reads the facts; the second call waits for the first. Rejects with HostStopped. */
  async connect(): Promise<void> {
    this.connecting ??= this.open()
    await this.connecting
  }

  private async open(): Promise<Connection> {
    const { emit } = this.options
    try {
      const connection = await this.options.connect(this.context.inventoryHost, this.options.secrets, {
        onAttempt: (attempt, detail) => emit({ type: 'host:connecting', host: this.name, attempt, detail }),
        signal: this.options.giveUp,
      })
      this.connection = connection
      const gathered = await gather(connection, this.name)
      this.context.setFacts(gathered.facts)
      this.loginUser = gathered.loginUser
      this.agentUser = gathered.facts.user
      for (const mark of gathered.marks) this.marks.set(mark.key, mark)
      emit({ type: 'host:connected', host: this.name })
      return connection
    } catch (error) {
      this.lose(error)
    }
  }

  /** The connection is gone or never was: the host is out of the run. */
  private lose(error: unknown): never {
    if (this.options.giveUp.aborted) {
      this.stopped = new HostStopped('interrupted')
    } else {
      this.unreachable = true
      this.stopped = new HostStopped('unreachable')
      this.options.emit({ type: 'host:unreachable', host: this.name, error: asProvisionError(error) })
    }
    throw this.stopped
  }

  /** Walks one play; `expand` gives its items once facts are there. Rejects with HostStopped. */
  async runPlay(
    play: { name: string; become: boolean | string | undefined },
    expand: () => readonly Item[],
  ): Promise<void> {
    await this.connect()
    const { emit } = this.options
    let failed = true
    try {
      const all = this.attempt(expand)
      const items = selectByTags(all, this.options.tags, this.options.skipTags)
      this.play = { name: play.name, become: play.become, index: 0, total: [...leaves(items)].length }
      emit({ type: 'host:play', host: this.name, play: play.name, tasks: this.play.total })
      this.answers.clear()
      this.windowSize = Number.POSITIVE_INFINITY
      this.attempt(() => this.prepareAll(all))
      this.adoptMarks(all)
      await this.walk(items, [])
      await this.runHandlers()
      failed = false
    } finally {
      await this.sendLeftovers()
      this.warnOfLostHandlers()
      emit({ type: 'host:play:end', host: this.name, play: play.name, failed })
    }
  }

  async close(): Promise<void> {
    await this.connection?.close()
  }

  /** The user's code during the run (facts-dependent roles, branches): its error fails the host. */
  private attempt<T>(body: () => T): T {
    try {
      return body()
    } catch (error) {
      const known = asProvisionError(error)
      this.counts.failed++
      this.options.emit({
        type: 'task:end',
        host: this.name,
        play: this.play.name,
        task: {
          id: ++this.taskId,
          title: 'expanding the play',
          role: undefined,
          resource: 'play',
          where: known.where,
          handler: false,
        },
        status: 'failed',
        changes: [],
        reason: undefined,
        error: known,
        elapsedMs: 0,
      })
      throw this.fail()
    }
  }

  private fail(): HostStopped {
    this.stopped = new HostStopped('failed')
    return this.stopped
  }

  private prepareAll(items: readonly Item[]): void {
    for (const item of leaves(items)) {
      this.prepare(item)
      for (const handler of listOf(item.task.options.notify))
        for (const part of handlerItems(handler, item.role)) this.prepare(part)
    }
  }

  private prepare(item: TaskItem): Prepared {
    let prepared = this.prepared.get(item)
    if (!prepared) {
      prepared = {
        item,
        resource: item.task.resource,
        wish: wishOf(item.task, this.context, this.options.secrets),
        user: this.userOf(item),
      }
      this.prepared.set(item, prepared)
    }
    return prepared
  }

  /** The user of a task; undefined = the agent's own. */
  private userOf(item: TaskItem): string | undefined {
    const wish = item.task.options.become ?? this.play.become
    if (wish === undefined) return undefined
    const user = wish === true ? 'root' : wish === false ? this.loginUser : wish
    return user === this.agentUser ? undefined : user
  }

  // ---------------------------------------------------------------- walking

  private async walk(items: readonly Item[], following: readonly Item[]): Promise<void> {
    for (const [index, item] of items.entries()) {
      this.checkStop()
      const rest = [...items.slice(index + 1), ...following]
      switch (item.kind) {
        case 'task':
          await this.runTask(item, rest)
          break
        case 'flush':
          await this.runHandlers()
          break
        case 'block':
          await this.runBlock(item, rest)
          break
        case 'after': {
          const decision = this.decide(item.conditions)
          if (decision.kind !== 'run') break
          const known = this.known.get(item.after.task)
          if (!known || known.uncertain || known.outcome.skipped) break
          const inside = this.attempt(() => {
            const tasks = guarded(`after(${titleOf(item.after.task)}) on ${this.name}`, item.after.where, () =>
              item.after.branch(known.outcome as never),
            ) // the engine's own outcome of that task
            const around = {
              role: item.role,
              tags: [...item.tags],
              conditions: item.conditions,
              where: item.after.where,
            }
            const made = selectByTags(makeItems(tasks, around), this.options.tags, this.options.skipTags)
            this.prepareAll(made)
            this.adoptMarks(made)
            return made
          })
          this.play.total += [...leaves(inside)].length
          await this.walk(inside, rest)
          break
        }
      }
    }
  }

  private async runBlock(item: Extract<Item, { kind: 'block' }>, rest: readonly Item[]): Promise<void> {
    try {
      try {
        await this.walk(item.body, [...item.always, ...rest])
      } catch (error) {
        if (!(error instanceof HostStopped) || error.kind !== 'failed' || item.rescue.length === 0) throw error
        this.answers.clear()
        this.stopped = undefined
        await this.walk(item.rescue, [...item.always, ...rest])
        this.counts.failed--
        this.counts.ignored++
      }
    } catch (error) {
      if (error instanceof HostStopped && error.kind === 'failed') {
        const before = this.stopped
        await this.walk(item.always, [])
        this.stopped = before
      }
      throw error
    }
    await this.walk(item.always, rest)
  }

  private checkStop(): void {
    if (this.options.giveUp.aborted || this.options.stop.aborted) {
      this.stopped = new HostStopped('interrupted')
      throw this.stopped
    }
  }

  private decide(
    conditions: readonly (boolean | Condition)[],
  ): { kind: 'run' } | { kind: 'skip'; reason: string } | { kind: 'unknown'; reason: string } {
    for (const condition of conditions) {
      if (condition === true) continue
      if (condition === false) return { kind: 'skip', reason: 'when is false' }
      const needs = condition.needs.map((task) => this.known.get(task))
      const missing = condition.needs.find((_, index) => !needs[index])
      if (missing && !needs.some(Boolean)) return { kind: 'skip', reason: `${titleOf(missing)} did not run` }
      if (needs.some((known) => known?.uncertain))
        return { kind: 'unknown', reason: 'depends on the result of a change that check mode does not make' }
      const outcomes = needs.map((known) => known?.outcome ?? { changed: false, failed: false, skipped: true })
      if (!condition.test(outcomes)) return { kind: 'skip', reason: condition.text }
    }
    return { kind: 'run' }
  }

  private conditionsOf(item: TaskItem): readonly (boolean | Condition)[] {
    const own = item.task.options.when
    return own === undefined ? item.conditions : [...item.conditions, own]
  }

  // ---------------------------------------------------------------- one task

  private async runTask(item: TaskItem, rest: readonly Item[]): Promise<void> {
    const { emit, now } = this.options
    const started = now()
    const ref: TaskRef = {
      id: ++this.taskId,
      title: itemTitle(item),
      role: item.role,
      resource: item.task.resource.name,
      where: item.task.where.get(),
      handler: item.handler !== undefined,
    }
    if (!item.handler) this.play.index++
    const end = (
      status: TaskStatus,
      more: { changes?: Plan; reason?: string; error?: ProvisionError | undefined } = {},
    ): void => {
      this.counts[status]++
      emit({
        type: 'task:end',
        host: this.name,
        play: this.play.name,
        task: ref,
        status,
        changes: this.reportChanges(item, more.changes),
        reason: more.reason,
        error: more.error,
        elapsedMs: now() - started,
      })
    }
    const know = (outcome: Partial<Outcome>, uncertain = false): void => {
      this.known.set(item.task, { outcome: { changed: false, failed: false, skipped: false, ...outcome }, uncertain })
    }
    const decision = this.decide(this.conditionsOf(item))
    if (decision.kind !== 'run') {
      know({ skipped: decision.kind === 'skip' }, decision.kind === 'unknown')
      end(decision.kind === 'skip' ? 'skipped' : 'unknown', { reason: decision.reason })
      return
    }
    emit({
      type: 'task:start',
      host: this.name,
      play: this.play.name,
      task: ref,
      index: this.play.index,
      total: this.play.total,
    })
    const retry = item.task.options.retry
    const attempts = retry ? (retry.attempts ?? 3) : 1
    let result: TaskResult = { status: 'failed' }
    for (let attempt = 1; attempt <= attempts; attempt++) {
      result = await this.tryTask(item, ref, rest)
      if (retry?.until && result.status !== 'failed' && result.status !== 'unknown' && !this.options.check) {
        if (!retry.until(this.outcomeOf(result) as never))
          result = {
            ...result,
            status: 'failed',
            error: this.taskError(item, 'converge', 'the condition of retry.until is still false'),
          } // until takes this task's own result
      }
      if (result.status !== 'failed' || attempt === attempts) break
      emit({
        type: 'task:retry',
        host: this.name,
        task: ref,
        attempt,
        of: attempts,
        reason: result.error?.message ?? 'failed',
      })
      await this.pause(retry?.delay ?? 1)
      this.answers.clear()
    }
    const outcome = this.outcomeOf(result)
    if (result.status === 'failed') {
      know({ ...outcome, failed: true })
      if (item.task.options.ignoreErrors) {
        end('ignored', { error: result.error })
        return
      }
      end('failed', { error: result.error, ...(result.plan && { changes: result.plan }) })
      throw this.fail()
    }
    know(outcome, result.uncertain === true)
    if (outcome.changed) for (const handler of listOf(item.task.options.notify)) this.notify(handler, item.role)
    end(result.status, {
      ...(result.plan && { changes: result.plan }),
      ...(result.reason !== undefined && { reason: result.reason }),
    })
  }

  private outcomeOf(result: TaskResult): Outcome {
    return {
      changed: result.status === 'changed',
      failed: result.status === 'failed',
      skipped: false,
      ...result.fields,
    }
  }

  private async pause(seconds: number): Promise<void> {
    const { stop } = this.options
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, seconds * 1000)
      function done(): void {
        clearTimeout(timer)
        stop.removeEventListener('abort', done)
        resolve()
      }
      if (stop.aborted) done()
      else stop.addEventListener('abort', done)
    })
    this.checkStop()
  }

  private taskError(
    item: TaskItem,
    code: ProvisionError['code'],
    message: string,
    more: { detail?: string; hint?: string } = {},
  ): ProvisionError {
    return new ProvisionError({ code, message, where: item.task.where.get(), ...more })
  }

  /** Check mode, and something before was not really done: failures of probes mean "cannot know". */
  private get pretending(): boolean {
    return this.options.check && this.counts.changed + this.counts.unknown > 0
  }

  private async tryTask(item: TaskItem, ref: TaskRef, rest: readonly Item[]): Promise<TaskResult> {
    const { resource, options } = item.task
    if (this.pretending && resource.readOnly && resource.probeInTurn) {
      return { status: 'unknown', reason: 'not looked at: earlier changes are not made in check mode', uncertain: true }
    }
    const prepared = this.prepare(item)
    const answer = await this.stateOf(prepared, rest)
    if ('error' in answer) {
      if (this.pretending) return { status: 'unknown', reason: answer.error.message, uncertain: true }
      return { status: 'failed', error: answer.error }
    }
    const plan = this.planOf(prepared, answer.state)
    if ('failure' in plan) return { status: 'failed', error: plan.failure }
    if ('unchanged' in plan) return this.judge(item, { status: 'ok', reason: plan.unchanged, fields: plan.result })
    if ('unknown' in plan) {
      if (this.options.check) return { status: 'unknown', reason: plan.unknown, uncertain: true }
      return { status: 'failed', error: this.taskError(item, 'apply', plan.unknown) }
    }
    if ('refused' in plan) {
      if (this.pretending) return { status: 'unknown', reason: plan.refused, uncertain: true }
      return {
        status: 'failed',
        error: this.taskError(item, resource.readOnly ? 'assertion' : 'apply', plan.refused, plan),
      }
    }
    const checking = options.check ?? this.options.check
    if (checking) {
      const counts = options.changedWhen === false ? 'ok' : 'changed'
      return {
        status: counts,
        plan,
        fields: plan.result,
        uncertain: plan.result === undefined && counts === 'changed' && resource.result !== undefined,
      }
    }
    return this.judge(item, await this.apply(prepared, plan, ref, rest))
  }

  private planOf(prepared: Prepared, state: unknown): Plan | { failure: ProvisionError } {
    try {
      return prepared.resource.plan(state, prepared.wish, { facts: this.context.host.facts, check: this.options.check })
    } catch (error) {
      const known = asProvisionError(error)
      return {
        failure: known.where
          ? known
          : this.taskError(prepared.item, known.code, known.message, {
              ...(known.detail && { detail: known.detail }),
              ...(known.hint && { hint: known.hint }),
            }),
      }
    }
  }

  /** `failedWhen` and `changedWhen` have the last word. */
  private judge(item: TaskItem, result: TaskResult): TaskResult {
    if (result.status === 'failed' && !result.fields) return result
    const { changedWhen, failedWhen } = item.task.options
    const outcome = this.outcomeOf(result) as never // both take this task's own result
    if (failedWhen?.(outcome))
      return { ...result, status: 'failed', error: this.taskError(item, 'apply', 'failedWhen says so of its result') }
    if (result.status === 'failed' || changedWhen === undefined) return result
    const changed = typeof changedWhen === 'function' ? changedWhen(outcome) : changedWhen
    return { ...result, status: changed ? 'changed' : 'ok' }
  }

  /** Applies the changes and, in the same request, looks again: at this task and at what lies ahead. */
  private async apply(
    prepared: Prepared,
    plan: Extract<Plan, { changes: unknown }>,
    ref: TaskRef,
    rest: readonly Item[],
  ): Promise<TaskResult> {
    const { item, resource } = prepared
    const { options } = item.task
    const secrets = this.options.secrets
    const env =
      options.env &&
      Object.fromEntries(
        Object.entries(options.env).map(([key, value]) => [key, isSecret(value) ? secrets.reveal(value) : value]),
      )
    const marks = listOf(options.notify).map((handler) => ({
      key: markKey(item.role, handler.name),
      name: handler.name,
    }))
    const changes: Step[] = plan.changes.flatMap((change) =>
      change.steps.map((step) => ({
        ...step,
        user: step.user ?? prepared.user,
        env,
        timeout: options.timeout ?? defaultTimeout,
      })),
    )
    const converges =
      typeof resource.converges === 'function' ? resource.converges(prepared.wish) : (resource.converges ?? 'state')
    const harmless = options.changedWhen === false
    if (!harmless) {
      this.answers.clear()
      this.windowSize = windowAfterChange
    }
    const ahead = harmless ? [] : this.ahead(rest, this.windowSize)
    const question = askAll(
      [...(converges === 'state' ? [prepared] : []), ...ahead],
      new Set(converges === 'state' ? [prepared] : []),
    )
    const before: Step[] = [...this.takeLeftovers(), ...(marks.length > 0 ? [setMarks(marks)] : [])]
    // The probes of this request see the state after the apply; if that failed they are not wanted.
    const probes = question.steps.map((step) => ({ ...step, always: false }))
    const steps = [...before, ...changes, ...(plan.confirm ? [] : probes)]
    for (const mark of marks) this.marks.set(mark.key, mark)
    const results = await this.request(steps, item, ref, before.length, changes.length)
    const applied = results.slice(before.length, before.length + changes.length)
    const outputs: StepOutput[] = applied.map(({ code, stdout, stderr }) => ({ code, stdout, stderr }))
    const bad = applied.findIndex((result) => result.code !== 0)
    const marking = results[before.length - 1]
    if (marks.length > 0 && marking && marking.code !== 0) {
      return {
        status: 'failed',
        error: this.taskError(item, 'apply', 'the mark of the notified handler could not be written', {
          detail: commandDetail(this.name, undefined, 'write the mark', marking),
        }),
      }
    }
    const fields = bad < 0 || resource.result ? resource.result?.(outputs, prepared.wish) : undefined
    const failedResult = applied[bad]
    if (failedResult) {
      this.answers.clear()
      return { status: 'failed', plan, fields, error: this.applyError(item, failedResult, changes[bad]) }
    }
    let answers: Map<TaskItem, Answer>
    if (plan.confirm) {
      const refusal = await this.confirm(item, plan.confirm)
      if (refusal) return { status: 'failed', plan, error: refusal }
      answers = readAll(question, await this.send(question.steps), this.name)
    } else {
      answers = readAll(question, results.slice(before.length + changes.length), this.name)
    }
    const own = answers.get(item)
    answers.delete(item)
    this.answers = harmless ? this.answers : answers
    if (converges === 'none') return { status: 'changed', plan, fields: fields ?? plan.result }
    return this.converged(prepared, own, plan, fields)
  }

  private converged(prepared: Prepared, own: Answer | undefined, plan: Plan, fields: object | undefined): TaskResult {
    const { item } = prepared
    if (!own)
      return {
        status: 'failed',
        plan,
        error: this.taskError(item, 'converge', 'the state after the change could not be read'),
      }
    if ('error' in own) return { status: 'failed', plan, error: own.error }
    const again = this.planOf(prepared, own.state)
    if ('failure' in again) return { status: 'failed', plan, error: again.failure }
    if ('unchanged' in again)
      return {
        status: 'changed',
        plan,
        fields: fields ?? ('changes' in plan ? plan.result : undefined) ?? again.result,
      }
    const remaining =
      'changes' in again
        ? again.changes.map((change) => change.summary).join('\n')
        : 'unknown' in again
          ? again.unknown
          : again.refused
    return {
      status: 'failed',
      plan,
      error: this.taskError(item, 'converge', 'did not converge: the change was made, and the host still differs', {
        detail: remaining,
      }),
    }
  }

  private applyError(item: TaskItem, result: StepResult, step: Step | undefined): ProvisionError {
    if (result.timedOut) {
      return this.taskError(item, 'timeout', `took longer than ${step?.timeout} seconds and was stopped`, {
        detail: commandDetail(this.name, step?.user ?? this.agentUser, itemTitle(item), result),
        hint: 'Give the task more time: timeout: <seconds>.',
      })
    }
    // A resource's script says in one line what went wrong: "error: …" on stderr.
    const said = /^error: (.+)$/m.exec(result.stderr)?.[1]
    return this.taskError(item, 'apply', said ?? `failed with exit code ${result.code}`, {
      detail: commandDetail(this.name, step?.user ?? this.agentUser, itemTitle(item), result),
    })
  }

  /** A change that could cut us off stands only if a new connection succeeds. */
  private async confirm(
    item: TaskItem,
    confirm: NonNullable<Extract<Plan, { changes: unknown }>['confirm']>,
  ): Promise<ProvisionError | undefined> {
    const connection = this.connection
    if (!connection) return undefined
    try {
      await connection.probeFresh()
    } catch (error) {
      const why = asProvisionError(error)
      await this.send([{ ...confirm.revert, always: true }]).catch(() => [])
      return this.taskError(item, 'apply', `${confirm.what} would have locked us out, so the previous state is back`, {
        detail: `A new connection failed: ${why.message}${why.detail ? `\n${why.detail}` : ''}`,
      })
    }
    const [result] = await this.send([confirm.disarm])
    if (result && result.code !== 0) {
      return this.taskError(item, 'apply', `${confirm.what} work, but their automatic revert could not be called off`, {
        detail: commandDetail(this.name, this.agentUser, 'disarm', result),
      })
    }
    return undefined
  }

  // ---------------------------------------------------------------- looking ahead

  private async stateOf(prepared: Prepared, rest: readonly Item[]): Promise<Answer> {
    const { item } = prepared
    const have = this.answers.get(item)
    if (have) {
      this.answers.delete(item)
      return have
    }
    const ahead = prepared.resource.probeInTurn ? [] : this.ahead(rest, this.windowSize)
    this.windowSize *= 2
    const guardedTasks = new Set(ahead.filter((task) => this.isGuarded(task.item)))
    const question = askAll([prepared, ...ahead], guardedTasks)
    const answers = readAll(question, await this.send(question.steps), this.name)
    for (const [key, value] of answers) this.answers.set(key, value)
    let own = this.answers.get(item)
    if (!own) {
      // The group failed as a whole: ask for this one alone, for an error that names it.
      const single = askAll([prepared])
      own = readAll(single, await this.send(single.steps), this.name).get(item)
    }
    this.answers.delete(item)
    return own ?? { error: this.taskError(item, 'probe', 'the probe gave no answer') }
  }

  /** The next tasks that may be probed now: up to a branch on a result, without those that must wait for their turn. */
  private ahead(rest: readonly Item[], size: number): Prepared[] {
    const list: Prepared[] = []
    const visit = (items: readonly Item[]): boolean => {
      for (const item of items) {
        if (list.length >= size) return false
        if (item.kind === 'after' || item.kind === 'flush') return false
        if (item.kind === 'block') {
          if (!visit(item.body) || !visit(item.always)) return false
        } else if (!item.task.resource.probeInTurn && !this.answers.has(item) && !this.isSkipped(item)) {
          const prepared = this.prepared.get(item)
          if (prepared) list.push(prepared)
        }
      }
      return true
    }
    visit(rest)
    return list
  }

  private isSkipped(item: TaskItem): boolean {
    return (
      this.conditionsOf(item).some((condition) => condition === false) ||
      (this.allKnown(item) && this.decide(this.conditionsOf(item)).kind !== 'run')
    )
  }

  private allKnown(item: TaskItem): boolean {
    return this.conditionsOf(item).every(
      (condition) => typeof condition === 'boolean' || condition.needs.every((task) => this.known.has(task)),
    )
  }

  /** Its condition is not decided yet: its probe may fail for good reasons. */
  private isGuarded(item: TaskItem): boolean {
    return !this.allKnown(item)
  }

  // ---------------------------------------------------------------- handlers

  private notify(handler: Handler, role: string | undefined): void {
    const key = markKey(role, handler.name)
    this.notified.set(key, { handler, role })
  }

  /** Marks that an earlier run left, and whose handlers this play has, count as notified. */
  private adoptMarks(items: readonly Item[]): void {
    if (this.marks.size === 0) return
    for (const item of leaves(items)) {
      for (const handler of listOf(item.task.options.notify)) {
        if (this.marks.has(markKey(item.role, handler.name))) this.notify(handler, item.role)
      }
    }
  }

  private async runHandlers(): Promise<void> {
    for (const [key, { handler, role }] of [...this.notified]) {
      this.checkStop()
      const items = handlerItems(handler, role)
      for (const [index, item] of items.entries()) await this.runTask(item, items.slice(index + 1))
      this.notified.delete(key)
      if (this.options.check) continue
      this.marks.delete(key)
      this.leftovers.push(clearMarks([key]))
    }
  }

  private warnOfLostHandlers(): void {
    if (this.options.check || this.notified.size === 0) return
    const names = [...this.notified.values()].map(({ handler }) => handler.name)
    this.options.emit({
      type: 'warning',
      host: this.name,
      message: `handlers still to run: ${names.join(', ')}`,
      hint: 'They are marked on the host; the next run executes them.',
    })
  }

  // ---------------------------------------------------------------- requests

  private takeLeftovers(): Step[] {
    const steps = this.leftovers
    this.leftovers = []
    return steps
  }

  private async sendLeftovers(): Promise<void> {
    if (this.leftovers.length === 0 || !this.connection || this.unreachable) return
    const steps = this.takeLeftovers()
    await this.connection.run(steps).catch((error: unknown) => {
      this.options.emit({
        type: 'warning',
        host: this.name,
        message: `finished handlers could not be unmarked: ${asProvisionError(error).message}`,
        hint: 'They run once more at the next run.',
      })
    })
  }

  /** A request of probes; leftovers ride along. */
  private async send(steps: readonly Step[]): Promise<readonly StepResult[]> {
    const before = this.takeLeftovers()
    const results = await this.raw([...before, ...steps])
    return results.slice(before.length)
  }

  private async request(
    steps: readonly Step[],
    item: TaskItem,
    ref: TaskRef,
    from: number,
    count: number,
  ): Promise<readonly StepResult[]> {
    const { emit, secrets } = this.options
    const buffers = { stdout: new LineBuffer(), stderr: new LineBuffer() }
    const say = (stream: 'stdout' | 'stderr', lines: readonly string[]) => {
      for (const text of lines)
        emit({ type: 'task:output', host: this.name, task: ref, stream, text: secrets.redact(text) })
    }
    const results = await this.raw(steps, (step, stream, text) => {
      if (item.task.options.noLog || step < from || step >= from + count) return
      say(stream, buffers[stream].push(text))
    })
    say('stdout', buffers.stdout.end())
    say('stderr', buffers.stderr.end())
    return results
  }

  private async raw(
    steps: readonly Step[],
    onOutput?: (step: number, stream: 'stdout' | 'stderr', text: string) => void,
  ): Promise<readonly StepResult[]> {
    const connection = this.connection
    if (!connection) throw new ProvisionError({ code: 'internal', message: `${this.name} is not connected` })
    try {
      return await connection.run(steps, { signal: this.options.giveUp, onOutput })
    } catch (error) {
      return this.lose(error)
    }
  }

  private reportChanges(
    item: TaskItem,
    plan: Plan | undefined,
  ): { summary: string; diff?: { label: string; before: string; after: string } | undefined }[] {
    if (!plan || !('changes' in plan)) return []
    if (item.task.options.noLog) return plan.changes.map(() => ({ summary: 'changed (not shown: noLog)' }))
    return plan.changes.map(({ summary, diff }) => ({ summary, ...(diff && { diff }) }))
  }
}

interface TaskResult {
  readonly status: 'ok' | 'changed' | 'failed' | 'unknown'
  readonly plan?: Extract<Plan, { changes: unknown }> | Plan | undefined
  readonly reason?: string
  readonly error?: ProvisionError
  readonly fields?: object | undefined
  readonly uncertain?: boolean
}
