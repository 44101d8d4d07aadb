// What a saved plan holds: plain JSON, for its owner only. Secrets are not in it; see docs/plans.md for each field.
import type { ChangeReport, TaskStatus } from '../core/events.ts'
import type { RecordedError } from '../core/run-record.ts'

/** The version of the format; a plan of another one is refused. */
export const planVersion = 1

/** A task as the check run told it. */
export interface PlannedTask {
  readonly play: string
  readonly title: string
  readonly role?: string | undefined
  readonly resource: string
  /** `file:line:column` */
  readonly where?: string | undefined
  readonly handler: boolean
  readonly status: TaskStatus
  readonly changes: readonly ChangeReport[]
  /** Why it is unknown, or why nothing would be done. */
  readonly reason?: string | undefined
  /** Keyed digest of what it found and does not show. */
  readonly evidence?: string | undefined
  readonly error?: RecordedError | undefined
}

/** A host of a plan. */
export interface PlannedHost {
  /** Only a `planned` host can be applied. */
  readonly state: 'planned' | 'failed' | 'unreachable'
  /** Why it could not be planned. */
  readonly error?: RecordedError | undefined
  readonly tasks: readonly PlannedTask[]
}

/** What the plan was made with, beside extra vars. */
export interface PlanOptions {
  readonly limit?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly skipTags?: readonly string[] | undefined
  /** Where generated secrets are kept. */
  readonly secrets?: string | undefined
  readonly vault?: string | undefined
}

/** A saved plan. */
export interface SavedPlan {
  readonly format: 'hostwright plan'
  readonly version: typeof planVersion
  readonly id: string
  /** ISO 8601. */
  readonly made: string
  /** The version of hostwright. */
  readonly hostwright: string
  readonly playbook: string
  readonly inventory: string
  readonly options: PlanOptions
  /** The names of extra vars, for people. */
  readonly extraVars: readonly string[]
  /** The values of `--extra-vars`, encrypted with the plan key; absent if there are none. */
  readonly sealedVars?: string | undefined
  /** Keyed digests of the local files it rests on, by path; `absent` for a place where none was. */
  readonly inputs: Readonly<Record<string, string>>
  /** Keyed digest of what the inventory came out as, which may depend on the environment. */
  readonly inventoryDigest: string
  /** Keyed digests of the secrets that it used, by name; null for one that the apply will generate. */
  readonly secretDigests: Readonly<Record<string, string | null>>
  readonly hosts: Readonly<Record<string, PlannedHost>>
}

/** How many tasks of a plan have these statuses, on all hosts. */
export function countTasks(plan: SavedPlan, status: TaskStatus): number {
  return Object.values(plan.hosts).reduce(
    (sum, { tasks }) => sum + tasks.filter((task) => task.status === status).length,
    0,
  )
}

/** `3 hosts: 41 would change, 12 unknown, 130 stay as they are`, and the hosts that are not planned. */
export function summaryOf(plan: SavedPlan): string {
  const hosts = Object.entries(plan.hosts)
  const planned = hosts.filter(([, host]) => host.state === 'planned').length
  const stay = countTasks(plan, 'ok') + countTasks(plan, 'skipped')
  const counted = `${planned} ${planned === 1 ? 'host' : 'hosts'}: ${countTasks(plan, 'changed')} would change, ${countTasks(plan, 'unknown')} unknown, ${stay} stay as they are`
  const others = hosts.filter(([, host]) => host.state !== 'planned').map(([name, host]) => `${name} (${host.state})`)
  return others.length > 0 ? `${counted}; not planned: ${others.join(', ')}` : counted
}
