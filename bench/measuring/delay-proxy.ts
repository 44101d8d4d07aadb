// The delay proxy as the bench sees it: a process of its own, so that its CPU time is nobody's.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What went through all connections since the last look. */
export interface Traffic {
  readonly connections: number
  /** How often the client spoke after the server. */
  readonly turns: number
  /** Bytes from the client. */
  readonly up: number
  readonly down: number
}

/** Where one proxy listens and what it stands for. */
export interface Route {
  readonly listen: { readonly address: string; readonly port: number }
  readonly to: { readonly address: string; readonly port: number }
}

/** A running delay proxy. */
export interface DelayProxy {
  /** The traffic since the last look. */
  readonly take: () => Promise<Traffic>
  readonly close: () => Promise<void>
}

/** Starts a proxy that makes a round trip on these routes take so many milliseconds, the TCP handshake's included. */
export async function startDelayProxy(routes: readonly Route[], roundTripMs: number): Promise<DelayProxy> {
  const child = fork(fileURLToPath(new URL('delay-proxy-process.ts', import.meta.url)), [], {
    execArgv: ['--import=tsx'],
  })
  const answer = async (): Promise<unknown> => {
    const listening = new AbortController()
    const { signal } = listening
    try {
      const ended = once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`the delay proxy ended with ${code}`)
      })
      ended.catch(() => {}) // the other one of the two is awaited
      const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [unknown]
      return message
    } finally {
      listening.abort()
    }
  }
  child.send({ routes, roundTripMs })
  await answer()
  return {
    take: async () => {
      child.send('take')
      return (await answer()) as Traffic // our own process, see delay-proxy-process.ts
    },
    close: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}
