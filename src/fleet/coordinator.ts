// A run that is spread over workers: play after play, each a barrier, with the same batches, the same events and the same
// outcome as a run of one controller. It touches no host.
import { isProvisionError, ProvisionError } from '../core/error.ts'
import type { Emit, HostRecap } from '../core/events.ts'
import type { InventoryHost } from '../core/host.ts'
import { hostsOfPlay, type Play, serialSizes } from '../core/play.ts'
import { makeBatches, tooManyFailed } from '../engine/batches.ts'
import { hideSecrets, redactError } from '../engine/redact.ts'
import type { RunRequest, RunResult } from '../engine/run.ts'
import { expandOffline, makeContexts, makeSite, makeStages, type Stage } from '../engine/stages.ts'
import { checkPlays } from './check-plays.ts'
import { HostMerge } from './host-merge.ts'
import type { Part, PartResult, Selection } from './messages.ts'
import type { Parts } from './run-queue.ts'

/** A run by workers: what a run needs, but for reaching hosts. */
export type FleetRequest = Omit<RunRequest, 'connect' | 'forks' | 'part'>

/**
 * Checks everything as a run does, opens the queue, and drives the workers through the plays.
 * @param open called once all is checked
 * @throws ProvisionError for input that is wrong, before any host is touched
 */
export async function runFleet(request: FleetRequest, open: () => Promise<Parts>): Promise<RunResult> {
  try {
    const site = makeSite(request)
    const stages = makeStages(request)
    checkPlays(stages, expandOffline(stages, makeContexts(stages, site), site, request))
    return await new FleetRun(request, stages, await open()).start()
  } catch (error) {
    throw isProvisionError(error) ? redactError(error, request.secrets.redact) : error
  }
}

/** A host of the run. */
interface Member {
  readonly host: InventoryHost
  readonly merge: HostMerge
  stopped: PartResult['outcome'] | undefined
}

class FleetRun {
  private readonly request: FleetRequest
  private readonly stages: readonly Stage[]
  private readonly parts: Parts
  private readonly emit: Emit
  private readonly members: ReadonlyMap<string, Member>
  private readonly selection: Selection
  private count = 0
  /** A failure that ends the run for all hosts. */
  private over = false
  /** Something was left out because of a stop. */
  private cutShort = false

  constructor(request: FleetRequest, stages: readonly Stage[], parts: Parts) {
    this.request = request
    this.stages = stages
    this.parts = parts
    this.emit = hideSecrets(request.emit, request.secrets)
    const hosts = new Map(stages.flatMap((stage) => stage.hosts.map((host) => [host.name, host])))
    this.members = new Map(
      [...hosts].map(([name, host]) => [name, { host, merge: new HostMerge(name, this.emit), stopped: undefined }]),
    )
    const { tags = [], skipTags = [], check = false, verify = false } = request
    this.selection = { tags, skipTags, check, verify }
  }

  async start(): Promise<RunResult> {
    const now = this.request.now ?? (() => performance.now())
    const started = now()
    const { check } = this.selection
    const plays = this.stages.map(({ play }) => play.name)
    this.emit({ type: 'run:start', check, hosts: [...this.members.keys()], plays })
    this.warnOfIdlePlays()
    const { stop, giveUp } = this.request
    const halts: Promise<void>[] = []
    const onStop = (): void => void halts.push(this.parts.halt(giveUp?.aborted ?? false))
    for (const signal of [stop, giveUp]) signal?.addEventListener('abort', onStop)
    try {
      for (const [index] of this.stages.entries()) await this.runStage(index)
    } finally {
      for (const signal of [stop, giveUp]) signal?.removeEventListener('abort', onStop)
      await Promise.all(halts)
    }
    const hosts = Object.fromEntries([...this.members].map(([name, { merge }]) => [name, merge.recap]))
    this.emit({ type: 'recap', hosts, elapsedMs: Math.round(now() - started), check })
    return this.resultOf(hosts)
  }

