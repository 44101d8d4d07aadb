// ping, facts, exec, ssh: what an operator reaches for between two runs.
import { asProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import { inParallel } from '../engine/batches.ts'
import { readFacts } from '../engine/facts.ts'
import { LineBuffer } from '../engine/line-buffer.ts'
import { renderError } from '../report/error.ts'
import { makePaint } from '../report/paint.ts'
import { count } from '../report/text.ts'
import { quote } from '../shell/quote.ts'
import { connect } from '../transport/connect.ts'
import type { Connection } from '../transport/connection.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { type OpenedSite, openSite, type SiteOptions, selectHosts } from './open-site.ts'
import { errorContext } from './report-error.ts'
import { runTerminal } from './run-terminal.ts'
import { sshArguments } from './ssh-arguments.ts'

export interface HostOptions extends SiteOptions {
  readonly forks: number
  readonly debug?: boolean
}

interface OneHost {
  readonly host: InventoryHost
  readonly site: OpenedSite
  readonly connection: Connection
  /** All hosts of the command. */
  readonly hosts: readonly InventoryHost[]
  /** Milliseconds since this host's turn began. */
  readonly elapsed: () => number
  readonly signal: AbortSignal
}

/** Does something with each host of a pattern over a connection of its own; shows what fails. */
async function eachHost(
  io: Io,
  pattern: string,
  options: HostOptions,
  body: (one: OneHost) => Promise<number>,
): Promise<number> {
  const site = await openSite(io, options)
  const hosts = selectHosts(site.inventory, pattern)
  const codes: number[] = []
  const giveUp = new AbortController()
  const release = io.onSignal(() => (giveUp.signal.aborted ? io.exit(exitCode.interrupted) : giveUp.abort()))
  const { signal } = giveUp
  try {
    await inParallel(hosts, options.forks, async (host) => {
      if (signal.aborted) return
      const started = performance.now()
      try {
        const connection = await (io.connect ?? connect)(host, site.secrets, { signal, lock: false })
        try {
          const elapsed = () => Math.round(performance.now() - started)
          codes.push(await body({ host, site, connection, hosts, elapsed, signal }))
        } finally {
          await connection.close()
        }
      } catch (error) {
        if (signal.aborted) return
        const known = asProvisionError(error)
        const context = { ...errorContext(io, options.debug ?? false), subject: host.name }
        io.stderr.write(site.secrets.redact(renderError(known, context)))
        codes.push(known.code === 'internal' ? exitCode.input : exitCode.unreachable)
      }
    })
  } finally {
    release()
  }
  if (signal.aborted) return exitCode.interrupted
  const worst = [exitCode.input, exitCode.failed, exitCode.unreachable].find((code) => codes.includes(code))
  return worst ?? exitCode.ok
}

/** `provision ping`. */
export function pingCommand(io: Io, pattern: string, options: HostOptions): Promise<number> {
  const paint = makePaint(hasColour(io, io.stdout))
  return eachHost(io, pattern, options, async ({ host, hosts, connection, elapsed }) => {
    const [answer] = await connection.run([{ script: 'id -un' }])
    const name = host.name.padEnd(widest(hosts))
    io.stdout.write(
      `${name}  ${paint('green', 'ok')}  as ${answer?.stdout.trim()}  ${paint('dim', `${elapsed()} ms`)}\n`,
    )
    return exitCode.ok
  })
}

/** `provision facts`. */
export function factsCommand(io: Io, pattern: string, options: HostOptions): Promise<number> {
  return eachHost(io, pattern, options, async ({ host, connection }) => {
    const facts = { host: host.name, ...(await readFacts(connection, host.name)) }
    io.stdout.write(`${JSON.stringify(facts, undefined, 2)}\n`)
    return exitCode.ok
  })
}

/** `provision exec`: one argument is shell text, several are words. */
export async function execCommand(
  io: Io,
  pattern: string,
  words: readonly string[],
  options: HostOptions,
): Promise<number> {
  const script = words.length === 1 ? (words[0] ?? '') : words.map(quote).join(' ')
  const paint = makePaint(hasColour(io, io.stderr))
  const codes: number[] = []
  const exit = await eachHost(io, pattern, options, async ({ host, hosts, site, connection, signal }) => {
    const name = host.name.padEnd(widest(hosts))
    const buffers = { stdout: new LineBuffer(), stderr: new LineBuffer() }
    const write = (stream: 'stdout' | 'stderr', lines: readonly string[]): void => {
      for (const line of lines) io[stream].write(`${name}  ${site.secrets.redact(line)}\n`)
    }
    const [answer] = await connection.run([{ script: `set +eu\n${script}` }], {
      signal,
      onOutput: (_step, stream, text) => write(stream, buffers[stream].push(text)),
    })
    write('stdout', buffers.stdout.end())
    write('stderr', buffers.stderr.end())
    const code = answer?.code ?? -1
    codes.push(code)
    if (code !== 0) io.stderr.write(`${name}  ${paint('red', `exit code ${code}`)}\n`)
    return code === 0 ? exitCode.ok : exitCode.failed
  })
  const good = codes.filter((code) => code === 0).length
  if (codes.length > 1)
    io.stderr.write(
      paint('dim', `${count(codes.length, 'host')}: ${good} ok, ${codes.length - good} failed`).concat('\n'),
    )
  return exit
}

/** `provision ssh`: OpenSSH with the inventory's settings. */
export async function sshCommand(
  io: Io,
  name: string,
  words: readonly string[],
  options: HostOptions,
): Promise<number> {
  const { inventory } = await openSite(io, options)
  return await runTerminal(io, 'ssh', sshArguments(inventory.host(name), words))
}

function widest(hosts: readonly InventoryHost[]): number {
  return Math.max(0, ...hosts.map((host) => host.name.length))
}
