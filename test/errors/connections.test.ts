// What the command says of hosts that do not let us in: real sockets on this machine, and an ssh server of the test's own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import ssh2 from 'ssh2'
import { provision, site } from '../cli/stand-in.ts'

const folder = mkdtempSync(join(tmpdir(), 'hostwright-keys-'))
test.after.always(() => rmSync(folder, { recursive: true }))

/** A new key by ssh-keygen: that of ssh2 now and then makes one that ssh2 itself cannot read. */
function makeKey(name: string): { hostKey: string; publicKey: string } {
  const file = join(folder, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
  return { hostKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8').trim() }
}
const { hostKey, publicKey } = makeKey('host')
const { publicKey: strangersKey } = makeKey('stranger')

/** The port of a server that listens on this machine until the test is over. */
async function listen(t: ExecutionContext, server: Server | ssh2.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

function tcp(t: ExecutionContext, greet: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  return listen(
    t,
    createServer((socket) => {
      sockets.push(socket.on('error', () => undefined)) // the client leaves when it has heard enough
      greet(socket)
    }),
  )
}

/** An ssh server that knows nobody. */
const sshd = (t: ExecutionContext): Promise<number> =>
  listen(
    t,
    new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
      client.on('error', () => undefined).on('authentication', (context) => context.reject(['publickey']))
    }),
  )

/** A port that nothing listens on. */
async function closed(t: ExecutionContext): Promise<number> {
  const server = createServer()
  const port = await listen(t, server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Row {
  readonly title: string
  readonly port: (t: ExecutionContext) => Promise<number>
  /** More about the host, in the inventory. */
  readonly settings?: string
  readonly knownHosts?: (port: number) => string
  /** All of the output; PORT and FINGERPRINT stand for what differs each time, `%` for the folder of the site. */
  readonly says: string
}

const rows: readonly Row[] = [
  {
    title: 'a port that nothing listens on',
    port: closed,
    says: `✗ web1
  web1 (admin@127.0.0.1:PORT): 127.0.0.1 refuses connections on port PORT

    connect ECONNREFUSED 127.0.0.1:PORT

  Is sshd running there, and is PORT its port? (port in the inventory or ~/.ssh/config)
`,
  },
  {
    title: 'a server that is no ssh server',
    settings: 'connectTimeout: 5',
    port: (t) => tcp(t, (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    says: `✗ web1
  web1 (admin@127.0.0.1:PORT): the handshake took longer than 5 s

  Is it sshd that listens on port PORT there? (port in the inventory or ~/.ssh/config)
`,
  },
  {
    title: 'a host whose key nobody knows',
    port: sshd,
    says: `✗ web1
  web1 (admin@127.0.0.1:PORT): the host key is not known, and hostKeyChecking is 'strict'

    shown: ssh-ed25519 FINGERPRINT
    looked for [127.0.0.1]:PORT in %/inventory/known_hosts

  Compare the fingerprint on the host (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then: ssh-keyscan -p PORT 127.0.0.1 >> %/inventory/known_hosts, or set hostKeyChecking: 'accept-new'
`,
  },
  {
    title: 'a host with another key than the one that we know',
    port: sshd,
    knownHosts: (port) => `[127.0.0.1]:${port} ${strangersKey}\n`,
    says: `✗ web1
  web1 (admin@127.0.0.1:PORT): THE HOST KEY HAS CHANGED; someone may be listening in, or the server was reinstalled

    shown now:  ssh-ed25519 FINGERPRINT
    known:      ssh-ed25519 FINGERPRINT  (%/inventory/known_hosts:1)

  Only if you know why it changed: ssh-keygen -R '[127.0.0.1]:PORT' -f %/inventory/known_hosts
`,
  },
  {
    title: 'a host that does not know us',
    port: sshd,
    knownHosts: (port) => `[127.0.0.1]:${port} ${publicKey}\n`,
    settings: "password: 'correct horse'",
    says: `✗ web1
  web1 (admin@127.0.0.1:PORT): the server takes none of our keys and passwords

    tried: …
    the server takes: publickey

  Is our public key in ~admin/.ssh/authorized_keys on the host, and is admin the right user?
`,
  },
  {
    title: 'a key that is not there',
    port: sshd,
    settings: "hostKeyChecking: 'off', identityFile: 'id_none'",
    says: `✗ web1
  the identity file %/inventory/id_none does not exist

  Create it (ssh-keygen -t ed25519 -f %/inventory/id_none) or correct identityFile in the inventory.
`,
  },
  {
    title: 'a jump host that is closed',
    port: closed,
    settings: "proxyJump: 'admin@127.0.0.1:1'",
    says: `✗ web1
  web1 via 127.0.0.1 (admin@127.0.0.1:1): 127.0.0.1 refuses connections on port 1

    connect ECONNREFUSED 127.0.0.1:1

  Is sshd running there, and is 1 its port? (port in the inventory or ~/.ssh/config)
`,
  },
]

for (const { title, port: open, settings = '', knownHosts, says } of rows) {
  test(title, async (t) => {
    const port = await open(t)
    const cwd = site(t, {
      'inventory/hosts.ts': `import { defineInventory } from 'hostwright'
export default defineInventory({
  knownHosts: 'known_hosts',
  connectAttempts: 1,
  hosts: { web1: { address: '127.0.0.1', port: ${port}, user: 'admin', ${settings} } },
})
`,
      'inventory/known_hosts': knownHosts?.(port) ?? '',
    })
    const { code, stdout, stderr } = await provision(['ping'], { cwd, env: { HOME: join(cwd, 'nobody') } })
    const shown = (stdout + stderr)
      .replaceAll(cwd, '%')
      .replaceAll(String(port), 'PORT')
      .replace(/SHA256:[\w+/]+/g, 'FINGERPRINT')
      .replace(/tried: .*/, 'tried: …') // keys of whoever runs the test
    t.is(shown, says)
    t.is(code, 3)
  })
}
