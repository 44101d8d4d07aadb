// Many hosts on one machine, without their operating systems: each has an address in 127.0.0.0/8 and an ssh server that runs
// real shells; some may be dead in one of three ways. They need Linux and root (for unshare and the vanished hosts).
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import type { Order } from './server-process.ts'

/** `refuses`: no server; `silent`: takes the connection and never says a word; `vanished`: packets to it are lost. */
export type HostKind = 'live' | 'refuses' | 'silent' | 'vanished'

/** What all servers have seen since they were started. */
export interface Served {
  /** Connections now, and the most at any moment. */
  readonly open: number
  readonly mostOpen: number
  readonly logins: number
  readonly sessions: number
  /** Sessions that were refused because there were too many at once. */
  readonly refused: number
}

export interface SimulatedHost {
  readonly name: string
  readonly address: string
  readonly kind: HostKind
}

export interface SimulatedHosts {
  readonly hosts: readonly SimulatedHost[]
  readonly port: number
  readonly identityFile: string
  readonly knownHosts: string
  /** `mostOpen` is exact with up to 250 hosts, which one process serves; with more it is the sum of each process's most. */
  readonly look: () => Promise<Served>
  readonly close: () => Promise<void>
}

export interface SimulationOptions {
  /** Holds keys and the hosts' files; emptied first. */
  readonly folder: string
  readonly count: number
  /** What the host of that index is. @default every host is live */
  readonly kindOf?: (index: number) => HostKind
  /** Second byte of the addresses; two simulations at once need two. @default 66 */
  readonly network?: number
}

const port = 2222
const perProcess = 250

/** Starts the servers and answers when every live host listens. */
export async function startSimulatedHosts(options: SimulationOptions): Promise<SimulatedHosts> {
  const { folder, count, kindOf = () => 'live', network = 66 } = options
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const hosts = Array.from({ length: count }, (_, index): SimulatedHost => {
    const kind = kindOf(index)
    const number = `${Math.floor(index / 250)}.${(index % 250) + 1}`
    const address = kind === 'vanished' ? `198.18.${number}` : `127.${network}.${number}`
    return { name: `host${String(index + 1).padStart(4, '0')}`, address, kind }
  })
  const own = ssh2.utils.generateKeyPairSync('ed25519')
  const theirs = ssh2.utils.generateKeyPairSync('ed25519')
  const identityFile = join(folder, 'identity')
  const knownHosts = join(folder, 'known_hosts')
  await writeFile(identityFile, own.private, { mode: 0o600 })
  await writeFile(knownHosts, hosts.map(({ address }) => `[${address}]:${port} ${theirs.public}\n`).join(''))
  const hole = hosts.some(({ kind }) => kind === 'vanished') ? await openHole(network) : undefined
  const processes: ChildProcess[] = []
  const close = async () => {
    await Promise.all(processes.map(end))
    await hole?.close()
  }
  try {
    for (let from = 0; from < count; from += perProcess) {
      const child = fork(fileURLToPath(new URL('server-process.ts', import.meta.url)), [], {
        execArgv: ['--import=tsx'],
      })
      processes.push(child)
      const part = hosts.slice(from, from + perProcess)
      const keys = { hostKey: theirs.private, publicKey: own.public }
      await ask(child, { hosts: part, port, ...keys, folder, mostSessions: 300 } satisfies Order)
    }
  } catch (error) {
    await close()
    throw error
  }
  const look = async (): Promise<Served> => {
    const all = (await Promise.all(processes.map((child) => ask(child, 'look')))) as Served[] // see server-process.ts
    const sum = (key: keyof Served) => all.reduce((total, served) => total + served[key], 0)
    return {
      open: sum('open'),
      mostOpen: sum('mostOpen'),
      logins: sum('logins'),
      sessions: sum('sessions'),
      refused: sum('refused'),
    }
  }
  return { hosts, port, identityFile, knownHosts, look, close }
}

/** An inventory file of the hosts; `more` are other settings of all hosts, connectTimeout for one. */
export async function writeInventory(
  simulated: SimulatedHosts,
  file: string,
  more: Readonly<Record<string, number>> = {},
): Promise<void> {
  const { hosts, port, identityFile, knownHosts } = simulated
  const entries = Object.fromEntries(hosts.map(({ name, address }) => [name, { address }]))
  const entry = JSON.stringify({ user: 'root', port, identityFile, knownHosts, ...more, hosts: entries })
  await writeFile(file, `import { defineInventory } from 'hostwright'\n\nexport default defineInventory(${entry})\n`)
}

async function ask(child: ChildProcess, message: Order | 'look'): Promise<unknown> {
  const waiting = new AbortController()
  const { signal } = waiting
  try {
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`a process of simulated hosts ended with ${code}`)
    })
    ended.catch(() => {}) // the other one of the two is awaited
    const answered = once(child, 'message', { signal })
    answered.catch(() => {})
    child.send(message)
    const [answer] = (await Promise.race([answered, ended])) as [unknown]
    return answer
  } finally {
    waiting.abort()
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

/** Sends 198.18.0.0/15, which is set aside for benchmarks (RFC 2544), down a cable with nobody at its end. */
async function openHole(network: number): Promise<{ close: () => Promise<void> }> {
  const ip = async (...args: string[]) => await promisify(execFile)('ip', args)
  const name = `hole${network}`
  await ip('link', 'delete', name).catch(() => {}) // what a killed simulation left
  await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}end`)
  const close = async () => void (await ip('link', 'delete', name).catch(() => {}))
  try {
    await ip('link', 'set', name, 'arp', 'off', 'up')
    await ip('link', 'set', `${name}end`, 'up')
    await ip('route', 'replace', '198.18.0.0/15', 'dev', name)
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}
