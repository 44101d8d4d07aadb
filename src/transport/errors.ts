// What the network and ssh say, as a sentence with host, address, port and user, and a hint where we are sure.
import { ProvisionError } from '../core/error.ts'
import type { ChannelEnd } from './channel.ts'
import { describeTarget, type Target } from './target.ts'

/** A phase of connecting; each has its own deadline. */
export type Phase = 'resolving and connecting' | 'the handshake' | 'authentication' | 'opening a channel'

const refusing =
  'Is it sshd that listens there? It may be refusing this address for a while (MaxStartups, PerSourcePenalties, fail2ban).'

const hints: readonly (readonly [seen: RegExp, hint: string])[] = [
  [/no matching/i, 'The server and we share no algorithm: update sshd on the host.'],
  [/closed the connection|connection lost before handshake/i, refusing],
]

const sentences: Readonly<Record<string, (target: Target) => { message: string; hint?: string }>> = {
  ECONNREFUSED: ({ address, port }) => ({
    message: `${address} refuses connections on port ${port}`,
    hint: `Is sshd running there, and is ${port} its port? (port in the inventory or ~/.ssh/config)`,
  }),
  ETIMEDOUT: ({ address, port }) => ({
    message: `${address} does not answer on port ${port}`,
    hint: 'Is the host up, and does a firewall drop our packets?',
  }),
  EHOSTUNREACH: ({ address }) => ({ message: `there is no route to ${address}` }),
  ENETUNREACH: ({ address }) => ({ message: `the network of ${address} cannot be reached from here` }),
  ENOTFOUND: ({ address }) => ({
    message: `the name ${address} does not resolve to an address`,
    hint: 'Set address of this host in the inventory.',
  }),
  EAI_AGAIN: ({ address }) => ({ message: `the name service does not answer for ${address}` }),
  ECONNRESET: ({ address, port }) => ({
    message: `${address} closed the connection on port ${port}`,
    hint: refusing,
  }),
}

/** A failure before the login, as a ProvisionError. */
export function explainConnect(error: unknown, target: Target, phase: Phase, seconds: number): ProvisionError {
  const cause = error instanceof Error ? error : new Error(String(error))
  const code = errorCode(cause)
  const known = code === undefined ? undefined : sentences[code]?.(target)
  const host = describeTarget(target)
  if (known) {
    return new ProvisionError({
      code: 'unreachable',
      message: `${host}: ${known.message}`,
      detail: cause.message,
      hint: known.hint,
      cause,
    })
  }
  if (code === 'DEADLINE') {
    return new ProvisionError({
      code: 'unreachable',
      message: `${host}: ${phase} took longer than ${seconds} s`,
      hint:
        phase === 'resolving and connecting'
          ? 'Is the host up, and does a firewall drop our packets?'
          : phase === 'the handshake'
            ? `Is it sshd that listens on port ${target.port} there? (port in the inventory or ~/.ssh/config)`
            : undefined,
      cause,
    })
  }
  return new ProvisionError({
    code: 'unreachable',
    message: `${host}: ${phase} failed: ${cause.message}`,
    hint: hints.find(([seen]) => seen.test(cause.message))?.[1],
    cause,
  })
}

function errorCode(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string') return error.code
  // Several addresses were tried (net.connect with autoSelectFamily).
  if (error instanceof AggregateError) return errorCode(error.errors[0] as Error)
  return undefined
}

/** The connection broke after the agent was ready. */
export function explainLoss(end: ChannelEnd, target: Target): ProvisionError {
  const reason = end.error ? `: ${end.error.message}` : end.code === undefined ? '' : `: the agent ended (${end.code})`
  return new ProvisionError({
    code: 'unreachable',
    message: `${describeTarget(target)}: the connection was lost${reason}`,
    detail: 'A step that was running goes on to its end on the host, and holds the lock until then.',
    hint: 'Run again: what is done already is found done.',
    cause: end.error,
  })
}

/** A phase took too long. */
export function deadlineError(seconds: number): Error {
  return Object.assign(new Error(`no answer within ${seconds} s`), { code: 'DEADLINE' })
}
