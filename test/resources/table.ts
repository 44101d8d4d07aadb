import test from 'ava'
import type { Facts } from '../../src/core/host.ts'
import type { Plan, PlanContext } from '../../src/core/resource.ts'
import type { Task } from '../../src/core/task.ts'
import { sampleFacts as facts } from '../../src/testing/plan-of.ts'

export { sampleFacts as facts } from '../../src/testing/plan-of.ts'

/** One row: what the probe printed, and what plan must say of it. */
export interface Row {
  readonly title: string
  readonly task: Task
  /** The probe's output for this task alone. */
  readonly probe: string
  /** Summaries of the changes, or the reason why there are none, or `unknown`/`refused` with its sentence. */
  readonly expect: { changes: readonly string[] } | { unchanged: string } | { unknown: string } | { refused: string }
  /** The scripts of all steps, whole. */
  readonly scripts?: readonly string[]
  readonly facts?: Partial<Facts>
  readonly check?: boolean
}

/** Runs a resource's table: arguments + probe output → differences + commands. Without `prepare`: pass prepared arguments by `wish`. */
export function planTable(rows: readonly Row[]): void {
  for (const row of rows) {
    test(`${row.task.resource.name}: ${row.title}`, (t) => {
      const plan = planOne(row.task, row.probe, { facts: { ...facts, ...row.facts }, check: row.check ?? false })
      if ('changes' in row.expect) {
        t.deepEqual('changes' in plan ? plan.changes.map((change) => change.summary) : plan, row.expect.changes)
        if (row.scripts && 'changes' in plan) {
          t.deepEqual(
            plan.changes.flatMap((change) => change.steps.map((step) => step.script)),
            row.scripts,
          )
        }
      } else {
        const [kind, sentence] = Object.entries(row.expect)[0] ?? ['', '']
        t.is(kind in plan ? (plan as Record<string, unknown>)[kind] : JSON.stringify(plan), sentence)
      }
    })
  }
}

/** Prepares (with no secrets), parses and plans one task. */
export function planOne(task: Task, probe: string, context: PlanContext): Plan {
  const { resource } = task
  const wish = resource.prepare
    ? resource.prepare(task.args, {
        host: {
          name: 'web1',
          groups: ['all'],
          connection: { address: '192.0.2.11' },
          vars: {},
          where: { get: () => undefined },
        },
        secrets: { reveal: (value) => (typeof value === 'string' ? value : 'hunter2'), redact: (text) => text },
        from: task.where.get()?.file ?? '',
      })
    : task.args
  const state = resource.parse(probe, [wish])[0]
  return resource.plan(state, wish, context)
}
