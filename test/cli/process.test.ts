// The command as a process of its own: what only a real process has, its exit code, signals and a reader that leaves.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ava, { type ExecutionContext } from 'ava'
import { exampleSite, localSite } from './stand-in.ts'

const test = process.platform === 'linux' ? ava.serial : ava.serial.skip
const entry = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const loader = import.meta.resolve('tsx')
const command = [process.execPath, '--import', loader, '--conditions=hostwright-source', entry]
const here = ['--limit', 'here']

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
): Promise<Ended> {
  const [program = '', ...first] = command
  const child = spawn(program, [...first, ...args], { cwd, env: { ...process.env, NO_COLOR: '1' } })
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

test('SIGINT finishes the running step: 130', async (t) => {
  const cwd = localSite(
    t,
    "shell.command({ name: 'a long step', run: 'echo begun; sleep 1; touch ' + folder + 'finished' }), shell.command({ run: 'touch ' + folder + 'next' })",
  )
  const sent: string[] = []
  const { code, stdout } = await start(t, cwd, [...here, '-vv'], (text, child) => {
    if (!text.includes('begun') || sent.length > 0) return
    sent.push('SIGINT')
    child.kill('SIGINT')
  })
  t.is(code, 130, stdout)
  t.regex(stdout, /\ninterrupted, 1 changed in .*\n$/)
  t.true(existsSync(join(cwd, 'finished')))
  t.false(existsSync(join(cwd, 'next')))
})

test('SIGTERM kills the running step: 130, soon', async (t) => {
  const cwd = localSite(t, "shell.command({ name: 'a long step', run: 'echo begun; sleep 300' })")
  const started = Date.now()
  const { code, stdout } = await start(t, cwd, [...here, '-vv'], (text, child) => {
    if (text.includes('begun')) child.kill('SIGTERM')
  })
  t.is(code, 130, stdout)
  t.true(Date.now() - started < 60_000)
})

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
