// From what roles return (nested lists of tasks) to what the engine walks: a tree of items that carry their role and tags.
import { ProvisionError } from '../core/error.ts'
import type { LazyLocation } from '../core/location.ts'
import { describeValue } from '../core/schema.ts'
import type { After, Condition, Handler, Node, Task, Tasks } from '../core/task.ts'
import { kindOf, titleOf } from '../core/task.ts'

interface Common {
  readonly role: string | undefined
  readonly tags: ReadonlySet<string>
  /** The play's own `become`, for tasks that do not say. */
  readonly become: boolean | string | undefined
}

export interface TaskItem extends Common {
  readonly kind: 'task'
  readonly task: Task
  /** A condition inherited from blocks, beside the task's own. */
  readonly conditions: readonly (boolean | Condition)[]
  /** The handler that this task belongs to. */
  readonly handler: Handler | undefined
}

export interface BlockItem extends Common {
  readonly kind: 'block'
  readonly body: readonly Item[]
  readonly rescue: readonly Item[]
  readonly always: readonly Item[]
}

export interface AfterItem extends Common {
  readonly kind: 'after'
  readonly after: After
  readonly conditions: readonly (boolean | Condition)[]
}

export interface FlushItem {
  readonly kind: 'flush'
  readonly conditions: readonly (boolean | Condition)[]
}

/** What a play does around the changes of a host; the first item of such a play. */
export interface GuardItem {
  readonly kind: 'guard'
  readonly before: readonly Item[]
  readonly after: Handler
  readonly afterItems: readonly TaskItem[]
}

export type Item = TaskItem | BlockItem | AfterItem | FlushItem | GuardItem

export interface Surroundings {
  readonly role: string | undefined
  readonly tags: readonly string[]
  readonly conditions: readonly (boolean | Condition)[]
  readonly become: boolean | string | undefined
  /** Who returned the list, for messages about a value that is no task. */
  readonly where: LazyLocation
}

/** Flattens lists, keeps blocks, checks that everything is a task. */
export function makeItems(tasks: Tasks, around: Surroundings): Item[] {
  if (!tasks) return []
  if (Array.isArray(tasks)) return tasks.flatMap((entry) => makeItems(entry, around))
  const node = tasks as Node // the lists are dealt with above
  switch (kindOf(node)) {
    case 'task': {
      const task = node as Task
      const tags = new Set([...around.tags, ...listOf(task.options.tags)])
      const { role, become, conditions } = around
      return [{ kind: 'task', task, role, tags, become, conditions, handler: undefined }]
    }
    case 'block': {
      if (!('rescue' in node)) return []
      const inside: Surroundings = {
        ...around,
        tags: [...around.tags, ...node.tags],
        conditions: node.when === undefined ? around.conditions : [...around.conditions, node.when],
        where: node.where,
      }
      return [
        {
          kind: 'block',
          role: around.role,
          tags: new Set(inside.tags),
          become: around.become,
          body: makeItems(node.tasks, inside),
          rescue: makeItems(node.rescue, inside),
          always: makeItems(node.always, inside),
        },
      ]
    }
    case 'after':
      return [
        {
          kind: 'after',
          after: node as After,
          role: around.role,
          tags: new Set(around.tags),
          become: around.become,
          conditions: around.conditions,
        },
      ]
    case 'flush':
      return [{ kind: 'flush', conditions: around.conditions }]
    default:
      throw new ProvisionError({
        code: 'playbook',
        message: `${around.role ? `role ${around.role}` : 'the play'}: expected tasks, found ${describeValue(node)}`,
        where: around.where.get(),
        hint:
          kindOf(node) === 'handler'
            ? 'A handler is not a task: name it in notify of the tasks that need it.'
            : typeof node === 'function'
              ? 'Did you forget to call it?'
              : typeof node === 'string'
                ? 'A command is a task too: shell.command({ run: … }).'
                : undefined,
      })
  }
}

/** A handler's tasks as items of the role and play of a task that notifies it. */
export function handlerItems(handler: Handler, { role, become }: Pick<Common, 'role' | 'become'>): TaskItem[] {
  return handler.tasks.map((task) => ({ kind: 'task', task, role, tags: new Set(), become, conditions: [], handler }))
}

/** All task items below, blocks and what a play does around changes opened; `after` branches are not known yet. */
export function* leaves(items: readonly Item[]): Generator<TaskItem> {
  for (const item of items) {
    if (item.kind === 'task') yield item
    else if (item.kind === 'guard') {
      yield* leaves(item.before)
      yield* item.afterItems
    } else if (item.kind === 'block') {
      yield* leaves(item.body)
      yield* leaves(item.rescue)
      yield* leaves(item.always)
    }
  }
}

/** What `--tags` and `--skip-tags` leave. A task without tags is left out when tags are asked for; `always` stays, `never` goes unless named. */
export function selectByTags(items: readonly Item[], tags: readonly string[], skip: readonly string[]): Item[] {
  const wanted = (own: ReadonlySet<string>) => {
    if (skip.some((tag) => own.has(tag))) return false
    if (own.has('never') && !tags.some((tag) => tag !== 'never' && own.has(tag)) && !tags.includes('never'))
      return false
    return tags.length === 0 || own.has('always') || tags.some((tag) => own.has(tag))
  }
  return items.flatMap((item): Item[] => {
    // the tasks of a branch are chosen one by one, when they are known; whatever changes, a guard stands before it
    if (item.kind === 'flush' || item.kind === 'after' || item.kind === 'guard') return [item]
    if (item.kind !== 'block') return wanted(item.tags) ? [item] : []
    const inside = (list: readonly Item[]) => selectByTags(list, tags, skip)
    return [{ ...item, body: inside(item.body), rescue: inside(item.rescue), always: inside(item.always) }]
  })
}

/** The title that reports show. */
export function itemTitle(item: TaskItem): string {
  return item.role ? `${item.role} › ${titleOf(item.task)}` : titleOf(item.task)
}

/** One or many as a list. */
export function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value as T]
}
