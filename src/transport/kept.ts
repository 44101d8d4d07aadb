// Connections that outlive a run: a process that runs again and again (`watch`) logs in once to each host.
import { isDeepStrictEqual } from 'node:util'
import { asProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import type { Connect, Connection } from './connection.ts'

export interface KeptConnections {
  /**
   * Like the `Connect` it is made of, but `close` only lets go of the host's lock, and the next call for the host takes the
   * lock again on the same connection. One that no longer answers is replaced by a new one.
   */
  readonly connect: Connect
  /** Closes all for good; a connection that is in use then is closed when it is given back. */
  readonly close: () => Promise<void>
}

export interface KeepOptions {
  /** Keep the host's lock too, so that nobody else changes it between two runs. @default false */
  readonly locked?: boolean | undefined
}

interface Kept {
  readonly connection: Connection
  readonly settings: InventoryHost['connection']
}

/**
 * Keeps the connections of several runs.
 * @example
 * const kept = keepConnections(makeConnect())
 * await run({ ...request, connect: kept.connect })
 * await run({ ...request, connect: kept.connect })
 * await kept.close()
 */
export function keepConnections(connect: Connect, { locked = false }: KeepOptions = {}): KeptConnections {
  const idle = new Map<string, Kept>()
  let over = false

  const keep = async (name: string, kept: Kept): Promise<void> => {
    const other = idle.get(name)
    const { connection } = kept
    if (over || other || (!connection.rest && !locked)) return await connection.close()
    idle.set(name, kept)
    if (locked) return
    await connection.rest?.().catch(async () => {
      if (idle.get(name) === kept) idle.delete(name)
      await connection.close()
    })
  }

  /** The connection for one run: counts that run's requests, and is not kept if it broke. */
  const lend = (name: string, kept: Kept, before: number): Connection => {
    const { connection } = kept
    let broken = false
    let returned = false
    return {
      run: async (steps, options) => {
        try {
          return await connection.run(steps, options)
        } catch (error) {
          broken ||= !(error instanceof TypeError) // one that could not be sent leaves the connection as it was
          throw error
        }
      },
      get requests() {
        return connection.requests - before
      },
      probeFresh: connection.probeFresh,
      close: async () => {
        if (returned) return
        returned = true
        if (broken) await connection.close()
        else await keep(name, kept)
      },
    }
  }

  return {
    connect: async (host, secrets, progress) => {
      if (progress?.lock === false) return await connect(host, secrets, progress)
      const { name, connection: settings } = host
      const kept = idle.get(name)
      idle.delete(name)
      if (kept && isDeepStrictEqual(kept.settings, settings)) {
        try {
          if (!locked) await kept.connection.resume?.(progress)
          return lend(name, kept, kept.connection.requests)
        } catch (error) {
          await kept.connection.close()
          const { code } = asProvisionError(error)
          if (code === 'locked' || code === 'interrupted') throw error
        }
      } else await kept?.connection.close()
      const connection = await connect(host, secrets, progress)
      return lend(name, { connection, settings }, 0)
    },
    close: async () => {
      over = true
      const all = [...idle.values()]
      idle.clear()
      await Promise.all(all.map(({ connection }) => connection.close().catch(() => undefined)))
    },
  }
}
