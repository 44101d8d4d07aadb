// A run: plays in order, each a barrier; hosts side by side within a play, each on its own. Everything that can be
// checked without a host is checked before the first connection.
import { isProvisionError, ProvisionError } from '../core/error.ts'
import type { Emit, HostRecap } from '../core/events.ts'
import type { Inventory, InventoryHost } from '../core/host.ts'
import { hostsOfPlay, type Play, type Playbook, serialSizes } from '../core/play.ts'
import { isRoleUse, type RoleDefinition } from '../core/role.ts'
import type { Secrets } from '../core/secret.ts'
import type { Outcome, Task } from '../core/task.ts'
import type { Connect } from '../transport/connection.ts'
import { countsFailures, firstThatConnects, makeBatches, tooManyFailed } from './batches.ts'
import type { RollbackPart, Site } from './host-context.ts'
import { HostRun } from './host-run.ts'
import type { HostRunOptions, PlanHooks } from './host-state.ts'
import { listOf } from './items.ts'
import { OtherHosts } from './other-hosts.ts'
import { makeGate, PlayOrder } from './play-order.ts'
import { hideSecrets, redactError } from './redact.ts'
import { makeStartAt, type PreparedStages, playsOfHosts, prepareStages, type Stage } from './stages.ts'
import { type AskStep, Steps } from './steps.ts'
import { HostStopped, sharedSignal } from './stopped.ts'
import { Turnstile } from './turnstile.ts'

/** Connections that stay open from play to play; with more hosts than these, each play connects anew. */
const mostConnections = 200

/** What to run, on what, how. */
export interface RunRequest extends PlanHooks {
  readonly playbook: Playbook
  readonly inventory: Inventory
  readonly secrets: Secrets
  readonly connect: Connect
  readonly emit: Emit
  /** A host pattern that narrows every play. */
  readonly limit?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly skipTags?: readonly string[] | undefined
  /** Begin at the first task of this name, which may hold `*` and `?`. @default the first task */
  readonly startAt?: string | undefined
  /** Change nothing, report what would change. @default false */
  readonly check?: boolean | undefined
  /** Hosts at a time. @default 20 */
  readonly forks?: number | undefined
  /** Values by role name, on top of everything. */
  readonly extraVars?: Readonly<Record<string, unknown>> | undefined
  /** Only the roles' verify checks. @default false */
  readonly verify?: boolean | undefined
  /** Only one role's way back to an earlier release. */
  readonly rollback?: RollbackPart | undefined
  /** Told the result of each task that ran. */
  readonly onOutcome?: ((host: string, task: Task, outcome: Outcome) => void) | undefined
  /** One play of the playbook, for a run that is spread over several controllers. @default all plays */
  readonly part?: PlayPart | undefined
  /** Finish the running step of each host, then stop. */
  readonly stop?: AbortSignal | undefined
  /** Kill what runs. */
  readonly giveUp?: AbortSignal | undefined
  /** Asked before each task; what it answers goes for all hosts that come to the task. @default nobody is asked */
  readonly ask?: AskStep | undefined
  /** Told each local file or folder that tasks read or look for. */
  readonly onRead?: ((path: string) => void) | undefined
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
}

/** A play that is run by itself; roles still see the whole playbook. */
export interface PlayPart {
  /** Its index in the playbook. */
  readonly play: number
  /** No later play follows on these hosts: marks that no play answered are told now. */
  readonly last: boolean
}

export interface RunResult {
  readonly hosts: Readonly<Record<string, HostRecap>>
  readonly outcome: 'ok' | 'failed' | 'unreachable' | 'interrupted'
  /** Check mode: something would change, or may. */
  readonly pending: boolean
}

/**
 * Runs a playbook. Throws a ProvisionError for input that is wrong, before any host is touched;
 * everything later is an event and shows in the result.
 */
export async function run(request: RunRequest): Promise<RunResult> {
  try {
    const others = new OtherHosts()
    return await new Run(request, await prepareStages(request, others), others).start()
  } catch (error) {
    throw isProvisionError(error) ? redactError(error, request.secrets.redact) : error
  }
}

class Run {
  private readonly request: RunRequest
  private readonly forks: number
  private readonly turnstile: Turnstile
  private readonly order: PlayOrder
  private readonly site: Site
  private readonly stages: readonly Stage[]
  private readonly runs: ReadonlyMap<string, HostRun>
  private readonly options: HostRunOptions
  private readonly others: OtherHosts
  /** Stops all hosts after their current task. */
  private readonly cancel = new AbortController()
  /** Something was left out because of a stop. */
  private cutShort = false

