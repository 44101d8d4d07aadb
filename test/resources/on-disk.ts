// Resources run for real in a directory: probe, plan, apply, probe again, under each sh that hosts may have.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Plan } from '../../src/core/resource.ts'
import { assembleSecret, isSecret, redacted, type Secret, type Secrets } from '../../src/core/secret.ts'
import type { Task } from '../../src/core/task.ts'
import { facts } from './table.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A shell with the commands that come with it. */
export interface DiskShell {
  readonly name: string
  readonly run: (script: string, input?: string | Uint8Array) => Ran
  readonly plan: (task: Task) => Plan
  /** Applies a task; gives the summaries of the changes, or why there are none, or what the failed step said. */
  readonly apply: (task: Task) => readonly string[]
}

/** All that this process makes; anybody may enter, so that other users' trees can be in it. */
const scratch = mkdtempSync(join(tmpdir(), 'hostwright-disk-'))
chmodSync(scratch, 0o755)
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** A directory with a name that wants quoting. */
export function inDirectory(): string {
  return mkdtempSync(join(scratch, "file's $HOME ü-"))
}

/** A directory with a name that every program takes. */
export function plainDirectory(): string {
  return mkdtempSync(join(scratch, 'plain-'))
}

/** The secret of tests: `secret('x')` is `value of x`. */
export function testSecrets(): Secrets {
  const seen = new Set<string>()
  const lookUp = (name: string): string => {
    seen.add(`value of ${name}`)
    return `value of ${name}`
  }
  return {
    reveal: (value: Secret | string) => (isSecret(value) ? assembleSecret(value, lookUp) : value),
    redact: (text) => [...seen].reduce((shown, value) => shown.replaceAll(value, redacted), text),
  }
}

/** The machine's own sh, and busybox with nothing but its own commands if it is there. */
export const diskShells: readonly DiskShell[] = [makeShell('sh', ['sh'], process.env.PATH ?? ''), ...busybox()]

function busybox(): DiskShell[] {
  if (spawnSync('busybox', ['true']).error) return []
  const commands = plainDirectory()
  execFileSync('busybox', ['--install', '-s', commands])
  return [makeShell('busybox', [join(commands, 'sh')], commands)]
}

function makeShell(name: string, command: readonly string[], path: string): DiskShell {
  const [program = '', ...args] = command
  const run = (script: string, input: string | Uint8Array = ''): Ran => {
    const child = spawnSync(program, [...args, '-c', `set -eu\n${script}`], {
      input,
      encoding: 'utf8',
      cwd: '/',
      maxBuffer: 64 << 20,
      env: { PATH: path, HOME: process.env.HOME ?? '/', LC_ALL: 'C.UTF-8' },
    })
    return { code: child.status ?? 255, stdout: child.stdout, stderr: child.stderr }
  }
  const plan = (task: Task): Plan => {
    const { resource } = task
    const context = { host: {} as never, secrets: testSecrets(), from: task.where.get()?.file ?? '' }
    const wish = resource.prepare ? resource.prepare(task.args, context) : task.args
    const probe = run(resource.probe([wish]))
    if (probe.code !== 0) throw new Error(probe.stderr)
    return resource.plan(resource.parse(probe.stdout, [wish])[0], wish, { facts, check: false })
  }
  const apply = (task: Task): readonly string[] => {
    const planned = plan(task)
    if (!('changes' in planned)) return [Object.values(planned)[0] as string]
    for (const { script, input } of planned.changes.flatMap((change) => change.steps)) {
      const bytes = typeof input === 'object' && 'path' in input ? readFileSync(input.path) : input
      const done = run(script, bytes)
      if (done.code !== 0) return [done.stderr.trim()]
    }
    const again = plan(task)
    if (!('unchanged' in again)) return [`did not converge: ${JSON.stringify(again)}`]
    return planned.changes.map((change) => change.summary)
  }
  return { name, run, plan, apply }
}
