import { homedir, userInfo } from 'node:os'
import { env } from 'node:process'
import type { Connect } from './connection.ts'
import { connectOver } from './host-connection.ts'
import { JumpPool } from './jump-pool.ts'
import { localLine } from './local.ts'
import { openSshLine, type Shared } from './ssh.ts'
import { KeyRing } from './ssh-identity.ts'
import type { Surroundings } from './ssh-route.ts'

/** Makes a `Connect` whose connections share decrypted keys and sessions on jump hosts: one for each run. */
export function makeConnect(surroundings: Surroundings = ourSurroundings()): Connect {
  const shared: Shared = { surroundings, keyRing: new KeyRing(), jumps: new JumpPool() }
  return async (host, secrets, progress = {}) => {
    if (host.connection.connection === 'local') {
      return await connectOver(localLine(host.name), async () => localLine(host.name), host, secrets, progress)
    }
    const line = await openSshLine(host, secrets, progress, shared)
    return await connectOver(line, () => openSshLine(host, secrets, {}, shared), host, secrets, progress)
  }
}

/** Connects to a host as its settings say, by ssh or locally, and starts its agent. */
export const connect: Connect = makeConnect()

/** This machine. */
export function ourSurroundings(): Surroundings {
  return { home: homedir(), localUser: userInfo().username, agentSocket: env.SSH_AUTH_SOCK }
}
