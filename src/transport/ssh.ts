// A host over ssh: retries while it is unreachable, jump hosts shared by the hosts behind them, exec channels.
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientChannel } from 'ssh2'
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import type { Secrets } from '../core/secret.ts'
import type { Channel, ChannelEnd } from './channel.ts'
import type { ConnectProgress } from './connection.ts'
import { within } from './deadline.ts'
import { explainConnect } from './errors.ts'
import type { Line } from './host-connection.ts'
import type { JumpPool, Lease } from './jump-pool.ts'
import type { DialSettings, DialSsh, SshSession } from './ssh-dial.ts'
import { planRoute, type Route, type Surroundings } from './ssh-route.ts'
import type { Target } from './target.ts'
import { openSocket } from './tcp.ts'

/** What the connections of a run share. */
export interface Shared {
  readonly surroundings: Surroundings
  /** Loads what speaks ssh, once. */
  readonly loadDial: () => Promise<DialSsh>
  readonly jumps: JumpPool
}

/** Connects to a host by ssh and logs in. */
export async function openSshLine(
  host: InventoryHost,
  secrets: Secrets,
  progress: ConnectProgress,
  shared: Shared,
): Promise<Line> {
  const route = planRoute(host, secrets, shared.surroundings)
  const settings: DialSettings = {
    timeout: host.connection.connectTimeout ?? 10,
    keepalive: host.connection.keepalive ?? 15,
    signal: progress.signal,
    admit: progress.admit,
    onAnswer: progress.onAnswer,
  }
  const attempts = Math.max(1, host.connection.connectAttempts ?? 3)
  for (let attempt = 1; ; attempt++) {
    progress.onAttempt?.(attempt, attempt === 1 ? 'connecting' : `connecting, attempt ${attempt} of ${attempts}`)
    try {
      return await openOnce(route, shared, settings)
    } catch (error) {
      const known = asProvisionError(error)
      if (known.code !== 'unreachable' || attempt >= attempts || progress.signal?.aborted) throw known
      const seconds = 2 ** (attempt - 1)
      progress.onAttempt?.(attempt, `${known.message}; again in ${seconds} s`)
      await delay(seconds * 1000, undefined, progress.signal ? { signal: progress.signal } : {}).catch(() => {
        throw new ProvisionError({ code: 'interrupted', message: `${host.name}: interrupted while connecting` })
      })
    }
  }
}

async function openOnce(route: Route, shared: Shared, settings: DialSettings): Promise<Line> {
  // the server takes its time to say its first word; ours to load ssh is spent meanwhile
  const socket = route.jumps.length > 0 ? undefined : openSocket(route.host.target, settings.timeout, settings.signal)
  socket?.catch(() => undefined) // told by `dial`
  const dial = await shared.loadDial()
  const lease = await leaseJumps(route, shared.jumps, dial, settings)
  try {
    const session = await dial(route.host, lease?.session ?? socket, settings)
    return {
      target: route.host.target,
      isRemote: true,
      open: (command) => openChannel(session, command, route.host.target, settings),
      close: async () => {
        await session.close()
        await lease?.release()
      },
    }
  } catch (error) {
    await lease?.release()
    throw error
  }
}

async function leaseJumps(
  route: Route,
  pool: JumpPool,
  dial: DialSsh,
  settings: DialSettings,
): Promise<Lease | undefined> {
  if (route.jumps.length === 0) return undefined
  return await pool.lease(route.jumps, (hop, through) =>
    dial(hop, through, { ...settings, admit: undefined, onAnswer: undefined }),
  )
}

/** Runs a command on a channel of its own. */
async function openChannel(
  session: SshSession,
  command: string,
  target: Target,
  settings: DialSettings,
): Promise<Channel> {
  const opened = new Promise<Channel>((resolve, reject) => {
    let close: (() => void) | undefined
    session.exec(
      command,
      // Listened to at once: a command that fails fast tells its exit code in the same packet as its start.
      (channel) => {
        close = () => channel.close()
        resolve(toChannel(channel, session))
      },
      (error) => {
        if (!error) return
        close?.() // open, but the server does not run commands
        reject(error)
      },
    )
  })
  try {
    return await within(settings.timeout, opened, () => undefined, settings.signal)
  } catch (error) {
    throw explainConnect(session.broken() ?? error, target, 'opening a channel', settings.timeout)
  }
}

function toChannel(channel: ClientChannel, session: SshSession): Channel {
  let code: number | undefined
  const ended = new Promise<ChannelEnd>((resolve) => {
    channel.on('exit', (status: number | null) => {
      code = status ?? 128
    })
    channel.once('close', () => resolve({ code, error: session.broken() }))
    session.client.once('close', () => resolve({ code, error: session.broken() }))
  })
  channel.on('error', () => undefined) // the end of the channel tells it better
  return {
    stdin: channel.stdin,
    stdout: channel,
    stderr: channel.stderr,
    ended,
    destroy: () => channel.close(),
  }
}
