// What the tasks of an apply may do: a task changes something only if the plan announced it.
import type { PlannedHost, PlannedTask } from './plan-file.ts'

/** A task as the run names it. */
export type TaskLabel = Pick<PlannedTask, 'title' | 'resource' | 'where'>

const announced: readonly PlannedTask['status'][] = ['changed', 'unknown', 'ignored']

/**
 * Makes the rule of a run. A task of the plan may change something if it would change, was unknown, or failed and was
 * forgiven. A task that is not in the plan comes of something unknown (a branch) or of a failure (a rescue): it may, in its
 * own turn, in a play that the plan has for this host.
 */
export function makePermits(
  hosts: Readonly<Record<string, PlannedHost>>,
): (host: string, task: TaskLabel, play: string | undefined) => boolean {
  const rules = new Map(
    Object.entries(hosts).map(([name, { tasks }]) => {
      const byTask = new Map<string, boolean>()
      for (const task of tasks)
        byTask.set(labelOf(task), byTask.get(labelOf(task)) === true || announced.includes(task.status))
      return [name, { byTask, plays: new Set(tasks.map(({ play }) => play)) }]
    }),
  )
  return (host, task, play) => {
    const rule = rules.get(host)
    if (!rule) return false
    return rule.byTask.get(labelOf(task)) ?? (play !== undefined && rule.plays.has(play))
  }
}

function labelOf({ title, resource, where }: TaskLabel): string {
  return JSON.stringify([title, resource, where])
}
