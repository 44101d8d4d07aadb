import { homedir, userInfo } from 'node:os'
import { env } from 'node:process'
import type { InventoryHost } from '../core/host.ts'
import type { Connect, ConnectProgress, Dial } from './connection.ts'
import { dialOver, type Line } from './host-connection.ts'
import { JumpPool } from './jump-pool.ts'
import { localLine } from './local.ts'
import { openSshLine, type Shared } from './ssh.ts'
import type { DialSsh } from './ssh-dial.ts'
import type { Surroundings } from './ssh-route.ts'

/** Makes a `Dial` whose connections share what is read from disk and the sessions on jump hosts: one for each run. */
export function makeDial(surroundings: Surroundings = ourSurroundings()): Dial {
  let loading: Promise<DialSsh> | undefined
  const loadDial = () => {
    loading ??= import('./ssh-dial.ts').then(({ makeDialSsh }) => makeDialSsh())
    return loading
  }
  const shared: Shared = { surroundings, loadDial, jumps: new JumpPool() }
  return (host, secrets, progress = {}) => {
    const open = async (given: ConnectProgress) =>
      host.connection.connection === 'local'
        ? await openLocal(host, given)
        : await openSshLine(host, secrets, given, shared)
    return dialOver(open, host, secrets, progress)
  }
}

async function openLocal(host: InventoryHost, { admit, onAnswer }: ConnectProgress): Promise<Line> {
  onAnswer?.()
  await admit?.()
  return localLine(host.name)
}

/** Makes a `Connect` of the same kind. */
export function makeConnect(surroundings?: Surroundings): Connect {
  return connectBy(makeDial(surroundings))
}

/**
 * Makes a `Connect` that waits for nothing: the first request travels with the agent's start, and what is wrong with the
 * host comes from it.
 */
export function makeEagerConnect(surroundings?: Surroundings): Connect {
  const dial = makeDial(surroundings)
  return (host, secrets, progress) => Promise.resolve(dial(host, secrets, progress))
}

/** A `Connect` that waits until the dialled connection is ready. */
export function connectBy(dial: Dial): Connect {
  return async (host, secrets, progress) => {
    const connection = dial(host, secrets, progress)
    await connection.start()
    return connection
  }
}

/** Connects to a host as its settings say, by ssh or locally, and starts its agent. */
export const connect: Connect = makeConnect()

/** This machine. */
export function ourSurroundings(): Surroundings {
  return { home: homedir(), localUser: userInfo().username, agentSocket: env.SSH_AUTH_SOCK }
}