  constructor(request: RunRequest, { site, stages, contexts, expanded }: PreparedStages, others: OtherHosts) {
    this.request = request
    this.forks = request.forks ?? 20
    if (!Number.isInteger(this.forks) || this.forks < 1)
      throw new ProvisionError({ code: 'input', message: `forks is ${this.forks}, expected a number of hosts above 0` })
    this.turnstile = new Turnstile(this.forks)
    this.site = site
    this.others = others
    const startAt = makeStartAt(stages, expanded, request)
    this.stages = stages.slice(startAt?.playsBefore)
    this.order = new PlayOrder(this.stages.map(({ hosts }) => hosts.map((host) => host.name)))
    this.options = {
      secrets: request.secrets,
      connect: request.connect,
      emit: hideSecrets(request.emit, request.secrets),
      check: request.check ?? false,
      verify: request.verify ?? false,
      tags: request.tags ?? [],
      skipTags: request.skipTags ?? [],
      startAt,
      journal: { touched: false },
      packagesFirst: request.playbook.packagesFirst,
      stop: sharedSignal(this.cancel.signal, request.stop),
      giveUp: sharedSignal(request.giveUp),
      onEvidence: request.onEvidence,
      permits: request.permits,
      steps: request.ask && new Steps(request.ask, request.secrets),
      onOutcome: request.onOutcome,
      byWorker: request.part !== undefined,
      reach: (name) => this.others.reach(name),
      now: request.now ?? (() => performance.now()),
    }
    const plays = playsOfHosts(this.stages, contexts, this.site, expanded)
    this.runs = new Map([...plays].map(([name, { context, list }]) => [name, new HostRun(context, list, this.options)]))
    this.others.begin({ site, options: this.options, runs: this.runs }, expanded)
  }

  async start(): Promise<RunResult> {
    const { emit, now, check } = this.options
    const started = now()
    const plays = this.stages.map(({ play }) => play.name)
    emit({ type: 'run:start', check, hosts: [...this.runs.keys()], plays })
    this.warnOfIdlePlays()
    try {
      // Connections cost more than anything else in a rerun: open them all at once, unless there are too many.
      const all = [...this.runs.values()]
      const early = this.areMany ? [] : all.map((hostRun) => hostRun.connect().catch(() => undefined))
      await this.runStages()
      await Promise.all(early)
    } finally {
      await Promise.all([...this.runs.values()].map((hostRun) => hostRun.close().catch(() => undefined)))
      await this.others.close()
    }
    const recaps = Object.fromEntries([...this.runs].map(([name, hostRun]) => [name, hostRun.recap]))
    emit({ type: 'recap', hosts: recaps, elapsedMs: Math.round(now() - started), check })
    const result = this.resultOf(recaps)
    if (result.outcome === 'ok') this.options.startAt?.finish()
    return result
  }

