// The events of a check run as the hosts of a plan. The events come with secrets hidden already.
import type { RunEvent } from '../core/events.ts'
import { plainEvent } from '../report/json.ts'
import type { PlannedHost, PlannedTask } from './plan-file.ts'
import type { PlanKey } from './plan-key.ts'

interface Gathered {
  state: PlannedHost['state']
  error: PlannedHost['error']
  readonly tasks: PlannedTask[]
}

/** Listens to a check run. */
export class PlanCollector {
  private readonly gathered = new Map<string, Gathered>()
  private readonly evidence = new Map<string, string>()
  private readonly cwd: string
  private readonly key: PlanKey

  constructor(cwd: string, key: PlanKey) {
    this.cwd = cwd
    this.key = key
  }

  /** For `onEvidence` of the run. */
  readonly noteEvidence = (host: string, id: number, evidence: unknown): void => {
    if (evidence !== undefined) this.evidence.set(`${host} ${id}`, this.key.digest('evidence', evidence))
  }

  /** For `emit` of the run. */
  readonly emit = (event: RunEvent): void => {
    if (event.type === 'run:start') for (const host of event.hosts) this.hostOf(host)
    if (event.type === 'host:unreachable') {
      const host = this.hostOf(event.host)
      host.state = 'unreachable'
      host.error = errorOf(event, this.cwd)
    }
    if (event.type === 'task:end') this.addTask(event)
  }

  /** The hosts as far as the run has come. `redact` hides what became a secret only after it was told. */
  hosts(redact: (text: string) => string): Record<string, PlannedHost> {
    const plain = [...this.gathered].map(([name, { state, error, tasks }]) => [
      name,
      { state, ...(error && { error }), tasks: tasks.map((task) => redactTask(task, redact)) },
    ])
    return Object.fromEntries(plain) as Record<string, PlannedHost> // the pairs above
  }

  private addTask(event: Extract<RunEvent, { type: 'task:end' }>): void {
    const host = this.hostOf(event.host)
    const { id, title, role, resource, handler } = event.task
    const { where } = (plainEvent(event, { cwd: this.cwd }) as { task: { where?: string } }).task // as it writes them
    const evidence = this.evidence.get(`${event.host} ${id}`)
    const error = errorOf(event, this.cwd)
    const { play, status, changes, reason } = event
    const plain = { play, title, role, resource, where, handler, status, changes, reason, evidence, error }
    // as it comes back from a file
    host.tasks.push(JSON.parse(JSON.stringify(plain)) as PlannedTask)
    if (status !== 'failed') return
    host.error = error
    if (host.state === 'planned') host.state = 'failed'
  }

  private hostOf(name: string): Gathered {
    const known = this.gathered.get(name)
    if (known) return known
    const fresh: Gathered = { state: 'planned', error: undefined, tasks: [] }
    this.gathered.set(name, fresh)
    return fresh
  }
}

function errorOf(
  event: Extract<RunEvent, { type: 'task:end' | 'host:unreachable' }>,
  cwd: string,
): PlannedHost['error'] {
  if (!event.error) return undefined
  const { error } = plainEvent(event, { cwd }) as { error: NonNullable<PlannedHost['error']> } // as it writes them
  return JSON.parse(JSON.stringify(error)) as PlannedHost['error']
}

function redactTask(task: PlannedTask, redact: (text: string) => string): PlannedTask {
  const { changes, reason } = task
  return {
    ...task,
    title: redact(task.title),
    ...(reason !== undefined && { reason: redact(reason) }),
    changes: changes.map(({ summary, diff }) => ({
      summary: redact(summary),
      ...(diff && { diff: { label: redact(diff.label), before: redact(diff.before), after: redact(diff.after) } }),
    })),
  }
}
