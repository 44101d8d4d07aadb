import type { Connect } from '../transport/connection.ts'

/** `SIGPIPE` stands for a reader that left: nobody sees the output any more. */
export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE'

/** What a command needs of the process; tests pass their own. */
export interface Io {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Calls back at each signal; returns how to stop listening. While nobody listens a signal ends the process. */
  readonly onSignal: (callback: (signal: Signal) => void) => () => void
  /** Ends the process at once. */
  readonly exit: (code: number) => void
  /** How hosts are reached. @default by ssh, or locally, as the inventory says */
  readonly connect?: Connect | undefined
}

/** Exit codes; see docs/cli.md. */
export const exitCode = { ok: 0, input: 1, failed: 2, unreachable: 3, pending: 4, interrupted: 130 } as const

/** Whether a stream gets colour: NO_COLOR and FORCE_COLOR, then whether it is a terminal that has any. See no-color.org. */
export function hasColour({ env }: Pick<Io, 'env'>, stream: { readonly isTTY?: boolean }): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return stream.isTTY === true && env.TERM !== 'dumb'
}

/** Whether a stream is a terminal that somebody watches and that can be redrawn. */
export function isWatched({ env }: Pick<Io, 'env'>, stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && env.TERM !== 'dumb' && !env.CI && !env.NO_COLOR
}
