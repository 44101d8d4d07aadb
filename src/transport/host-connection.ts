// A Connection from anything that can run a command on a host: the agent on a first channel, a second channel only to
// kill what runs, a second line only to prove that one can still come in.
import { hostname, userInfo } from 'node:os'
import { pid } from 'node:process'
import type { InventoryHost } from '../core/host.ts'
import type { Secrets } from '../core/secret.ts'
import { type Agent, openAgent } from './agent.ts'
import { explainStart, planBecome } from './become.ts'
import type { Channel } from './channel.ts'
import type { ConnectProgress, Dialled } from './connection.ts'
import { explainLoss } from './errors.ts'
import type { Target } from './target.ts'

/** An open way to a host: a logged-in ssh connection, or this machine. */
export interface Line {
  readonly target: Target
  /** Runs a command by the login shell. */
  readonly open: (command: string) => Promise<Channel>
  /** Ends what still runs on it, as far as the host lets go of it when the line is gone. */
  readonly close: () => Promise<void>
  /** Closing it shows the agent that we are gone, so that its own end need not be waited for. */
  readonly isRemote: boolean
}

const defaultLockWait = 10
/** A host that was there a moment ago answers sooner than one that must be found. */
const longestResume = 5

const waitingFor = (holder: string) => `waiting for the lock: held by ${holder}`

/**
 * Makes a connection over a line that `open` opens at once; it opens fresh ones too, without progress, for what needs a
 * line of its own.
 */
export function dialOver(
  open: (progress: ConnectProgress) => Promise<Line>,
  host: InventoryHost,
  secrets: Secrets,
  progress: ConnectProgress,
): Dialled {
  const again = () => open({})
  const dialling = new AbortController()
  const signals = [dialling.signal, ...(progress.signal ? [progress.signal] : [])]
  let isOpen = false
  const line = open({ ...progress, signal: AbortSignal.any(signals) }).then((opened) => {
    isOpen = true
    return opened
  })
  line.catch(() => undefined) // told by whatever is asked of the connection
  let starting: Promise<Agent> | undefined
  const agent = (): Promise<Agent> => {
    starting ??= line.then((opened) => openAgentOn(opened, again, host, secrets, progress))
    return starting
  }
  let requests = () => 0
  const started = async (): Promise<void> => {
    const opened = await agent()
    requests = opened.requests
    await opened.ready
  }
  const close = async (): Promise<void> => {
    if (!isOpen) dialling.abort()
    const opened = await line.catch(() => undefined)
    const running = await starting?.catch(() => undefined)
    if (opened?.isRemote) running?.leave()
    else await running?.close()
    await opened?.close()
  }
  return {
    start: async () => {
      try {
        await started()
      } catch (error) {
        await close()
        throw error
      }
    },
    run: async (steps, options) => {
      const opened = await agent()
      requests = opened.requests
      return await opened.run(steps, options)
    },
    get requests() {
      return requests()
    },
    rest: async () => (await agent()).rest(),
    resume: async ({ lockWait = defaultLockWait, onAttempt, signal } = {}) =>
      (await agent()).resume({
        lockWait,
        holder: describeOurselves(new Date()),
        onLockWait: (holder) => onAttempt?.(1, waitingFor(holder)),
        signal,
        timeout: Math.min(host.connection.connectTimeout ?? 10, longestResume),
      }),
    probeFresh: async () => {
      const fresh = await again()
      try {
        const other = await openAgentOn(fresh, again, host, secrets, { lock: false })
        await other.ready
        await other.close()
      } finally {
        await fresh.close()
      }
    },
    close,
  }
}

async function openAgentOn(
  line: Line,
  again: () => Promise<Line>,
  host: InventoryHost,
  secrets: Secrets,
  progress: ConnectProgress,
): Promise<Agent> {
  const settings = host.connection
  const become = planBecome(settings, line.target.user, secrets)
  const channel = await line.open(become.command)
  return openAgent(channel, {
    lock: progress.lock ?? true,
    lockWait: progress.lockWait ?? defaultLockWait,
    user: become.user ?? line.target.user,
    holder: describeOurselves(new Date()),
    startTimeout: settings.connectTimeout ?? 10,
    prompt: become.prompt,
    onLockWait: (holder) => progress.onAttempt?.(1, waitingFor(holder)),
    signal: progress.signal,
    explainStart: (failure) => explainStart(failure, become, line.target),
    explainLoss: (end) => explainLoss(end, line.target),
    kill: async (process, user) => {
      const script = killScript(process, user === become.user ? undefined : user)
      const killOver = async (on: Line) => {
        const other = await openAgentOn(on, again, host, secrets, { lock: false })
        try {
          await other.run([{ script }])
        } finally {
          await other.close()
        }
      }
      // A server may allow one channel only (MaxSessions): then by a connection of its own.
      await killOver(line).catch(async () => {
        const fresh = await again()
        await killOver(fresh).finally(() => fresh.close())
      })
    },
  })
}

/** `alice@laptop, pid 123, since 2026-11-21 05:00:00 UTC`. */
function describeOurselves(now: Date): string {
  const since = `${now.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return `${userInfo().username}@${hostname()}, pid ${pid}, since ${since}`
}

/** @internal TERM to a step's whole session, then KILL to what is left of it after three seconds. */
export function killScript(process: number, user: string | undefined): string {
  const group = Math.trunc(process)
  const other =
    user === undefined ? '' : ` || sudo -n -u '${user.replaceAll("'", '')}' sh -c "kill -$1 -${group}" 2>/dev/null`
  return [
    `signal() { kill -"$1" -${group} 2>/dev/null${other}; }`,
    'signal TERM || exit 0',
    'i=0',
    'while [ $i -lt 30 ] && signal 0; do sleep 0.1 || sleep 1; i=$((i + 1)); done',
    'signal KILL || :',
  ].join('\n')
}
