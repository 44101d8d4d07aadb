// Starts the client of an outage measurement and collects what it tells.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Site } from '../../scripts/site-client.ts'

/** One request of the client. Times are milliseconds of the clock. */
export interface Attempt {
  readonly kind: 'write' | 'read'
  /** The number of the row; reads are counted too. */
  readonly number: number
  readonly started: number
  readonly ended: number
  /** Why it counts as failed; absent: it succeeded. */
  readonly failure?: string
  /** Of a read: the highest number among the rows that came. */
  readonly newest?: number
}

/** What the client shall do. */
export interface ClientOrder {
  readonly site: Site
  /** Rows are named `<prefix>-<number>`. */
  readonly prefix: string
  /** Milliseconds between two rows. */
  readonly every: number
  /** Milliseconds after which an attempt without an answer has failed. */
  readonly patience: number
}

export interface Client {
  /** All attempts that have ended, in the order in which they ended. */
  readonly attempts: readonly Attempt[]
  /** Starts no more attempts and waits for those that run. */
  readonly stop: () => Promise<void>
}

/** Starts the client. */
export function startClient(order: ClientOrder): Client {
  const attempts: Attempt[] = []
  const child = fork(fileURLToPath(new URL('client-process.ts', import.meta.url)), [JSON.stringify(order)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.on('message', (message) => attempts.push(message as Attempt)) // of our own process
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the client ended with ${code}`))))
  })
  ended.catch(() => undefined) // whoever stops the client hears of it
  return {
    attempts,
    stop: async () => {
      if (child.connected) child.send('stop')
      await ended
    },
  }
}