  /**
   * Each play begins when those that it comes after are over: those that `after` names on all hosts, else on all that answer.
   * A host that does not answer is not waited for then; it catches up, or is given up, by itself.
   */
  private async runStages(): Promise<void> {
    const stages = this.stages.map(() => ({ over: makeGate(), overWhereAnswered: makeGate() }))
    const ends = this.stages.map(async (stage, index) => {
      const { after } = stage.play
      const named = (at: number) => listOf(after).includes((this.stages[at] as Stage).play) // at is an index of stages
      const before = stages
        .slice(0, index)
        .flatMap(({ over, overWhereAnswered }, at) =>
          after === undefined ? overWhereAnswered.passed : named(at) ? over.passed : [],
        )
      const own = stages[index]
      try {
        await Promise.all(before)
        await this.runHosts(stage, index, () => own?.overWhereAnswered.open())
      } finally {
        for (const { name } of stage.hosts) this.order.pass(name, index)
        own?.overWhereAnswered.open()
        own?.over.open()
      }
    })
    const failed = (await Promise.allSettled(ends)).find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** `tell` is called when only hosts that do not answer are left. */
  private async runHosts({ play, hosts }: Stage, index: number, tell: () => void): Promise<void> {
    const { emit } = this.options
    const alive = hosts.map((host) => this.runOf(host)).filter((hostRun) => !hostRun.stopped)
    if (alive.length === 0) return
    if (this.isOver) {
      this.cutShort = true
      return
    }
    const chosen = play.runOnce ? await firstThatConnects(alive) : alive
    if (chosen.length === 0) return
    emit({ type: 'play:start', play: play.name, hosts: chosen.map((hostRun) => hostRun.name) })
    const batches = makeBatches(chosen, serialSizes(play.serial))
    for (const [number, batch] of batches.entries()) {
      if (this.isOver) {
        this.cutShort = true
        break
      }
      const walks = batch.map((hostRun) => this.runOnHost(play, hostRun, index))
      if (!countsFailures(play)) {
        const answered = batch.map((hostRun, at) => Promise.race([walks[at], hostRun.silence]))
        void Promise.all(answered).then(tell, tell)
      }
      await Promise.all(walks)
      const failed = batch.filter((hostRun) => hostRun.stopped && hostRun.stopped.kind !== 'interrupted')
      if (tooManyFailed(play, batch.length, failed.length)) {
        this.cancel.abort()
        this.warnOfSpared(play, failed, batches.slice(number + 1).flat())
      }
    }
    emit({ type: 'play:end', play: play.name })
  }

  private async runOnHost(play: Play, hostRun: HostRun, index: number): Promise<void> {
    await this.order.turn(hostRun.name, index)
    if (hostRun.stopped) return
    const pass = await this.turnstile.enter()
    try {
      if (this.isOver) {
        this.cutShort = true
        return
      }
      await hostRun.connect(this.areMany ? () => pass.admit() : undefined)
      await pass.admit()
      await hostRun.runPlay(play)
      const isDone = hostRun.isDone && !this.isOver
      if (isDone && !this.site.verify && !this.site.rollback) await hostRun.finish(this.isWhole)
      const isSpare = isDone || this.runs.size > Math.max(this.forks, mostConnections)
      if (isSpare && !this.others.expects(hostRun.name)) await hostRun.close()
    } catch (error) {
      if (!(error instanceof HostStopped)) throw error
      if (error.kind === 'interrupted') this.cutShort = true
      else if (play.anyErrorsFatal) this.cancel.abort()
    } finally {
      pass.leave()
      this.order.pass(hostRun.name, index)
    }
  }

  /** A roll that stops says on which hosts it did not begin. */
  private warnOfSpared(play: Play, failed: readonly HostRun[], spared: readonly HostRun[]): void {
    if (spared.length === 0) return
    const names = (hostRuns: readonly HostRun[]) => hostRuns.map((hostRun) => hostRun.name).join(', ')
    this.options.emit({
      type: 'warning',
      host: undefined,
      message: `play ${play.name} stops, because ${names(failed)} failed; nothing was changed by it on ${names(spared)}`,
    })
  }

  private runOf(host: InventoryHost): HostRun {
    const found = this.runs.get(host.name)
    if (!found) throw new Error(`no run for host ${host.name}`)
    return found
  }

  /** More hosts than may work at a time: they are called one after the other. */
  private get areMany(): boolean {
    return this.runs.size > this.forks
  }

  /** No other run follows on these hosts, and none of the playbook's plays was left out before. */
  private get isWhole(): boolean {
    return (this.request.part?.last ?? true) && this.options.startAt === undefined
  }

  private get isOver(): boolean {
    return this.options.stop.aborted || this.options.giveUp.aborted
  }

  private warnOfIdlePlays(): void {
    const { playbook, inventory } = this.request
    const warn = (message: string) => this.options.emit({ type: 'warning', host: undefined, message })
    if (playbook.plays.length === 0) warn('the playbook has no plays')
    for (const play of playbook.plays) {
      if (hostsOfPlay(play, inventory).length === 0)
        warn(`play ${play.name}: its pattern '${play.hosts}' selects no host of the inventory`)
    }
  }

  private resultOf(recaps: Readonly<Record<string, HostRecap>>): RunResult {
    const { stop, giveUp } = this.request
    const all = Object.values(recaps)
    const interrupted = this.cutShort && (stop?.aborted || giveUp?.aborted)
    const failed = all.some((host) => host.failed > 0) ? 'failed' : undefined
    const unreachable = all.some((host) => host.unreachable) ? 'unreachable' : undefined
    return {
      hosts: recaps,
      outcome: interrupted ? 'interrupted' : (failed ?? unreachable ?? 'ok'),
      pending: this.options.check && all.some((host) => host.changed + host.unknown > 0),
    }
  }
}

/** What `--list-tasks` and `--list-tags` ask. */
export type ListRequest = Pick<
  RunRequest,
  'playbook' | 'inventory' | 'secrets' | 'limit' | 'tags' | 'skipTags' | 'extraVars' | 'part'
>

/** All roles that a playbook names, each once. Roles chosen by a function of the host are found through the hosts. */
export function rolesOf(playbook: Playbook): RoleDefinition[] {
  const roles = playbook.plays.flatMap((play) =>
    Array.isArray(play.roles) ? play.roles.filter(isRoleUse).map((use) => use.role) : [],
  )
  return [...new Set(roles)]
}
