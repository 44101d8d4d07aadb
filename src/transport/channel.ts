import type { Readable, Writable } from 'node:stream'

/** How a channel ended. */
export interface ChannelEnd {
  /** The command's exit code; undefined if the connection broke before it ended. */
  readonly code: number | undefined
  /** Why the connection broke, if that is known. */
  readonly error?: Error | undefined
}

/** One running command on a host: an SSH exec channel or a local process. */
export interface Channel {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the command has ended and all its output was read; never rejects. */
  readonly ended: Promise<ChannelEnd>
  /** Closes it without waiting for anything. */
  readonly destroy: () => void
}

/** Writes and waits until more may follow; false if the channel has ended. */
export async function write(channel: Channel, bytes: string | Uint8Array): Promise<boolean> {
  const { stdin } = channel
  if (stdin.destroyed || stdin.writableEnded) return false
  if (stdin.write(bytes)) return true
  let listener: (() => void) | undefined
  const drained = new Promise<true>((resolve) => {
    listener = () => resolve(true)
    stdin.once('drain', listener)
  })
  const result = await Promise.race([drained, channel.ended.then(() => false)])
  if (listener) stdin.off('drain', listener)
  return result
}
