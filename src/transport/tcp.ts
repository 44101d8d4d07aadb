// TCP to a host, without anything of ssh: opened while the code that speaks ssh is still being loaded.
import { connect, type Socket } from 'node:net'
import { within } from './deadline.ts'
import type { Target } from './target.ts'

/** Connects, or rejects after so many seconds. Errors that come later are heard by nobody else than who listens for them. */
export async function openSocket(target: Target, timeout: number, signal: AbortSignal | undefined): Promise<Socket> {
  const socket = connect({ host: target.address, port: target.port, noDelay: true })
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.on('error', reject) // for ever: later ones are ssh2's to tell, but none may go unheard
  })
  await within(timeout, connected, () => socket.destroy(), signal)
  return socket
}