  private async runStage(index: number): Promise<void> {
    const { play, hosts } = this.stages[index] as Stage // an index of the list
    const alive = hosts.map((host) => this.member(host)).filter((member) => !member.stopped)
    if (alive.length === 0) return
    if (this.isOver) {
      this.cutShort = true
      return
    }
    const shown = play.runOnce ? alive.slice(0, 1) : alive
    this.emit({ type: 'play:start', play: play.name, hosts: shown.map(({ host }) => host.name) })
    if (play.runOnce) await this.runOnFirst(index, alive)
    else await this.runInBatches(index, play, alive)
    this.emit({ type: 'play:end', play: play.name })
  }

  private async runInBatches(index: number, play: Play, alive: readonly Member[]): Promise<void> {
    for (const batch of makeBatches(alive, serialSizes(play.serial))) {
      if (this.isOver) {
        this.cutShort = true
        break
      }
      await Promise.all(batch.map((member) => this.runPart(index, member)))
      const failed = batch.filter(({ stopped }) => stopped && stopped !== 'interrupted')
      if (tooManyFailed(play, batch.length, failed.length)) this.over = true
    }
  }

  /** `runOnce`: hosts that cannot be reached are passed over. */
  private async runOnFirst(index: number, alive: readonly Member[]): Promise<void> {
    for (const member of alive) {
      if (this.isOver) {
        this.cutShort = true
        return
      }
      let reached = false
      await this.runPart(index, member, () => {
        reached = true
      })
      if (reached || member.stopped !== 'unreachable') return
    }
  }

  private async runPart(index: number, member: Member, onReached: () => void = () => undefined): Promise<void> {
    const { host, merge } = member
    const { play } = this.stages[index] as Stage // an index of the list
    const part: Part = {
      run: this.parts.run,
      id: `${this.parts.run}-${this.count++}`,
      host: host.name,
      play: index,
      last: !this.stages.slice(index + 1).some(({ hosts }) => hosts.includes(host)),
      selection: this.selection,
    }
    merge.startPart()
    try {
      const { outcome, recap } = await this.parts.perform(part, (attempt, worker, events) => {
        if (events.some(({ type }) => type === 'host:connected')) onReached()
        merge.receive(attempt, worker, events)
      })
      merge.endPart(recap)
      if (outcome !== 'ok') member.stopped = outcome
      if (outcome === 'interrupted') this.cutShort = true
    } catch (error) {
      if (!isProvisionError(error)) throw error
      merge.losePart(error)
      member.stopped = 'unreachable'
    }
    if (member.stopped && member.stopped !== 'interrupted' && play.anyErrorsFatal && !this.over) {
      this.over = true
      await this.parts.halt(false)
    }
  }

  private member(host: InventoryHost): Member {
    const found = this.members.get(host.name)
    if (!found) throw new ProvisionError({ code: 'internal', message: `no member for host ${host.name}` })
    return found
  }

  private get isOver(): boolean {
    const { stop, giveUp } = this.request
    return this.over || stop?.aborted === true || giveUp?.aborted === true
  }

  private warnOfIdlePlays(): void {
    const { playbook, inventory } = this.request
    const warn = (message: string): void => this.emit({ type: 'warning', host: undefined, message })
    if (playbook.plays.length === 0) warn('the playbook has no plays')
    for (const play of playbook.plays) {
      if (hostsOfPlay(play, inventory).length === 0)
        warn(`play ${play.name}: its pattern '${play.hosts}' selects no host of the inventory`)
    }
  }

  private resultOf(hosts: Readonly<Record<string, HostRecap>>): RunResult {
    const { stop, giveUp } = this.request
    const all = Object.values(hosts)
    const interrupted = this.cutShort && (stop?.aborted || giveUp?.aborted)
    const failed = all.some((host) => host.failed > 0) ? 'failed' : undefined
    const unreachable = all.some((host) => host.unreachable) ? 'unreachable' : undefined
    return {
      hosts,
      outcome: interrupted ? 'interrupted' : (failed ?? unreachable ?? 'ok'),
      pending: this.selection.check && all.some((host) => host.changed + host.unknown > 0),
    }
  }
}
