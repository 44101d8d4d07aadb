// One ssh connection: TCP (or a tunnel through the hop before), handshake, login; each phase has its own deadline, since
// a firewall that bans us in the middle would otherwise hold us for ever.
import { once } from 'node:events'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import ssh2, { type Client } from 'ssh2'
import { isProvisionError, ProvisionError } from '../core/error.ts'
import { within } from './deadline.ts'
import { explainConnect, type Phase } from './errors.ts'
import { checkHostKey } from './host-key.ts'
import { collectIdentities, type Identities, KeyRing, Login } from './ssh-identity.ts'
import type { Hop } from './ssh-route.ts'
import { type QuickClient, saveTurns } from './ssh-turns.ts'
import { describeTarget } from './target.ts'
import { openSocket } from './tcp.ts'

export interface DialSettings {
  /** Seconds for each phase. */
  readonly timeout: number
  /** Seconds between keepalives. */
  readonly keepalive: number
  readonly signal?: AbortSignal | undefined
  readonly onAnswer?: (() => void) | undefined
  /** Awaited once the server has said its first word. */
  readonly admit?: (() => Promise<void>) | undefined
}

/** A logged-in ssh connection. */
export interface SshSession {
  readonly client: Client
  readonly exec: QuickClient['exec']
  /** Why the connection broke, once it has. */
  readonly broken: () => Error | undefined
  /** Says goodbye; does not wait for the server's. */
  readonly close: () => Promise<void>
}

/** Milliseconds that an open socket may wait for its turn. */
const longestWait = 5000

/** Three keepalives without an answer, and the peer counts as dead. */
const missedKeepalives = 3

/**
 * Connects to a server, through the session before if there is one, or over a socket that is being opened already, and
 * logs in.
 */
export type DialSsh = (
  hop: Hop,
  through: SshSession | Promise<Socket> | undefined,
  settings: DialSettings,
) => Promise<SshSession>

/** Makes a `DialSsh` that reads each key file once. */
export function makeDialSsh(): DialSsh {
  const ring = new KeyRing()
  return async (hop, through, settings) => {
    const opening = through instanceof Promise ? through : undefined
    opening?.catch(() => undefined) // told when it is needed
    try {
      return await dial(hop, through, ring, settings)
    } catch (error) {
      void opening?.then(
        (socket) => socket.destroy(),
        () => undefined,
      )
      throw error
    }
  }
}

async function dial(
  hop: Hop,
  through: SshSession | Promise<Socket> | undefined,
  ring: KeyRing,
  settings: DialSettings,
): Promise<SshSession> {
  const { target } = hop
  let phase: Phase = 'resolving and connecting'
  const { timeout, signal } = settings
  try {
    const hostKey = checkHostKey(target, hop.hostKey)
    const identities = collectIdentities(hop.identities, ring)
    const login = new Login(target.user, identities)
    const session = through instanceof Promise ? undefined : through
    let socket = session
      ? await within(timeout, tunnel(session, hop), () => undefined, signal)
      : await (through instanceof Promise ? through : openSocket(target, timeout, signal))
    settings.onAnswer?.()
    if (settings.admit) {
      const waiting = socket
      await within(timeout, firstWord(waiting), () => waiting.destroy(), signal)
      const since = performance.now()
      await settings.admit()
      // a server does not wait long for who does not log in (LoginGraceTime); it is known to be there
      if (!session && performance.now() - since > longestWait) {
        waiting.destroy()
        socket = await openSocket(target, timeout, signal)
      }
    }
    phase = 'the handshake'
    const client = new ssh2.Client()
    let failure: Error | undefined
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    const failed = new Promise<never>((_resolve, reject) => {
      client.on('error', (error: Error & { level?: string }) => {
        if (error.level === 'agent') return // ssh2 goes on with what else there is
        failure ??= error
        reject(error)
      })
      client.once('close', () => reject(failure ?? new Error('the server closed the connection')))
    })
    failed.catch(() => undefined) // it also comes at the end of a good connection, when nobody waits for it
    const handshake = new Promise<void>((resolve) => client.once('handshake', () => resolve()))
    const ready = new Promise<void>((resolve) => client.once('ready', () => resolve()))
    const giveUp = () => {
      client.destroy()
      socket.destroy()
    }
    client.connect({
      sock: socket,
      username: target.user,
      readyTimeout: 0,
      keepaliveInterval: settings.keepalive * 1000,
      keepaliveCountMax: missedKeepalives,
      algorithms: { serverHostKey: hostKey.algorithms },
      hostVerifier: hostKey.verify,
      authHandler: login.next as never, // the types know no `null` and no `false`; the documentation does
    })
    const { exec } = saveTurns(client, socket)
    try {
      await within(timeout, Promise.race([handshake, failed]), giveUp, signal)
      phase = 'authentication'
      await within(timeout, Promise.race([ready, failed]), giveUp, signal)
    } catch (error) {
      throw hostKey.refusal() ?? explainLogin(error, hop, login, identities) ?? error
    }
    return {
      client,
      exec,
      broken: () => failure,
      close: async () => {
        const left = once(socket, 'finish').catch(() => undefined) // the last of ours is on its way
        client.end()
        const gone = within(2, closed, () => client.destroy()).catch(() => undefined)
        if (!(socket instanceof Socket)) return await gone // a tunnel's last words need the hop before
        socket.unref()
        await Promise.race([left, gone])
      },
    }
  } catch (error) {
    throw isProvisionError(error) ? error : explainPhase(error, hop, phase, timeout)
  }
}

