// A condition can only ask about what ran before it. Asking about a later task is a mistake, told before any host is touched.
import { formatLocation, ProvisionError } from '../core/error.ts'
import type { LazyLocation } from '../core/location.ts'
import type { Task } from '../core/task.ts'
import { titleOf } from '../core/task.ts'
import type { AfterItem, Item, TaskItem } from './items.ts'
import type { When } from './results.ts'

/** Where each task and each branch of a play first stands. */
export type Positions = ReadonlyMap<Task | AfterItem, number>

/** Numbers the tasks and branches in the order in which they run. */
export function positionsOf(items: readonly Item[]): Positions {
  const positions = new Map<Task | AfterItem, number>()
  const visit = (list: readonly Item[]): void => {
    for (const item of list) {
      const key = item.kind === 'task' ? item.task : item.kind === 'after' ? item : undefined
      if (key && !positions.has(key)) positions.set(key, positions.size)
      if (item.kind === 'block') for (const part of [item.body, item.rescue, item.always]) visit(part)
    }
  }
  visit(items)
  return positions
}

/**
 * Throws if a condition or an `after` of these items asks about a task that comes later: in the items themselves, or,
 * for the items of a branch, further on in the play (`isLater`).
 */
export function checkOrder(items: readonly Item[], isLater: (task: Task) => boolean = () => false): void {
  const positions = positionsOf(items)
  const passed = new Set<Task>()
  const comesLater = (task: Task): boolean => (positions.has(task) ? !passed.has(task) : isLater(task))
  const visit = (list: readonly Item[]): void => {
    for (const item of list) {
      if (item.kind === 'block') for (const part of [item.body, item.rescue, item.always]) visit(part)
      else if (item.kind === 'after') {
        askBefore(item.conditions, 'after', item.after.where)
        if (comesLater(item.after.task)) throw tooEarly('after', item.after.where, item.after.task)
      } else if (item.kind === 'task') {
        askBefore(conditionsOf(item), titleOf(item.task), item.task.where)
        passed.add(item.task)
      }
    }
  }
  const askBefore = (conditions: readonly When[], title: string, where: LazyLocation): void => {
    for (const condition of conditions) {
      if (typeof condition === 'boolean') continue
      const later = condition.needs.find(comesLater)
      if (later) throw tooEarly(`when of ${title}`, where, later)
    }
  }
  visit(items)
}

function tooEarly(what: string, where: LazyLocation, later: Task): ProvisionError {
  const place = later.where.get()
  return new ProvisionError({
    code: 'playbook',
    message: `${what} asks about ${titleOf(later)}${place ? ` (${formatLocation(place)})` : ''}, which comes later in the play`,
    where: where.get(),
    hint: 'Put the task that is asked about first, or make the other one a handler.',
  })
}

/** All conditions of a task: inherited from blocks, and its own. */
export function conditionsOf(item: TaskItem): readonly When[] {
  const own = item.task.options.when
  return own === undefined ? item.conditions : [...item.conditions, own]
}
