import { callerOf } from './location.ts'
import type { After, Block, Condition, Flush, Handler, Outcome, Task, Tasks } from './task.ts'
import { makeNode, titleOf } from './task.ts'

/**
 * A handler: runs once, at the end of the play (or at a `flush()`), if a task that notifies it changed something.
 * Handlers run in the order in which the play's tasks first name them; two that do exactly the same run once.
 * It survives a failed run: the mark stays on the host and the next run executes it.
 * @example const reload = handler(systemd.service({ unit: 'nginx', state: 'reloaded' }))
 */
export function handler(tasks: Task | readonly Task[], options: { name?: string | undefined } = {}): Handler {
  const list: readonly Task[] = Array.isArray(tasks) ? tasks : [tasks as Task]
  const name = options.name ?? list.map(titleOf).join(', ')
  return makeNode('handler', { tasks: list, name, where: callerOf(handler) })
}

/** True if any of the tasks changed something in this run. */
export function changed(...tasks: readonly Task[]): Condition {
  return makeNode('condition', {
    needs: tasks,
    test: (outcomes: readonly Outcome[]) => outcomes.some((outcome) => outcome.changed),
    text: `nothing changed in ${tasks.map(titleOf).join(', ')}`,
  })
}

/** True if the predicate says so of the task's typed result. */
export function given<R extends Outcome>(task: Task<R>, predicate: (result: R) => boolean, text?: string): Condition {
  return makeNode('condition', {
    needs: [task],
    test: ([outcome]: readonly Outcome[]) => predicate(outcome as R), // the engine passes this task's outcome
    text: text ?? `the condition on ${titleOf(task)} is false`,
  })
}

/** The opposite of a condition. */
export function not(condition: Condition): Condition {
  return makeNode('condition', {
    needs: condition.needs,
    test: (outcomes: readonly Outcome[]) => !condition.test(outcomes),
    text: `not (${condition.text})`,
  })
}

/**
 * Tasks that depend on a result: a branch taken when the run gets there.
 * The engine cannot look into it ahead of time, so prefer `when: given(…)` where the tasks are the same either way.
 */
export function after<R extends Outcome>(task: Task<R>, branch: (result: R) => Tasks): After {
  return makeNode('after', { task, branch: branch as (result: never) => Tasks, where: callerOf(after) })
}

/**
 * Tasks that stand or fall together; `rescue` runs after a failure, `always` in any case while the host can be reached:
 * also when the run is being stopped, so that a server that was taken out of a load balancer comes back.
 */
export function block(options: {
  tasks: Tasks
  rescue?: Tasks
  always?: Tasks
  name?: string | undefined
  when?: boolean | Condition | undefined
  tags?: string | readonly string[] | undefined
}): Block {
  return makeNode('block', {
    tasks: options.tasks,
    rescue: options.rescue ?? [],
    always: options.always ?? [],
    name: options.name,
    when: options.when,
    tags: options.tags === undefined ? [] : typeof options.tags === 'string' ? [options.tags] : options.tags,
    where: callerOf(block),
  })
}

/** Runs the handlers notified so far, here instead of at the end of the play. */
export function flush(): Flush {
  return makeNode('flush', {})
}
