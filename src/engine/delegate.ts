// Which host a task names that is to run `on` another one.
import { ProvisionError } from '../core/error.ts'
import type { Inventory } from '../core/host.ts'
import { nearest } from '../core/schema.ts'
import { type Task, titleOf } from '../core/task.ts'
import { type Item, leaves, listOf, type TaskItem } from './items.ts'

/** The other host that a task of this host runs on; undefined if it runs on its own. */
export function delegateOf({ task }: TaskItem, own: string): string | undefined {
  return task.options.on === own ? undefined : task.options.on
}

/** All hosts that tasks of a play, or their handlers, run on by name. */
export function* delegatesIn(items: readonly Item[]): Generator<string> {
  for (const { task } of leaves(items))
    for (const each of [task, ...listOf(task.options.notify).flatMap((handler) => handler.tasks)])
      if (each.options.on !== undefined) yield each.options.on
}

/** With --queue each host is one worker's business. */
export function notByWorkers(task: Task, on: string): ProvisionError {
  return new ProvisionError({
    code: 'playbook',
    message: `${titleOf(task)}: option 'on': with --queue no task can run on another host, and this one is for '${on}'`,
    where: task.where.get(),
    hint: 'Run the playbook without --queue.',
  })
}

/** Throws if the inventory does not have the host that a task runs on. */
export function checkDelegate(task: Task, { hosts }: Inventory): void {
  const { on } = task.options
  if (on === undefined || hosts.some((host) => host.name === on)) return
  const names = hosts.map((host) => host.name)
  const near = nearest(on, names)
  const hint =
    on === 'localhost'
      ? "Add it to the inventory's hosts: localhost: { connection: 'local' }."
      : near
        ? `Did you mean '${near}'?`
        : `Hosts: ${names.join(', ')}.`
  throw new ProvisionError({
    code: 'playbook',
    message: `${titleOf(task)}: option 'on': the inventory has no host '${on}'`,
    where: task.where.get(),
    hint,
  })
}
