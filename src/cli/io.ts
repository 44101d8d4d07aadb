/** What a command needs of the process; tests pass their own. */
export interface Io {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Calls back at each Ctrl-C (or SIGTERM, which gives up at once); returns how to stop listening. */
  readonly onInterrupt: (callback: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void
}

/** Exit codes; see docs/cli.md. */
export const exitCode = { ok: 0, input: 1, failed: 2, unreachable: 3, pending: 4, interrupted: 130 } as const

/** Whether a stream gets colour: NO_COLOR and FORCE_COLOR, then whether it is a terminal. See no-color.org. */
export function hasColour(io: Io, stream: NodeJS.WriteStream): boolean {
  if (io.env.NO_COLOR) return false
  if (io.env.FORCE_COLOR !== undefined) return io.env.FORCE_COLOR !== '0'
  return stream.isTTY === true
}
