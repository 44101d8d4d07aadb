// ping, facts, exec, ssh: what an operator reaches for between two runs.
import { spawn } from 'node:child_process'
import { asProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import { inParallel } from '../engine/batches.ts'
import { readFacts } from '../engine/facts.ts'
import { renderError } from '../report/error.ts'
import { makePaint } from '../report/paint.ts'
import { quote } from '../shell/quote.ts'
import { connect } from '../transport/connect.ts'
import type { Connection } from '../transport/connection.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { type OpenedSite, openSite, type SiteOptions, selectHosts } from './open-site.ts'

interface HostOptions extends SiteOptions {
  readonly forks: number
  readonly debug?: boolean
}

/** Does something with each host of a pattern over a connection of its own; shows what fails. */
async function eachHost(
  io: Io,
  pattern: string,
  given: object,
  body: (connection: Connection, host: InventoryHost, site: OpenedSite) => Promise<number>,
): Promise<number> {
  const options = given as HostOptions // commander's parsers made it so
  const site = await openSite(io, options)
  const codes: number[] = []
  const giveUp = new AbortController()
  const ignore = io.onInterrupt(() => giveUp.abort())
  try {
    await inParallel(selectHosts(site.inventory, pattern), options.forks, async (host) => {
      try {
        const connection = await connect(host, site.secrets, { signal: giveUp.signal, lock: false })
        try {
          codes.push(await body(connection, host, site))
        } finally {
          await connection.close()
        }
      } catch (error) {
        const known = asProvisionError(error)
        const context = {
          paint: makePaint(hasColour(io, io.stderr)),
          cwd: io.cwd,
          columns: io.stderr.columns ?? 100,
          debug: options.debug ?? false,
          subject: host.name,
        }
        io.stderr.write(site.secrets.redact(renderError(known, context)))
        codes.push(known.code === 'internal' ? exitCode.input : exitCode.unreachable)
      }
    })
  } finally {
    ignore()
  }
  if (giveUp.signal.aborted) return exitCode.interrupted
  return codes.includes(exitCode.failed) ? exitCode.failed : Math.max(0, ...codes)
}

/** `provision ping`. */
export function pingCommand(io: Io, pattern: string, options: object): Promise<number> {
  const started = performance.now()
  return eachHost(io, pattern, options, async (connection, host) => {
    const [answer] = await connection.run([{ script: 'id -un' }])
    io.stdout.write(`${host.name}  ok  as ${answer?.stdout.trim()}  ${Math.round(performance.now() - started)} ms\n`)
    return exitCode.ok
  })
}

/** `provision facts`. */
export function factsCommand(io: Io, pattern: string, options: object): Promise<number> {
  return eachHost(io, pattern, options, async (connection, host) => {
    io.stdout.write(
      `${JSON.stringify({ host: host.name, ...(await readFacts(connection, host.name)) }, undefined, 2)}\n`,
    )
    return exitCode.ok
  })
}

/** `provision exec`: one argument is shell text, several are words. */
export function execCommand(io: Io, pattern: string, words: readonly string[], options: object): Promise<number> {
  const script = words.length === 1 ? (words[0] ?? '') : words.map(quote).join(' ')
  return eachHost(io, pattern, options, async (connection, host) => {
    const [answer] = await connection.run([{ script: `set +eu\n${script}` }])
    const prefix = (text: string) =>
      text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${host.name}  ${line}\n`)
        .join('')
    if (answer?.stdout) io.stdout.write(prefix(answer.stdout))
    if (answer?.stderr) io.stderr.write(prefix(answer.stderr))
    if (answer?.code !== 0) io.stderr.write(`${host.name}  exit code ${answer?.code}\n`)
    return answer?.code === 0 ? exitCode.ok : exitCode.failed
  })
}

/** `provision ssh`: OpenSSH with the inventory's settings. */
export async function sshCommand(io: Io, name: string, words: readonly string[], given: object): Promise<number> {
  const site = await openSite(io, given as HostOptions) // commander's parsers made it so
  const { connection } = site.inventory.host(name)
  const jumps = [connection.proxyJump ?? []].flat()
  const args = [
    ...(connection.port === undefined ? [] : ['-p', String(connection.port)]),
    ...(connection.user === undefined ? [] : ['-l', connection.user]),
    ...(connection.identityFile === undefined ? [] : ['-i', connection.identityFile]),
    ...(connection.knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${connection.knownHosts}`]),
    ...(jumps.length === 0 ? [] : ['-J', jumps.join(',')]),
    '--',
    connection.address,
    ...words,
  ]
  return await runTerminal('ssh', args)
}

/** Runs a program on our terminal; resolves to its exit code. */
export function runTerminal(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? exitCode.interrupted))
  })
}
