// The connection of one host during a run: opened once, facts and marks read by its first request, lost once.
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { Connection, RunOptions, Step, StepResult } from '../transport/connection.ts'
import { gather } from './facts.ts'
import type { HostContext } from './host-context.ts'
import type { HostRunOptions } from './host-state.ts'
import { itemTitle, type TaskItem } from './items.ts'
import { clearMarks, type Mark, stuckMark } from './marks.ts'
import { HostStopped } from './stopped.ts'

/** What the first request brings. */
export interface Opened {
  /** Handlers that an earlier run notified and did not run. */
  readonly marks: readonly Mark[]
  /** The answers to the probes. */
  readonly results: readonly StepResult[]
}

export class Session {
  private readonly context: HostContext
  private readonly options: HostRunOptions
  private connection: Connection | undefined
  /** Requests over connections that are closed. */
  private earlierRequests = 0
  /** Marks of handlers that ran; their removal rides along with the next request. */
  private clearing: string[] = []
  /** The host is out of reach. */
  lost: HostStopped | undefined
  unreachable = false
  /** The user that logged in, before sudo or su; undefined until the host has told. */
  loginUser: string | undefined
  /** The user that the agent runs as; undefined until the host has told. */
  agentUser: string | undefined

  constructor(context: HostContext, options: HostRunOptions) {
    this.context = context
    this.options = options
  }

  get requests(): number {
    return this.earlierRequests + (this.connection?.requests ?? 0)
  }

  /**
   * Connects, waiting for `admit` once the host answers; one request reads the facts and the marks, and runs these probes.
   * Rejects with HostStopped.
   */
  async open(probes: readonly Step[], admit: (() => Promise<void>) | undefined, onAnswer: () => void): Promise<Opened> {
    const { emit, secrets, giveUp, stop } = this.options
    const host = this.context.host.name
    // Nothing is changed on the host yet, so a stop need not wait for it; once connected, a stop lets the running step end.
    const connecting = new AbortController()
    let connected = false
    const hurry = () => connecting.abort()
    stop.addEventListener('abort', hurry)
    try {
      if (stop.aborted) throw new HostStopped('interrupted')
      this.connection = await this.options.connect(this.context.inventoryHost, secrets, {
        onAttempt: (attempt, detail) => emit({ type: 'host:connecting', host, attempt, detail }),
        signal: AbortSignal.any([giveUp, connecting.signal]),
        onAnswer,
        ...(admit && { admit }),
      })
      const { gathered, results } = await gather(this.connection, host, probes, giveUp)
      connected = true
      this.context.setFacts(gathered.facts)
      this.loginUser = gathered.loginUser
      this.agentUser = gathered.facts.user
      emit({ type: 'host:connected', host })
      return { marks: gathered.marks, results }
    } catch (error) {
      return this.lose(error, undefined, stop.aborted && !connected)
    } finally {
      stop.removeEventListener('abort', hurry)
    }
  }

  /** One request. Rejects with HostStopped if the connection breaks; `during` is what ran then, for the message. */
  async run(
    steps: readonly Step[],
    during: TaskItem | undefined,
    options: RunOptions = {},
  ): Promise<readonly StepResult[]> {
    if (this.lost) throw this.lost
    if (!this.connection)
      throw new ProvisionError({ code: 'internal', message: `${this.context.host.name} is not connected` })
    const keys = this.clearing
    this.clearing = []
    const before = keys.length > 0 ? [clearMarks(keys)] : []
    const { onOutput } = options
    let results: readonly StepResult[]
    try {
      results = await this.connection.run([...before, ...steps], {
        signal: this.options.giveUp,
        onOutput:
          onOutput && ((step, stream, text) => step >= before.length && onOutput(step - before.length, stream, text)),
      })
    } catch (error) {
      // what cannot even be sent (a NUL byte, no name of a user) is the task's fault, not the connection's
      if (error instanceof TypeError) throw error
      return this.lose(error, during)
    }
    if (before.length > 0 && results[0]?.stdout.includes(stuckMark)) this.warnStuck(results[0].stderr)
    return results.slice(before.length)
  }

  /** Removes these marks with the next request. */
  clearLater(keys: readonly string[]): void {
    this.clearing.push(...keys)
  }

  /** Sends what still waits for a request. */
  async finish(): Promise<void> {
    if (this.clearing.length === 0 || this.lost || this.options.giveUp.aborted) return
    await this.run([], undefined)
  }

  /** Whether a new connection is taken; throws why not. */
  async probeFresh(): Promise<void> {
    await this.connection?.probeFresh()
  }

  async close(): Promise<void> {
    this.earlierRequests = this.requests
    const { connection } = this
    this.connection = undefined
    await connection?.close()
  }

  /** The connection is gone or never was: the host is out of the run. */
  private lose(error: unknown, during: TaskItem | undefined, stopped = false): never {
    if (stopped || this.options.giveUp.aborted) {
      this.lost = new HostStopped('interrupted')
      throw this.lost
    }
    this.unreachable = true
    const known = asProvisionError(error)
    const shown = during
      ? new ProvisionError({
          code: known.code,
          message: `during ${itemTitle(during)}: ${known.message}`,
          where: known.where ?? during.task.where.get(),
          detail: known.detail,
          hint: known.hint,
          cause: error,
        })
      : known
    this.lost = new HostStopped('unreachable', shown)
    this.options.emit({ type: 'host:unreachable', host: this.context.host.name, error: shown })
    throw this.lost
  }

  private warnStuck(stderr: string): void {
    this.options.emit({
      type: 'warning',
      host: this.context.host.name,
      message: `the mark of a finished handler could not be removed: ${stderr.trim()}`,
      hint: 'The handler runs once more at the next run.',
    })
  }
}
