// The command as a process of its own: what only a real process has, its exit code, signals and a reader that leaves.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ava, { type ExecutionContext } from 'ava'
import { exampleSite, localSite } from './stand-in.ts'

const test = process.platform === 'linux' ? ava.serial : ava.serial.skip
const entry = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const loader = import.meta.resolve('tsx')
const command = [process.execPath, '--import', loader, '--conditions=hostwright-source', entry]

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

function start(
  t: ExecutionContext,
  cwd: string,
  args: readonly string[],
  onOutput: (text: string, child: ChildProcess) => void = () => undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const [program = '', ...first] = command
  const child = spawn(program, [...first, ...args], { cwd, env: { ...process.env, NO_COLOR: '1', ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    onOutput(stdout, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

test('bad input is 1, with its sentence on stderr', async (t) => {
  const { code, stdout, stderr } = await start(t, exampleSite(t), ['--limit', 'web9'])
  t.deepEqual([code, stdout, stderr], [1, '', "✗ no host or group 'web9' in the inventory\n\n  Did you mean 'web1'?\n"])
})

test('a file is named as the user wrote it', async (t) => {
  const { stderr } = await start(t, exampleSite(t), ['--inventory', 'inventory/host.ts'])
  t.is(stderr, '✗ inventory inventory/host.ts does not exist\n\n  Did you mean inventory/hosts.ts?\n')
})

test('a list and a run on this machine load no ssh, a run elsewhere does', async (t) => {
  const cwd = localSite(t, '')
  const told = join(cwd, 'tell-loaded.cjs')
  const packages = 'Object.keys(require.cache).map((file) => /node_modules.([^/]+)/.exec(file)?.[1])'
  writeFileSync(told, `process.on('exit', () => console.error('loaded ' + [...new Set(${packages})].join(' ')))\n`)
  const loadedBy = async (exit: number, ...args: string[]) => {
    const { code, stderr } = await start(t, cwd, args, undefined, { NODE_OPTIONS: `--require=${JSON.stringify(told)}` })
    t.is(code, exit, stderr)
    return /^loaded (.*)$/m.exec(stderr)?.[1]?.split(' ') ?? []
  }
  t.false((await loadedBy(0, '--list-tasks')).includes('ssh2'))
  t.false((await loadedBy(0, '--check', '--limit', 'here')).includes('ssh2'))
  t.true((await loadedBy(3, '--check', '--limit', 'gone')).includes('ssh2'))
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // exec takes no lock, so that other runs on this machine do not matter
  test(`${signal} ends a command in good order: 130, and nothing goes on`, async (t) => {
    const script = 'echo "begun $$"; exec sleep 300'
    const { code, stdout } = await start(t, localSite(t, ''), ['exec', 'here', '--', script], (text, child) => {
      if (text.includes('begun')) child.kill(signal)
    })
    t.is(code, 130)
    const pid = /begun (\d+)/.exec(stdout)?.[1]
    t.truthy(pid)
    t.false(existsSync(`/proc/${pid}`))
  })
}

test('a reader that leaves ends the command, and is no crash', async (t) => {
  const cwd = exampleSite(t)
  const quoted = command.map((word) => `'${word}'`).join(' ')
  const result = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile('sh', ['-c', `${quoted} --help | head -n1`], { cwd }, (_error, stdout, stderr) =>
      resolve({ stdout, stderr }),
    )
  })
  t.deepEqual(result, { stdout: 'Usage: provision [playbook] [options]\n', stderr: '' })
})
