// What cannot be spread over workers is told by name before any host is touched, instead of meaning something else there.
import { formatLocation, ProvisionError } from '../core/error.ts'
import type { LazyLocation } from '../core/location.ts'
import type { Play } from '../core/play.ts'
import { type Task, titleOf } from '../core/task.ts'
import { delegateOf, notByWorkers } from '../engine/delegate.ts'
import { type Item, leaves } from '../engine/items.ts'
import { conditionsOf } from '../engine/order.ts'
import type { Stage } from '../engine/stages.ts'

type Expanded = ReadonlyMap<Play, ReadonlyMap<string, readonly Item[]>>

/**
 * Throws for hosts that are each worker's own machine, for a task that runs on another host, and for a condition about a task of an earlier play: that play may
 * have been walked by a worker that is gone.
 */
export function checkPlays(stages: readonly Stage[], expanded: Expanded): void {
  for (const { play, hosts } of stages) {
    const local = hosts.find((host) => host.connection.connection === 'local')
    if (local)
      throw new ProvisionError({
        code: 'inventory',
        message: `host ${local.name} of play ${play.name} has connection 'local', which would be each worker's own machine`,
        where: local.where.get(),
        hint: `Run it here: provision --limit ${local.name}`,
      })
  }
  const before = new Map<Task, Play>()
  for (const { play } of stages) {
    const perHost = [...(expanded.get(play)?.values() ?? [])]
    for (const [host, items] of expanded.get(play) ?? []) checkDelegates(host, items)
    for (const items of perHost) checkReferences(play, items, before)
    for (const items of perHost)
      for (const item of leaves(items)) if (!before.has(item.task)) before.set(item.task, play)
  }
}

/** The host's lock is held by the worker that has its part. */
function checkDelegates(host: string, items: readonly Item[]): void {
  for (const item of leaves(items)) {
    const on = delegateOf(item, host)
    if (on !== undefined) throw notByWorkers(item.task, on)
  }
}

function checkReferences(play: Play, items: readonly Item[], before: ReadonlyMap<Task, Play>): void {
  const own = new Set([...leaves(items)].map((item) => item.task))
  const check = (task: Task, what: string, where: LazyLocation): void => {
    const earlier = own.has(task) ? undefined : before.get(task)
    if (!earlier) return
    const place = task.where.get()
    throw new ProvisionError({
      code: 'playbook',
      message: `${what} in play ${play.name} asks about ${titleOf(task)}${place ? ` (${formatLocation(place)})` : ''} of the play ${earlier.name}: with --queue each play may run on another worker`,
      where: where.get(),
      hint: 'Put both tasks into one play, or run without --queue.',
    })
  }
  for (const item of everyItem(items)) {
    if (item.kind === 'block' || item.kind === 'guard') continue
    const conditions = item.kind === 'task' ? conditionsOf(item) : item.conditions
    const [what, where] =
      item.kind === 'task'
        ? [titleOf(item.task), item.task.where]
        : item.kind === 'after'
          ? ['after', item.after.where]
          : ['a flush of handlers', play.where]
    for (const condition of conditions)
      if (typeof condition !== 'boolean') for (const task of condition.needs) check(task, `when of ${what}`, where)
    if (item.kind === 'after') check(item.after.task, 'after', item.after.where)
  }
}

function* everyItem(items: readonly Item[]): Generator<Item> {
  for (const item of items) {
    yield item
    if (item.kind === 'block') for (const part of [item.body, item.rescue, item.always]) yield* everyItem(part)
  }
}
