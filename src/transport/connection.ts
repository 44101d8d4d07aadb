import type { InventoryHost } from '../core/host.ts'
import type { FileInput } from '../core/resource.ts'
import type { Secrets } from '../core/secret.ts'

// The interface of a connection: what the engine knows of ssh, local and fake. No implementation here.

/** One script of a request. */
export interface Step {
  /** POSIX sh. Runs in a subshell of its own under `set -eu`, so nothing leaks into the next step. */
  readonly script: string
  /** The script's stdin, exact to the byte; empty if absent. What the script does not read is drained. */
  readonly input?: string | Uint8Array | FileInput | undefined
  /** Run as this user instead of the agent's (root). */
  readonly user?: string | undefined
  /** Environment; travels over stdin like everything else, never in arguments. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Seconds after which the step's processes are killed and it fails. */
  readonly timeout?: number | undefined
  /** Run even if an earlier step of this request failed. @default false */
  readonly always?: boolean | undefined
  /**
   * It only looks, starts nothing that stays, and its output is wanted when it is whole: it may share a process with its
   * neighbours, in a subshell of its own. If that process dies, those that it did not come to are skipped. @default false
   */
  readonly probe?: boolean | undefined
}

export interface StepResult {
  /** Exit code; 128+n for a signal; -1 if skipped because an earlier step failed. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly skipped: boolean
  readonly timedOut: boolean
}

export interface RunOptions {
  /** Called with output as it comes, a step at a time. */
  readonly onOutput?: ((step: number, stream: 'stdout' | 'stderr', text: string) => void) | undefined
  /** Gives up: kills what runs on the host. */
  readonly signal?: AbortSignal | undefined
}

/** A host we are connected to: one channel, one agent, requests one after another. */
export interface Connection {
  /** Runs the steps in order in one round trip; a failed step skips the rest except `always` ones. Rejects only when the connection itself breaks. */
  readonly run: (steps: readonly Step[], options?: RunOptions) => Promise<readonly StepResult[]>
  /** How many requests were sent. */
  readonly requests: number
  /** Opens a second, fresh connection with the same settings (new TCP, new authentication, no lock) and closes it; throws why it cannot. */
  readonly probeFresh: () => Promise<void>
  readonly close: () => Promise<void>
  /** Lets go of the host's lock and stays connected, until `resume`. */
  readonly rest?: (() => Promise<void>) | undefined
  /** Takes the lock again; throws if another run holds it or the host does not answer, and then only `close` is left to do. */
  readonly resume?: ((progress?: ConnectProgress) => Promise<void>) | undefined
}

/** A connection that is being made. `run` may be called at once: the first requests travel together with the agent's start. */
export interface Dialled extends Connection {
  /** Starts the agent, as the first `run` does, and waits until it is ready; throws what `Connect` throws. */
  readonly start: () => Promise<void>
}

export interface ConnectProgress {
  readonly onAttempt?: (attempt: number, detail: string) => void
  readonly signal?: AbortSignal
  /** Told when the host is known to be there: it took the TCP connection. */
  readonly onAnswer?: () => void
  /** Must be awaited once the host answers, before anything that costs the controller's processor. */
  readonly admit?: () => Promise<void>
  /** Take the host's lock. `false` for what only looks (ping, a second connection). @default true */
  readonly lock?: boolean
  /** Seconds to wait for a lock that another run holds. @default 10 */
  readonly lockWait?: number
}

/**
 * Connects to a host and starts its agent; throws a ProvisionError (unreachable, hostKey, authentication, become, locked), or
 * lets the first request throw it.
 */
export type Connect = (host: InventoryHost, secrets: Secrets, progress?: ConnectProgress) => Promise<Connection>

/** Logs in to a host at once, but starts nothing there and takes no lock before `start` or the first `run`. Errors come from those. */
export type Dial = (host: InventoryHost, secrets: Secrets, progress?: ConnectProgress) => Dialled
