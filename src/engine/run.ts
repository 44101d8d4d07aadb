// A run: plays in order, each a barrier; hosts side by side within a play, each on its own. Everything that can be
// checked without a host is checked before the first connection.
import type { Emit, HostRecap, TaskRef } from '../core/events.ts'
import type { Inventory, InventoryHost } from '../core/host.ts'
import { type Play, type Playbook, serialSizes } from '../core/play.ts'
import { isRoleUse, type RoleDefinition } from '../core/role.ts'
import type { Secrets } from '../core/secret.ts'
import type { Connect } from '../transport/connection.ts'
import { inParallel, makeBatches } from './batches.ts'
import { expandPlay, FactsNeeded, type HostContext, makeHostContext, type Site } from './host-context.ts'
import { HostRun, HostStopped } from './host-run.ts'
import { type Item, leaves, listOf } from './items.ts'
import { wishOf } from './prepare.ts'
import { redactError } from './redact-error.ts'

/** What to run, on what, how. */
export interface RunRequest {
  readonly playbook: Playbook
  readonly inventory: Inventory
  readonly secrets: Secrets
  readonly connect: Connect
  readonly emit: Emit
  /** A host pattern that narrows every play. */
  readonly limit?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly skipTags?: readonly string[] | undefined
  /** Change nothing, report what would change. @default false */
  readonly check?: boolean | undefined
  /** Hosts at a time. @default 20 */
  readonly forks?: number | undefined
  /** Values by role name, on top of everything. */
  readonly extraVars?: Readonly<Record<string, unknown>> | undefined
  /** Only the roles' verify checks. @default false */
  readonly verify?: boolean | undefined
  /** Finish the running step of each host, then stop. */
  readonly stop?: AbortSignal | undefined
  /** Kill what runs. */
  readonly giveUp?: AbortSignal | undefined
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
}

export interface RunResult {
  readonly hosts: Readonly<Record<string, HostRecap>>
  readonly outcome: 'ok' | 'failed' | 'unreachable' | 'interrupted'
  /** Check mode: something would change, or may. */
  readonly pending: boolean
}

/** A play with its hosts. */
interface Stage {
  readonly play: Play
  readonly hosts: readonly InventoryHost[]
}

/**
 * Runs a playbook. Throws a ProvisionError for input that is wrong, before any host is touched;
 * everything later is an event and shows in the result.
 */
export async function run(request: RunRequest): Promise<RunResult> {
  const now = request.now ?? (() => performance.now())
  const started = now()
  const { emit, check = false, forks = 20 } = request
  const site = makeSite(request)
  const stages = makeStages(request)
  const contexts = makeContexts(stages, site)
  const expanded = expandOffline(stages, contexts, site, request.secrets)
  const cancel = new AbortController()
  const options = {
    secrets: request.secrets,
    connect: request.connect,
    emit: hideSecrets(emit, request.secrets),
    check,
    tags: request.tags ?? [],
    skipTags: request.skipTags ?? [],
    stop: AbortSignal.any([cancel.signal, ...(request.stop ? [request.stop] : [])]),
    giveUp: request.giveUp ?? new AbortController().signal,
    now,
  }
  const runs = new Map([...contexts].map(([name, context]) => [name, new HostRun(context, options)]))
  const runOf = (host: InventoryHost): HostRun => {
    const found = runs.get(host.name)
    if (!found) throw new Error(`no run for host ${host.name}`)
    return found
  }
  options.emit({ type: 'run:start', check, hosts: [...runs.keys()], plays: stages.map(({ play }) => play.name) })
  try {
    // Connections cost more than anything else in a rerun: open them all at once, unless there are too many.
    const early =
      runs.size <= forks ? [...runs.values()].map((hostRun) => hostRun.connect().catch(() => undefined)) : []
    for (const { play, hosts } of stages) {
      if (isOver(options, cancel.signal)) break
      const alive = hosts.filter((host) => !runOf(host).stopped)
      const chosen = play.runOnce ? alive.slice(0, 1) : alive
      if (chosen.length === 0) continue
      options.emit({ type: 'play:start', play: play.name, hosts: chosen.map((host) => host.name) })
      for (const batch of makeBatches(chosen, serialSizes(play.serial))) {
        if (isOver(options, cancel.signal)) break
        await inParallel(batch, forks, async (host) => {
          const hostRun = runOf(host)
          const context = hostRun.context
          try {
            await hostRun.runPlay(
              { name: play.name, become: play.become },
              () => expanded.get(play)?.get(host.name) ?? expandPlay(play, context, site),
            )
          } catch (error) {
            if (!(error instanceof HostStopped)) throw error
            if (play.anyErrorsFatal && error.kind !== 'interrupted') cancel.abort()
          }
        })
        if (tooManyFailed(play, batch.map(runOf))) cancel.abort()
      }
      options.emit({ type: 'play:end', play: play.name })
    }
    await Promise.all(early)
  } finally {
    await Promise.all([...runs.values()].map((hostRun) => hostRun.close().catch(() => undefined)))
  }
  const recaps = Object.fromEntries([...runs].map(([name, hostRun]) => [name, hostRun.recap]))
  options.emit({ type: 'recap', hosts: recaps, elapsedMs: Math.round(now() - started), check })
  const all = Object.values(recaps)
  const interrupted = request.stop?.aborted || request.giveUp?.aborted
  return {
    hosts: recaps,
    outcome: interrupted
      ? 'interrupted'
      : all.some((host) => host.failed > 0)
        ? 'failed'
        : all.some((host) => host.unreachable)
          ? 'unreachable'
          : 'ok',
    pending: check && all.some((host) => host.changed + host.unknown > 0),
  }
}

