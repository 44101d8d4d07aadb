import { setMaxListeners } from 'node:events'
import type { ProvisionError } from '../core/error.ts'
import type { HostRunOptions } from './host-state.ts'

/** Why a host does not go on. */
export class HostStopped extends Error {
  readonly kind: 'failed' | 'unreachable' | 'interrupted'
  /** What broke the connection. */
  readonly reason: ProvisionError | undefined

  constructor(kind: HostStopped['kind'], reason?: ProvisionError) {
    super(kind)
    this.kind = kind
    this.reason = reason
  }
}

/**
 * When a host must stop. The first signal (`stop`) lets the running task end; the `always` part of a block that has
 * begun still runs then, because it mends what the block left open. The second (`giveUp`) ends everything.
 */
export class Brake {
  private readonly options: Pick<HostRunOptions, 'stop' | 'giveUp'>
  private mending = 0

  constructor(options: Pick<HostRunOptions, 'stop' | 'giveUp'>) {
    this.options = options
  }

  get pulled(): boolean {
    return this.options.giveUp.aborted || (this.options.stop.aborted && this.mending === 0)
  }

  /** Rejects with HostStopped if the host must stop here. */
  check(): void {
    if (this.pulled) throw new HostStopped('interrupted')
  }

  /** Runs what must still be done after a stop. */
  async mend(body: () => Promise<void>): Promise<void> {
    this.mending++
    try {
      await body()
    } finally {
      this.mending--
    }
  }

  /** Waits, but not longer than until a stop. */
  async pause(seconds: number): Promise<void> {
    if (this.pulled) return
    const signal = this.mending > 0 ? this.options.giveUp : AbortSignal.any([this.options.stop, this.options.giveUp])
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, seconds * 1000)
      function done(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done)
    })
  }
}

/** A signal that any number of hosts may listen to; Node warns of a leak beyond ten else. */
export function sharedSignal(...sources: readonly (AbortSignal | undefined)[]): AbortSignal {
  const signal = AbortSignal.any(sources.filter((source) => source !== undefined))
  setMaxListeners(0, signal)
  return signal
}
