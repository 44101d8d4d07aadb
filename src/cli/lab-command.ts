// provision lab …
import { type LabStatus, labDown, labKill, labReset, labStart, labStatus, labUp, parseLabHost } from '../lab/lab.ts'
import { makePaint } from '../report/paint.ts'
import { runTerminal } from './host-commands.ts'
import { exitCode, hasColour, type Io } from './io.ts'

interface LabCommandOptions {
  readonly name: string
  readonly host?: readonly string[]
  readonly acme?: boolean
  readonly output?: 'text' | 'json'
}

const parsed = (given: object): LabCommandOptions => given as LabCommandOptions // commander's parsers made it so

/** Progress on stderr, and Ctrl-C as an abort. */
async function working<T>(
  io: Io,
  body: (place: { onProgress: (message: string) => void; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const paint = makePaint(hasColour(io, io.stderr))
  const giveUp = new AbortController()
  const ignore = io.onInterrupt(() => giveUp.abort())
  try {
    return await body({
      onProgress: (message) => io.stderr.write(`${paint('dim', `lab: ${message}`)}\n`),
      signal: giveUp.signal,
    })
  } finally {
    ignore()
  }
}

export async function upCommand(io: Io, given: object): Promise<number> {
  const { name, host, acme, output } = parsed(given)
  const hosts = host?.map(parseLabHost)
  const status = await working(io, (place) =>
    labUp({ name, ...(hosts && { hosts }), ...(acme === false && { acme }), ...place }),
  )
  return show(io, status, output)
}

export async function statusCommand(io: Io, given: object): Promise<number> {
  const { name, output } = parsed(given)
  return show(io, await labStatus(name), output)
}

export async function resetCommand(io: Io, given: object): Promise<number> {
  const { name, output } = parsed(given)
  return show(io, await working(io, (place) => labReset(name, place)), output)
}

export async function downCommand(io: Io, given: object): Promise<number> {
  await working(io, (place) => labDown(parsed(given).name, place))
  return exitCode.ok
}

export async function killCommand(io: Io, host: string, given: object): Promise<number> {
  await working(io, (place) => labKill(parsed(given).name, host, place))
  return exitCode.ok
}

export async function startCommand(io: Io, host: string, given: object): Promise<number> {
  await working(io, (place) => labStart(parsed(given).name, host, place))
  return exitCode.ok
}

export async function labSshCommand(_io: Io, host: string, words: readonly string[], given: object): Promise<number> {
  const status = await labStatus(parsed(given).name)
  const found = status.hosts.find((entry) => entry.name === host)
  const address = found?.address ?? host
  return await runTerminal('ssh', [
    '-F',
    'none',
    '-i',
    status.identityFile,
    '-o',
    `UserKnownHostsFile=${status.knownHosts}`,
    '-l',
    found?.user ?? 'root',
    '--',
    address,
    ...words,
  ])
}

function show(io: Io, status: LabStatus, output: 'text' | 'json' | undefined): number {
  if (output === 'json') {
    io.stdout.write(`${JSON.stringify(status)}\n`)
    return exitCode.ok
  }
  const width = Math.max(0, ...status.hosts.map((host) => host.name.length))
  for (const host of status.hosts)
    io.stdout.write(`${host.name.padEnd(width)}  ${host.address.padEnd(15)}  ${host.user.padEnd(8)}  ${host.suite}\n`)
  io.stdout.write(
    `key ${status.identityFile}\nknown hosts ${status.knownHosts}\n${status.acme ? `ACME directory ${status.acme.directory}, root ${status.acme.root}\n` : ''}`,
  )
  return exitCode.ok
}
