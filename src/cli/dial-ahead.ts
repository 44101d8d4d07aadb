// Logging in while the playbook loads: the inventory says how to reach the hosts, the last run of the same command says
// which of them it used. Nothing is started on a host before the run itself asks for something.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Inventory } from '../core/host.ts'
import type { Secrets } from '../core/secret.ts'
import type { Connect, Connection, ConnectProgress } from '../transport/connection.ts'

/** Hosts that are being dialled. */
export interface DialAhead {
  /** Hands over a dialled connection once; dials the other hosts. */
  readonly connect: Connect
  /** Hosts are being called over ssh. */
  readonly overSsh: boolean
  /** For the next run: these hosts were used. */
  readonly remember: (hosts: readonly string[]) => void
  /** Closes what nobody took. */
  readonly close: () => Promise<void>
}

interface Call {
  readonly connection: Promise<Connection>
  readonly abort: AbortController
  /** What is told of it: kept until the run takes the call. */
  readonly story: Story
}

class Story {
  private readonly told: [number, string][] = []
  private listener: ConnectProgress | undefined
  private hasAnswered = false

  tell(attempt: number, detail: string): void {
    this.told.push([attempt, detail])
    this.listener?.onAttempt?.(attempt, detail)
  }

  answer(): void {
    this.hasAnswered = true
    this.listener?.onAnswer?.()
  }

  listen(listener: ConnectProgress): void {
    this.listener = listener
    for (const [attempt, detail] of this.told) listener.onAttempt?.(attempt, detail)
    if (this.hasAnswered) listener.onAnswer?.()
  }
}

/** More hosts than this are called one after the other, by the run. */
const most = 20

/**
 * Dials the hosts that the last run of this command used.
 * @param command whatever tells one command from another: playbook, inventory, limit
 */
export function dialAhead(
  connect: Connect,
  inventory: Inventory,
  secrets: Secrets,
  { folder, command }: { readonly folder: string; readonly command: readonly (string | undefined)[] },
): DialAhead {
  const digest = createHash('sha256').update(JSON.stringify(command)).digest('hex').slice(0, 16)
  const file = join(folder, `hosts-of-${digest}.json`)
  const known = readNames(file)
  const calls = new Map<string, Call>()
  const wanted = known.length > most ? [] : inventory.hosts.filter((host) => known.includes(host.name))
  for (const host of wanted) {
    const abort = new AbortController()
    const story = new Story()
    const onAttempt = (attempt: number, detail: string) => story.tell(attempt, detail)
    const onAnswer = () => story.answer()
    const connection = connect(host, secrets, { signal: abort.signal, onAttempt, onAnswer })
    connection.catch(() => undefined) // told to who takes the call
    calls.set(host.name, { abort, story, connection })
  }
  return {
    overSsh: wanted.some((host) => host.connection.connection !== 'local'),
    connect: async (host, given, progress = {}) => {
      const call = calls.get(host.name)
      if (!call || progress.lock === false) return await connect(host, given, progress)
      calls.delete(host.name)
      call.story.listen(progress)
      const hangUp = () => call.abort.abort()
      progress.signal?.addEventListener('abort', hangUp, { once: true })
      if (progress.signal?.aborted) hangUp()
      await progress.admit?.()
      return await call.connection
    },
    remember: (hosts) => {
      const names = [...hosts].sort()
      if (names.join() !== known.join()) writeNames(file, names)
    },
    close: async () => {
      const left = [...calls.values()]
      calls.clear()
      for (const call of left) call.abort.abort()
      await Promise.all(
        left.map((call) => call.connection.then((connection) => connection.close()).catch(() => undefined)),
      )
    },
  }
}

function readNames(file: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
  } catch {
    return [] // the first run, or no file of ours
  }
}

/** What cannot be kept costs the next run a moment, no more. */
function writeNames(file: string, names: readonly string[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, `${JSON.stringify(names)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch {}
}