function explainPhase(error: unknown, hop: Hop, phase: Phase, seconds: number): ProvisionError {
  if (error instanceof Error && 'code' in error && error.code === 'ABORTED') {
    return new ProvisionError({
      code: 'interrupted',
      message: `${describeTarget(hop.target)}: interrupted while connecting`,
    })
  }
  return explainConnect(error, hop.target, phase, seconds)
}

/** The server speaks first, and it costs it nothing: what stays silent is no ssh server, or a dead one. */
function firstWord(socket: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('readable', () => resolve())
    socket.once('close', () => reject(new Error('the server closed the connection')))
  })
}

/** TCP from the hop before to this one. Only who has jump hosts loads what it takes. */
async function tunnel(through: SshSession, hop: Hop) {
  const { NodeSSH } = await import('node-ssh')
  const ssh = new NodeSSH()
  ssh.connection = through.client
  return await ssh.forwardOut('127.0.0.1', 0, hop.target.address, hop.target.port)
}

/** A refused login, with what was offered; undefined if the failure was something else. */
function explainLogin(error: unknown, hop: Hop, login: Login, identities: Identities): ProvisionError | undefined {
  const message = error instanceof Error ? error.message : String(error)
  const level = error instanceof Error && 'level' in error ? error.level : undefined
  if (level !== 'client-authentication' && !/too many authentication failures/i.test(message)) return undefined
  const { tried, accepted } = login
  const nothing = tried.length === 0
  return new ProvisionError({
    code: 'authentication',
    message: nothing
      ? `${describeTarget(hop.target)}: there is nothing to log in with: no key, no agent, no password`
      : `${describeTarget(hop.target)}: the server takes none of our keys${tried.some((label) => label === 'password' || label === 'keyboard-interactive') ? ' and passwords' : ''}`,
    detail: [
      ...(nothing ? [] : [`tried: ${tried.join(', ')}`]),
      ...(accepted.length > 0 ? [`the server takes: ${accepted.join(', ')}`] : []),
      ...identities.unusable.map((note) => `not usable: ${note}`),
      ...(/too many/i.test(message) ? [message] : []),
    ].join('\n'),
    hint: nothing
      ? 'Set identityFile in the inventory, or start an ssh-agent, or create a key: ssh-keygen -t ed25519'
      : `Is our public key in ~${hop.target.user}/.ssh/authorized_keys on the host, and is ${hop.target.user} the right user?`,
    cause: error,
  })
}
