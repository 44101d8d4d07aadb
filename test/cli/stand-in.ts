// A process for tests of the command line: streams that keep what is written, signals on demand, a folder with a small site.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { ExecutionContext } from 'ava'
import type { Io, Signal } from '../../src/cli/io.ts'
import { main } from '../../src/cli/program.ts'
import { connect } from '../../src/transport/connect.ts'
import type { Connect } from '../../src/transport/connection.ts'
import { type TestTerminal, testTerminal } from '../report/terminal.ts'

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What comes on stdin. */
  readonly input?: string
  /** stdout is this terminal. */
  readonly terminal?: TestTerminal
  /** Called with all output so far after each write. */
  readonly onOutput?: (text: string, send: (signal: Signal) => void) => void
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** The codes given to `exit`, which ends a real process. */
  readonly exits: readonly number[]
}

/** Runs the command line in this process. */
export async function provision(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const listeners = new Set<(signal: Signal) => void>()
  const send = (signal: Signal): void => {
    for (const listener of [...listeners]) listener(signal)
  }
  const text = { stdout: '', stderr: '' }
  const exits: number[] = []
  const stream = (name: 'stdout' | 'stderr') => ({
    columns: 100,
    isTTY: false,
    write: (more: string) => {
      text[name] += more
      options.onOutput?.(text.stdout + text.stderr, send)
      return true
    },
  })
  const stdin = new PassThrough()
  stdin.end(options.input ?? '')
  const io = {
    stdin,
    stdout: options.terminal ?? stream('stdout'),
    stderr: stream('stderr'),
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    onSignal: (callback: (signal: Signal) => void) => {
      listeners.add(callback)
      return () => listeners.delete(callback)
    },
    exit: (code: number) => exits.push(code),
    // this machine has one lock, and other tests run on it at the same time
    connect: ((host, secrets, progress) => connect(host, secrets, { ...progress, lock: false })) satisfies Connect,
  } as unknown as Io // as much of the streams as the commands use
  const code = await main(argv, io)
  if (listeners.size > 0) throw new Error('the command still listens for signals')
  return { code, ...text, exits }
}

/** A folder with files, gone after the test. */
export function site(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries({ 'package.json': '{"type":"module"}\n', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** Three hosts that nobody connects to. */
export const inventory = `import { defineInventory, secret } from 'hostwright'
export default defineInventory({
  user: 'admin',
  vars: { nginx: { workers: 2 } },
  hosts: {
    lb1: { address: '192.0.2.10' },
    web1: { address: '192.0.2.11', port: 2222, vars: { nginx: { workers: 8 } } },
    web2: { address: '192.0.2.12', becomePassword: secret('sudo.web2') },
  },
  groups: { lb: ['lb1'], web: ['web1', 'web2'], site: { groups: ['lb', 'web'] } },
})
`

export const playbook = `import { apt, definePlaybook, file, handler, play, role, shell, systemd, v } from 'hostwright'
const nginx = role('nginx', { params: { workers: v.optional(v.number(), 1) } }, ({ workers }, host) => {
  const reload = handler(systemd.service({ unit: 'nginx', state: 'reloaded' }))
  return [
    apt.package({ pkg: 'nginx', tags: 'packages' }),
    file.file({ dest: '/etc/nginx/workers.conf', content: \`workers \${workers}\\n\`, notify: reload }),
    host.name === 'web2' && shell.command({ name: 'only on web2', run: 'true', tags: ['odd', 'packages'] }),
  ]
})
export default definePlaybook([
  play({ name: 'Web servers', hosts: 'web', roles: [nginx({})] }),
  play({ name: 'Load balancers', hosts: 'lb', tasks: [file.absent({ path: '/etc/old' })] }),
])
`

/** The site of the examples above. */
export function exampleSite(t: ExecutionContext, more: Readonly<Record<string, string>> = {}): string {
  return site(t, { 'inventory/hosts.ts': inventory, 'playbooks/site.ts': playbook, ...more })
}

/** A site whose one host `here` is this machine, as the user that runs the tests, and one that nobody answers for. */
export function localSite(t: ExecutionContext, tasks: string): string {
  return site(t, {
    'inventory/hosts.ts': `import { defineInventory } from 'hostwright'
export default defineInventory({
  hosts: {
    here: { connection: 'local', become: false },
    gone: { address: '127.0.0.1', port: 1, connectAttempts: 1, hostKeyChecking: 'off', user: 'nobody', become: false },
  },
})
`,
    'playbooks/site.ts': `import { definePlaybook, file, play, shell } from 'hostwright'
const folder = new URL('..', import.meta.url).pathname
export default definePlaybook([play({ name: 'Local', hosts: 'all', tasks: [${tasks}] })])
`,
  })
}

export { testTerminal }
