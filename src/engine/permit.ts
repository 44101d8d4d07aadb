// The apply of a saved plan: a task that the plan did not announce changes nothing.
import type { ProvisionError } from '../core/error.ts'
import type { Plan } from '../core/resource.ts'
import type { HostState } from './host-state.ts'
import { itemTitle, type TaskItem } from './items.ts'
import { shown, tell } from './task-error.ts'

/** Whether the task may change its host; without `play` it is not its turn yet. */
export function isPermitted({ context, options }: HostState, item: TaskItem, play: string | undefined): boolean {
  if (!options.permits) return true
  const { resource, where } = item.task
  return options.permits(
    context.host.name,
    { title: itemTitle(item), resource: resource.name, where: where.get() },
    play,
  )
}

/** What is said of a task that would change something all the same. */
export function unplanned(item: TaskItem, plan: Extract<Plan, { changes: unknown }>): ProvisionError {
  return tell(
    item,
    'moved',
    'the plan does not say that this task changes something, and now it would: left as it is',
    {
      detail: shown(item, plan.changes.map((change) => change.summary).join('\n')),
      hint: 'Make a new plan and look at it: provision plan',
    },
  )
}
