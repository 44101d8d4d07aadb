// What moved on a host between the plan and now: two check runs, task by task.
import { isDeepStrictEqual } from 'node:util'
import type { PlannedHost, PlannedTask } from './plan-file.ts'

/** A task that is not as the plan has it. */
export interface Moved {
  readonly task: PlannedTask
  readonly expected: string
  readonly now: string
}

/** All that moved, in the order of the plan; empty if the host is as it was. */
export function movedTasks(planned: PlannedHost, now: PlannedHost): readonly Moved[] {
  const [before, after] = [byName(planned.tasks), byName(now.tasks)]
  const moved = [...before].flatMap(([name, task]): Moved[] => {
    const other = after.get(name)
    if (!other) return [{ task, expected: tell(task), now: 'its turn does not come' }]
    if (isSame(task, other)) return []
    const [expected, found] = [tell(task), tell(other)]
    const unseen = 'something that it does not show (a content, a password) is another'
    return [{ task, expected, now: expected === found ? (differenceOf(task, other) ?? unseen) : found }]
  })
  const added = [...after].filter(([name]) => !before.has(name))
  const all = [...moved, ...added.map(([, task]) => ({ task, expected: 'no such task', now: tell(task) }))]
  // a handler comes or goes with the task that notifies it
  const causes = all.filter(({ task }) => !task.handler)
  return causes.length > 0 ? causes : all
}

function isSame(one: PlannedTask, other: PlannedTask): boolean {
  if (one.status !== other.status || one.evidence !== other.evidence) return false
  // why something stays as it is may be told in other words: so many days left
  return one.status !== 'changed' || isDeepStrictEqual(one.changes, other.changes)
}

/** The first text that differs though the sentences are the same. */
function differenceOf(one: PlannedTask, other: PlannedTask): string | undefined {
  for (const [index, { diff }] of one.changes.entries()) {
    const now = other.changes[index]?.diff
    if (diff && now && diff.before !== now.before) return `${diff.label} has another text than it had`
    if (diff && now && diff.after !== now.after) return `${diff.label} would get another text`
  }
  return undefined
}

/** `would change: mode 0644 → 0600`. */
function tell({ status, changes, reason, error }: PlannedTask): string {
  const sentences = changes.map((change) => change.summary).join('; ')
  switch (status) {
    case 'changed':
      return `would change${sentences ? `: ${sentences}` : ''}`
    case 'unknown':
      return `unknown${reason ? `: ${reason}` : ''}`
    case 'ok':
      return `nothing to do${reason ? `: ${reason}` : ''}`
    case 'skipped':
      return `skipped${reason ? `: ${reason}` : ''}`
    case 'failed':
    case 'ignored':
      return `fails${error ? `: ${error.message}` : ''}`
    default:
      return status satisfies never
  }
}

/** Tasks of the same name in the same place are told apart by their order. */
function byName(tasks: readonly PlannedTask[]): Map<string, PlannedTask> {
  const seen = new Map<string, number>()
  return new Map(
    tasks.map((task) => {
      const name = JSON.stringify([task.play, task.title, task.resource, task.where])
      const count = (seen.get(name) ?? 0) + 1
      seen.set(name, count)
      return [`${name} ${count}`, task]
    }),
  )
}
