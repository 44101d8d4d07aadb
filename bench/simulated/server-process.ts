// The process that serves some of the simulated hosts: an ssh2 server for each address, a real sh for each session. What a
// session sees as /run, /tmp and /var/lib is a folder of its host's own (unshare(1)), so that the agent's lock, its marks
// and what a playbook writes are the host's. It speaks with simulated-hosts.ts over the process's channel.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import ssh2, { type Connection } from 'ssh2'
import type { HostKind, Served } from './simulated-hosts.ts'

/** What the process is told once. */
export interface Order {
  readonly hosts: readonly { readonly name: string; readonly address: string; readonly kind: HostKind }[]
  readonly port: number
  readonly hostKey: string
  /** The one public key that opens every host. */
  readonly publicKey: string
  readonly folder: string
  /** Sessions at once that this process serves; more are refused, to protect the machine. */
  readonly mostSessions: number
}

const served: { -readonly [Key in keyof Served]: Served[Key] } = {
  open: 0,
  mostOpen: 0,
  logins: 0,
  sessions: 0,
  refused: 0,
}
let running = 0

process.on('message', (message: Order | 'look') => {
  if (message === 'look') process.send?.({ ...served })
  else void Promise.all(message.hosts.map((host) => serve(host, message))).then(() => process.send?.('ready'))
})
process.on('disconnect', () => process.exit(0))

function serve(host: Order['hosts'][number], order: Order): Promise<void> {
  const { address, kind } = host
  if (kind === 'refuses' || kind === 'vanished') return Promise.resolve()
  if (kind === 'silent') {
    const server = createServer((socket) => socket.on('error', () => {}).resume())
    return new Promise((resolve) => server.listen(order.port, address, resolve))
  }
  const folder = join(order.folder, host.name)
  for (const part of ['run', 'tmp', 'lib']) mkdirSync(join(folder, part), { recursive: true })
  const ssh = new ssh2.Server({ hostKeys: [order.hostKey] }, (client) => welcome(client, folder, order))
  const server = createServer({ noDelay: true }, (socket) => {
    served.open += 1
    served.mostOpen = Math.max(served.mostOpen, served.open)
    socket.on('close', () => {
      served.open -= 1
    })
    ssh.injectSocket(socket)
  })
  return new Promise((resolve) => server.listen(order.port, address, resolve))
}

function welcome(client: Connection, folder: string, order: Order): void {
  client.on('error', () => {}) // a client that goes away in the middle
  const known = ssh2.utils.parseKey(order.publicKey)
  if (known instanceof Error) throw known
  client.on('authentication', (context) => {
    const right =
      context.method === 'publickey' &&
      context.key.data.equals(known.getPublicSSH()) &&
      (!context.signature || known.verify(context.blob ?? Buffer.of(), context.signature, context.hashAlgo) === true)
    if (right) context.accept()
    else context.reject(['publickey'])
  })
  client.on('ready', () => {
    served.logins += 1
    client.on('session', (accept) => {
      accept().on('exec', (accept, reject, { command }) => {
        served.sessions += 1
        if (running >= order.mostSessions) {
          served.refused += 1
          reject()
          return
        }
        execute(accept(), folder, command)
      })
    })
  })
}

const enter =
  'for part in run tmp; do mount --bind "$1/$part" "/$part" || exit 125; done; mount --bind "$1/lib" /var/lib; exec sh -c "$2"'

function execute(channel: ssh2.ServerChannel, folder: string, command: string): void {
  running += 1
  const child = spawn('unshare', ['--mount', 'sh', '-c', enter, 'sh', folder, command], {
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LOGNAME: 'root',
      SSH_CONNECTION: '127.0.0.1 1 127.0.0.1 22',
    },
    cwd: '/',
  })
  channel.on('error', () => {})
  child.stdin.on('error', () => {}) // it has ended before it read everything
  channel.pipe(child.stdin)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  child.on('close', (code) => {
    running -= 1
    channel.exit(code ?? 128)
    channel.end()
  })
  channel.on('close', () => child.stdin.end())
}
