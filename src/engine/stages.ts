// What a run rests on, made before any host is touched: which play takes which hosts, and their tasks as far as no fact is needed.
import { setImmediate } from 'node:timers/promises'
import { ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import { hostsOfPlay, type Play } from '../core/play.ts'
import { checkDelegate } from './delegate.ts'
import { expandPlay, type HostContext, makeHostContext, type Site } from './host-context.ts'
import type { HostPlay } from './host-plays.ts'
import { handlerItems, type Item, leaves, listOf, selectByTags, type TaskItem } from './items.ts'
import { checkOrder } from './order.ts'
import type { OtherHosts } from './other-hosts.ts'
import { environmentOf, wishOf } from './prepare.ts'
import type { ListRequest, RunRequest } from './run.ts'
import { StartAt } from './start-at.ts'
import { FactsNeeded } from './user-code.ts'

/** A play with its hosts. */
export interface Stage {
  readonly play: Play
  readonly hosts: readonly InventoryHost[]
}

function makeSite(request: ListRequest & Pick<RunRequest, 'verify' | 'rollback' | 'onRead'>): Site {
  return {
    playbook: request.playbook,
    inventory: request.inventory,
    extraVars: request.extraVars ?? {},
    verify: request.verify ?? false,
    rollback: request.rollback,
    onRead: request.onRead,
  }
}

function makeStages(request: ListRequest): Stage[] {
  const { inventory, limit, part, playbook } = request
  const limited = limit === undefined ? undefined : new Set(inventory.select(limit).map((host) => host.name))
  const stages = playbook.plays.map((play) => ({
    play,
    hosts: hostsOfPlay(play, inventory).filter((host) => !limited || limited.has(host.name)),
  }))
  if (limited && stages.every(({ hosts }) => hosts.length === 0)) {
    const patterns = playbook.plays.map((play) => `'${play.hosts}'`).join(', ')
    throw new ProvisionError({
      code: 'input',
      message:
        limited.size === 0
          ? `the limit '${limit}' selects no host of the inventory`
          : `the limit '${limit}' leaves no host: it selects ${[...limited].join(', ')}, and the plays are for ${patterns}`,
    })
  }
  return part ? stages.slice(part.play, part.play + 1) : stages
}

function makeContexts(stages: readonly Stage[], site: Site): Map<string, HostContext> {
  const contexts = new Map<string, HostContext>()
  const shared = new Map<string, unknown>()
  for (const { hosts } of stages) {
    for (const host of hosts) if (!contexts.has(host.name)) contexts.set(host.name, makeHostContext(host, site, shared))
  }
  return contexts
}

/** What a run begins with. */
export interface PreparedStages {
  readonly site: Site
  readonly stages: readonly Stage[]
  readonly contexts: ReadonlyMap<string, HostContext>
  readonly expanded: ReadonlyMap<Play, ReadonlyMap<string, readonly Item[]>>
}

/** Everything that can be made and checked before a host is touched; `others` is what tasks may read of other hosts later. */
export async function prepareStages(
  request: ListRequest & Pick<RunRequest, 'verify' | 'rollback' | 'onRead'>,
  others?: OtherHosts,
): Promise<PreparedStages> {
  const site = { ...makeSite(request), ...(others && { others }) }
  const stages = makeStages(request)
  const contexts = makeContexts(stages, site)
  return { site, stages, contexts, expanded: await expandOffline(stages, contexts, site, request) }
}

/**
 * Expands all that needs no facts and prepares what the tags choose, so that a missing template, parameter or secret is
 * found before any host is touched.
 */
async function expandOffline(
  stages: readonly Stage[],
  contexts: ReadonlyMap<string, HostContext>,
  site: Site,
  { secrets, tags = [], skipTags = [] }: Pick<RunRequest, 'secrets' | 'tags' | 'skipTags'>,
): Promise<Map<Play, Map<string, readonly Item[]>>> {
  const expanded = new Map<Play, Map<string, readonly Item[]>>()
  const pause = makePause(4)
  for (const { play, hosts } of stages) {
    const perHost = new Map<string, readonly Item[]>()
    for (const host of hosts) {
      const context = contexts.get(host.name)
      if (!context) continue
      const prepareAll = (item: TaskItem): void => {
        checkDelegate(item.task, site.inventory)
        wishOf(item.task, context, secrets)
        environmentOf(item.task, secrets)
        for (const handler of listOf(item.task.options.notify))
          for (const part of handlerItems(handler, item)) prepareAll(part)
      }
      try {
        const items = expandPlay(play, context, site)
        checkOrder(items)
        for (const item of leaves(selectByTags(items, tags, skipTags))) {
          prepareAll(item)
          await pause()
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

/** Hosts that are being called must not wait for us with their handshakes: lets them in after so many milliseconds of work. */
function makePause(milliseconds: number): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < milliseconds) return
    await setImmediate()
    since = performance.now()
  }
}

/** Where the run begins, if it is in the middle. */
export function makeStartAt(
  stages: readonly Stage[],
  expanded: ReadonlyMap<Play, ReadonlyMap<string, readonly Item[]>>,
  { startAt, tags = [], skipTags = [] }: Pick<RunRequest, 'startAt' | 'tags' | 'skipTags'>,
): StartAt | undefined {
  if (startAt === undefined) return undefined
  return new StartAt(startAt, stages, ({ play, hosts }) =>
    hosts.map(({ name }) => {
      const items = expanded.get(play)?.get(name)
      return items && selectByTags(items, tags, skipTags)
    }),
  )
}

/** The plays of each host that has some, in order. */
export function playsOfHosts(
  stages: readonly Stage[],
  contexts: ReadonlyMap<string, HostContext>,
  site: Site,
  offline: ReadonlyMap<Play, ReadonlyMap<string, readonly Item[]>>,
): Map<string, { readonly context: HostContext; readonly list: HostPlay[] }> {
  const plays = new Map<string, { readonly context: HostContext; readonly list: HostPlay[] }>()
  for (const { play, hosts } of stages) {
    for (const { name } of hosts) {
      const context = contexts.get(name)
      const ready = offline.get(play)?.get(name)
      if (!context) continue
      const own = plays.get(name) ?? { context, list: [] }
      plays.set(name, own)
      own.list.push({ play, expand: () => ready ?? expandPlay(play, context, site) })
    }
  }
  return plays
}
