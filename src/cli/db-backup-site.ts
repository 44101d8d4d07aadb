// The database servers of an inventory as their backups see them: a connection to each, and the programs that the role backup left there.
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import { inParallel } from '../engine/batches.ts'
import { connect } from '../transport/connect.ts'
import type { Connection } from '../transport/connection.ts'
import { exitCode, type Io } from './io.ts'
import { openSite, type SiteOptions, selectHosts } from './open-site.ts'

export interface BackupOptions extends SiteOptions {
  readonly group: string
  readonly forks: number
  readonly output?: 'text' | 'json'
  readonly debug?: boolean
}

/** Where the role backup puts its programs. */
export const programs = '/usr/local/lib/backup'

/** A database server, as far as it answers. */
export interface BackupServer {
  readonly host: InventoryHost
  /** Why it cannot be asked; undefined = it can. */
  readonly unreachable: string | undefined
  /** Runs a script as root and gives its output; throws what it says if it fails. */
  readonly run: (what: string, script: string, options?: ScriptOptions) => Promise<string>
}

export interface ScriptOptions {
  /** Seconds. @default 120 */
  readonly timeout?: number
  readonly onOutput?: (text: string) => void
}

/** One snapshot in one place. */
export interface Backup {
  readonly target: string
  readonly id: string
  readonly time: Date
  readonly host: string
  /** When it was restored and found whole; undefined = never yet. */
  readonly tested: Date | undefined
}

/** Connects to the database servers for as long as a command takes. `lock`: nobody else may change them meanwhile. */
export async function withServers(
  io: Io,
  options: BackupOptions,
  lock: boolean,
  body: (servers: readonly BackupServer[]) => Promise<number>,
): Promise<number> {
  const { inventory, secrets } = await openSite(io, options)
  const hosts = selectHosts(inventory, options.group, '--group')
  const connections = new Map<string, Connection>()
  const reasons = new Map<string, string>()
  const giveUp = new AbortController()
  const release = io.onSignal(() => (giveUp.signal.aborted ? io.exit(exitCode.interrupted) : giveUp.abort()))
  const { signal } = giveUp
  const server = (host: InventoryHost): BackupServer => ({
    host,
    unreachable: reasons.get(host.name),
    run: async (what, script, { timeout = 120, onOutput } = {}) => {
      const connection = connections.get(host.name)
      if (!connection)
        throw new ProvisionError({ code: 'unreachable', message: `${host.name}: ${reasons.get(host.name)}` })
      const [result] = await connection.run([{ script, timeout }], {
        signal,
        ...(onOutput && { onOutput: (_step, _stream, text) => onOutput(secrets.redact(text)) }),
      })
      if (result?.code === 0) return result.stdout
      throw new ProvisionError({
        code: result?.timedOut ? 'timeout' : 'apply',
        message: `${host.name}: ${what} failed${result?.timedOut ? ` after ${timeout} seconds` : ''}`,
        detail: secrets.redact((result?.stderr || result?.stdout || '').trim()) || 'nothing on stderr',
      })
    },
  })
  try {
    await inParallel(hosts, options.forks, async (host) => {
      try {
        const connection = await (io.connect ?? connect)(host, secrets, { signal, lock })
        connections.set(host.name, connection)
        await connection.run([{ script: ':' }])
      } catch (error) {
        if (signal.aborted) throw error
        connections.delete(host.name)
        reasons.set(host.name, asProvisionError(error).message)
      }
    })
    return await body(hosts.map(server))
  } finally {
    release()
    await Promise.all([...connections.values()].map((connection) => connection.close().catch(() => undefined)))
  }
}

/** The backups of the databases in all places that answer, the newest first, and the places that do not; asked of the first server that can. */
export async function readBackups(servers: readonly BackupServer[]): Promise<{ backups: Backup[]; silent: string[] }> {
  const asked = servers.find(({ unreachable }) => unreachable === undefined)
  if (!asked) throw new ProvisionError({ code: 'unreachable', message: 'no database server answers' })
  const output = await asked.run(
    'reading the backups',
    `[ -x ${programs}/database ] || { echo 'the role backup has not run here' >&2; exit 1; }\n${programs}/database list`,
  )
  return parseBackups(output)
}

interface Listed {
  readonly target: string
  readonly snapshots: readonly { id: string; time: string; host: string; tags?: string[]; paths?: string[] }[] | null
}

/** What `database list` prints: a line of JSON for each place. */
export function parseBackups(output: string): { backups: Backup[]; silent: string[] } {
  const places = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Listed)
  const backups = places.flatMap(({ target, snapshots }) => {
    const tests = (snapshots ?? []).filter(({ tags }) => tags?.includes('restore-test'))
    return (snapshots ?? [])
      .filter(({ tags }) => tags?.includes('database'))
      .map(({ id, time, host }): Backup => {
        const test = tests.findLast(({ paths }) => paths?.includes(`/of-${id}`))
        return { target, id, time: new Date(time), host, tested: test && new Date(test.time) }
      })
  })
  return {
    backups: backups.sort((a, b) => b.time.getTime() - a.time.getTime()),
    silent: places.filter(({ snapshots }) => snapshots === null).map(({ target }) => target),
  }
}
