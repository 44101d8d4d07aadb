// Probing many tasks in one request: tasks of the same resource and user share one script, each script is one step.
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { AnyResource } from '../core/resource.ts'
import type { Step, StepResult } from '../transport/connection.ts'
import type { TaskItem } from './items.ts'

/** A task ready to be probed: arguments rendered and secrets resolved. */
export interface Prepared {
  readonly item: TaskItem
  readonly resource: AnyResource
  readonly wish: unknown
  /** The user it runs as; undefined = the agent's. */
  readonly user: string | undefined
}

/** The state that a probe found, or why it could not. */
export type Answer = { readonly state: unknown } | { readonly error: ProvisionError }

/** The steps of a probe and what belongs to each. */
export interface Question {
  readonly steps: readonly Step[]
  readonly groups: readonly (readonly Prepared[])[]
}

/** Groups tasks by resource and user. A task in `alone` gets a step of its own, so that its failure spoils no other's. */
export function askAll(tasks: readonly Prepared[], alone: ReadonlySet<Prepared> = new Set()): Question {
  const groups = new Map<unknown, Map<string, Prepared[]>>()
  const list: Prepared[][] = []
  for (const task of tasks) {
    if (alone.has(task)) {
      list.push([task])
      continue
    }
    const byUser = groups.get(task.resource) ?? new Map<string, Prepared[]>()
    groups.set(task.resource, byUser)
    const user = task.user ?? ''
    const group = byUser.get(user)
    if (group) group.push(task)
    else {
      const fresh = [task]
      byUser.set(user, fresh)
      list.push(fresh)
    }
  }
  return {
    groups: list,
    steps: list.map((group) => ({
      script: group[0]?.resource.probe(group.map((task) => task.wish)) ?? '',
      user: group[0]?.user,
      always: true,
    })),
  }
}

/** Cuts the answers apart. A task of a group that failed as a whole gets no answer: it is probed alone when its turn comes. */
export function readAll(question: Question, results: readonly StepResult[], host: string): Map<TaskItem, Answer> {
  const answers = new Map<TaskItem, Answer>()
  for (const [index, group] of question.groups.entries()) {
    const result = results[index]
    const first = group[0]
    if (!result || !first || result.skipped) continue
    try {
      if (result.code !== 0) throw probeFailure(first, result, host)
      const states = first.resource.parse(
        result.stdout,
        group.map((task) => task.wish),
      )
      for (const [place, task] of group.entries()) answers.set(task.item, { state: states[place] })
    } catch (error) {
      if (group.length > 1) continue
      answers.set(first.item, { error: asProbeError(error, first) })
    }
  }
  return answers
}

function asProbeError(error: unknown, task: Prepared): ProvisionError {
  const known = asProvisionError(error)
  if (known.code !== 'internal') return known
  return new ProvisionError({
    code: 'probe',
    message: `the present state of ${task.resource.name} could not be read: ${known.message}`,
    where: task.item.task.where.get(),
    cause: error,
  })
}

function probeFailure(task: Prepared, result: StepResult, host: string): ProvisionError {
  return new ProvisionError({
    code: result.timedOut ? 'timeout' : 'probe',
    message: `reading the present state ${result.timedOut ? 'took too long' : `failed with exit code ${result.code}`}`,
    where: task.item.task.where.get(),
    detail: commandDetail(host, task.user, `the probe of ${task.resource.name}`, result),
  })
}

/** Host, user, command, exit code, stderr: always, in that order. */
export function commandDetail(host: string, user: string | undefined, command: string, result: StepResult): string {
  const errors = result.stderr.trim()
  const output = result.stdout.trim()
  const lines = [
    `host: ${host}`,
    `user: ${user ?? 'root'}`,
    `command: ${command}`,
    `exit code: ${result.code}${result.timedOut ? ' (timed out)' : ''}`,
    errors ? lastLines(errors) : 'nothing on stderr',
  ]
  if (!errors && output) lines.push(`stdout: ${lastLines(output)}`)
  return lines.join('\n')
}

function lastLines(text: string): string {
  const lines = text.split('\n')
  return lines.length <= 30 ? text : `… (${lines.length - 30} lines before)\n${lines.slice(-30).join('\n')}`
}