function isOver(options: { stop: AbortSignal; giveUp: AbortSignal }, cancelled: AbortSignal): boolean {
  return options.stop.aborted || options.giveUp.aborted || cancelled.aborted
}

/** By default a batch of which every host failed ends the run, as a play that cannot work should not go on to the next hosts. */
function tooManyFailed(play: Play, batch: readonly HostRun[]): boolean {
  const failed = batch.filter((hostRun) => hostRun.stopped && hostRun.stopped.kind !== 'interrupted').length
  if (failed === 0) return false
  const percentage = (100 * failed) / batch.length
  return play.maxFailPercentage === undefined
    ? play.serial !== undefined && percentage === 100
    : percentage > play.maxFailPercentage
}

function makeSite(request: ListRequest & { verify?: boolean | undefined }): Site {
  return {
    playbook: request.playbook,
    inventory: request.inventory,
    extraVars: request.extraVars ?? {},
    verify: request.verify ?? false,
  }
}

function makeStages(request: ListRequest): Stage[] {
  const limit =
    request.limit === undefined ? undefined : new Set(request.inventory.select(request.limit).map((host) => host.name))
  return request.playbook.plays.map((play) => ({
    play,
    hosts: request.inventory.select(play.hosts).filter((host) => !limit || limit.has(host.name)),
  }))
}

function makeContexts(stages: readonly Stage[], site: Site): Map<string, HostContext> {
  const contexts = new Map<string, HostContext>()
  for (const { hosts } of stages) {
    for (const host of hosts) if (!contexts.has(host.name)) contexts.set(host.name, makeHostContext(host, site))
  }
  return contexts
}

/** Expands and prepares all that needs no facts, so that a missing template or parameter is found before any host is touched. */
function expandOffline(
  stages: readonly Stage[],
  contexts: ReadonlyMap<string, HostContext>,
  site: Site,
  secrets: Secrets,
): Map<Play, Map<string, readonly Item[]>> {
  const expanded = new Map<Play, Map<string, readonly Item[]>>()
  for (const { play, hosts } of stages) {
    const perHost = new Map<string, readonly Item[]>()
    for (const host of hosts) {
      const context = contexts.get(host.name)
      if (!context) continue
      try {
        const items = expandPlay(play, context, site)
        for (const item of leaves(items)) {
          wishOf(item.task, context, secrets)
          for (const handler of listOf(item.task.options.notify))
            for (const task of handler.tasks) wishOf(task, context, secrets)
        }
        perHost.set(host.name, items)
      } catch (error) {
        if (!(error instanceof FactsNeeded)) throw error
      }
    }
    expanded.set(play, perHost)
  }
  return expanded
}

/** Every text of every event passes here, so that no consumer can leak a secret. */
function hideSecrets(emit: Emit, secrets: Secrets): Emit {
  const { redact } = secrets
  const hideTask = (task: TaskRef): TaskRef => ({ ...task, title: redact(task.title) })
  return (event) => {
    switch (event.type) {
      case 'task:start':
      case 'task:output':
        return emit({ ...event, task: hideTask(event.task) })
      case 'task:retry':
        return emit({ ...event, task: hideTask(event.task), reason: redact(event.reason) })
      case 'warning':
        return emit({ ...event, message: redact(event.message) })
      case 'host:unreachable':
        return emit({ ...event, error: redactError(event.error, redact) })
      case 'task:end':
        return emit({
          ...event,
          task: hideTask(event.task),
          reason: event.reason === undefined ? undefined : redact(event.reason),
          changes: event.changes.map(({ summary, diff }) => ({
            summary: redact(summary),
            ...(diff && { diff: { label: diff.label, before: redact(diff.before), after: redact(diff.after) } }),
          })),
          error: event.error && redactError(event.error, redact),
        })
      default:
        return emit(event)
    }
  }
}

/** What `--list-tasks` and `--list-tags` ask. */
export type ListRequest = Pick<
  RunRequest,
  'playbook' | 'inventory' | 'secrets' | 'limit' | 'tags' | 'skipTags' | 'extraVars'
>

/** All roles that a playbook names, each once. Roles chosen by a function of the host are found through the hosts. */
export function rolesOf(playbook: Playbook): RoleDefinition[] {
  const roles = playbook.plays.flatMap((play) =>
    Array.isArray(play.roles) ? play.roles.filter(isRoleUse).map((use) => use.role) : [],
  )
  return [...new Set(roles)]
}
