// provision lab …
import { ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import {
  type LabStatus,
  labDown,
  labKill,
  labLink,
  labReset,
  labStart,
  labStatus,
  labUp,
  parseLabHost,
} from '../lab/lab.ts'
import { makePaint } from '../report/paint.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { runTerminal } from './run-terminal.ts'
import { sshArguments } from './ssh-arguments.ts'

export interface LabCommandOptions {
  readonly name: string
  readonly host?: readonly string[]
  readonly acme?: boolean
  readonly output?: 'text' | 'json'
}

/** Progress on stderr, and Ctrl-C as an abort. */
async function working<T>(
  io: Io,
  body: (place: { onProgress: (message: string) => void; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const paint = makePaint(hasColour(io, io.stderr))
  const giveUp = new AbortController()
  const release = io.onSignal(() => (giveUp.signal.aborted ? io.exit(exitCode.interrupted) : giveUp.abort()))
  try {
    const onProgress = (message: string): void => void io.stderr.write(`${paint('dim', `lab: ${message}`)}\n`)
    return await body({ onProgress, signal: giveUp.signal })
  } catch (error) {
    if (!giveUp.signal.aborted) throw error
    const hint = 'provision lab up repairs a lab that is half up, provision lab down removes it.'
    throw new ProvisionError({ code: 'interrupted', message: 'interrupted', hint, cause: error })
  } finally {
    release()
  }
}

export async function upCommand(io: Io, { name, host, acme, output }: LabCommandOptions): Promise<number> {
  const hosts = host?.map(parseLabHost)
  const status = await working(io, (place) =>
    labUp({ name, ...(hosts && { hosts }), ...(acme === false && { acme }), ...place }),
  )
  return show(io, status, output)
}

export async function statusCommand(io: Io, { name, output }: LabCommandOptions): Promise<number> {
  return show(io, await labStatus(name), output)
}

export async function resetCommand(io: Io, { name, output }: LabCommandOptions): Promise<number> {
  return show(io, await working(io, (place) => labReset(name, place)), output)
}

export async function downCommand(io: Io, { name }: LabCommandOptions): Promise<number> {
  await working(io, (place) => labDown(name, place))
  return exitCode.ok
}

export async function killCommand(io: Io, hosts: readonly string[], { name }: LabCommandOptions): Promise<number> {
  await working(io, (place) => labKill(name, hosts, place))
  return exitCode.ok
}

export async function startCommand(io: Io, hosts: readonly string[], { name }: LabCommandOptions): Promise<number> {
  for (const host of hosts) await working(io, (place) => labStart(name, host, place))
  return exitCode.ok
}

export async function linkCommand(
  io: Io,
  host: string,
  state: 'up' | 'down',
  { name }: LabCommandOptions,
): Promise<number> {
  await working(io, (place) => labLink(name, host, state, place))
  return exitCode.ok
}

export async function labSshCommand(
  io: Io,
  name: string,
  words: readonly string[],
  { name: lab }: LabCommandOptions,
): Promise<number> {
  const { hosts, identityFile, knownHosts } = await labStatus(lab)
  const host = hosts.find((entry) => entry.name === name)
  if (!host) {
    const names = hosts.map((entry) => entry.name)
    const near = nearest(name, names)
    const hint = near ? `Did you mean '${near}'?` : `Hosts: ${names.join(', ')}.`
    throw new ProvisionError({ code: 'input', message: `no host '${name}' in the lab '${lab}'`, hint })
  }
  const { address, user } = host
  const connection = { address, user, identityFile, knownHosts, hostKeyChecking: 'strict' as const }
  // the user's own configuration is not for the lab's hosts
  return await runTerminal(io, 'ssh', ['-F', 'none', ...sshArguments({ name, connection }, words)])
}

function show(io: Io, status: LabStatus, output: 'text' | 'json' | undefined): number {
  if (output === 'json') {
    io.stdout.write(`${JSON.stringify(status)}\n`)
    return exitCode.ok
  }
  const paint = makePaint(hasColour(io, io.stdout))
  const width = Math.max(0, ...status.hosts.map((host) => host.name.length))
  const hosts = status.hosts.map(({ name, address, user, suite, running }) => {
    const state = running ? paint('green', 'running') : paint('red', 'not running')
    return `${paint('bold', name.padEnd(width))}  ${address.padEnd(15)}  ${user}  ${suite.padEnd(8)}  ${state}`
  })
  const files = [
    ['key', status.identityFile],
    ['known hosts', status.knownHosts],
    ...(status.acme
      ? [
          ['ACME directory', status.acme.directory],
          ['ACME root', status.acme.root],
        ]
      : []),
  ].map(([title = '', value]) => `${paint('dim', title.padEnd(14))}  ${value}`)
  io.stdout.write(`${[...hosts, '', ...files].join('\n')}\n`)
  return exitCode.ok
}
