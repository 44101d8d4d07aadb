import { exitCode, type Io, type Signal } from './io.ts'

/** A run that can be stopped from outside. */
export interface Stopping {
  /** Finish the running step of each host, then stop. */
  readonly stop: AbortSignal
  /** Kill what runs. */
  readonly giveUp: AbortSignal
  /** What the first Ctrl-C does. */
  readonly quit: () => void
  /** Stops listening. */
  readonly release: () => void
}

/**
 * First Ctrl-C: finish what runs. Second: kill it. Third: leave at once. SIGTERM and SIGHUP (whoever sends them will not
 * wait) begin with the second; a reader that left is like the first.
 */
export function stopOnSignals(io: Io, onStop: (giveUp: boolean) => void, beforeExit: () => void): Stopping {
  const stop = new AbortController()
  const giveUp = new AbortController()
  let step: 'running' | 'stopping' | 'givingUp' = 'running'
  const take = (signal: Signal): void => {
    if (signal === 'SIGPIPE' && step !== 'running') return
    if (step === 'givingUp') {
      beforeExit()
      io.exit(exitCode.interrupted)
      return
    }
    const now = step === 'stopping' || signal === 'SIGTERM' || signal === 'SIGHUP'
    step = now ? 'givingUp' : 'stopping'
    onStop(now)
    stop.abort()
    if (now) giveUp.abort()
  }
  return { stop: stop.signal, giveUp: giveUp.signal, quit: () => take('SIGINT'), release: io.onSignal(take) }
}
