// A control group of a contestant's own: whatever it starts and leaves running is counted, and can be ended.
// CPU time is in cpu.stat of cgroup2 everywhere, in a hybrid setup too; memory is in cgroup2 or in the v1 hierarchy `memory`.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, open, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ended } from '../contestants/contestant.ts'

/** How a command is started. */
export interface StartOptions {
  readonly cwd?: string
  /** Its whole environment, but PATH, HOME and LANG. */
  readonly environment?: Readonly<Record<string, string>>
  /** Seconds after which everything in the group is killed. @default 900 */
  readonly timeout?: number
}

/** Everything that one contestant runs on this machine. */
export interface ControllerGroup {
  /** Runs a command in the group to its end. */
  readonly run: (command: readonly string[], options?: StartOptions) => Promise<Ended>
  /** Starts a command in the group and answers with the process. */
  readonly start: (command: readonly string[], options?: StartOptions) => ChildProcess
  /** CPU seconds since the group was made. */
  readonly cpu: () => Promise<number>
  /** Anonymous memory of all its processes now, in bytes; undefined if this machine does not count it. */
  readonly memory: () => Promise<number | undefined>
  readonly processes: () => Promise<readonly number[]>
  /** Ends every process that is left. */
  readonly end: () => Promise<void>
  /** Ends every process and removes the group. */
  readonly remove: () => Promise<void>
}

const parent = 'hostwright-bench'

/** Makes the control group of one contestant, or takes the one that an earlier run left, emptied; `log` gets what it says. */
export async function openControllerGroup(name: string, log: string): Promise<ControllerGroup> {
  const { unified, memory } = findHierarchies(await readFile('/proc/mounts', 'utf8'))
  if (!unified) throw new Error('this machine has no cgroup2 file system; the bench counts CPU time with it')
  const group = join(unified, parent, name)
  await mkdir(group, { recursive: true })
  const memoryGroup = memory ? join(memory, parent, name) : group
  await mkdir(memoryGroup, { recursive: true })
  if (!memory) {
    // where a controller is not to be had, the group has no file for it and the figure stays open
    for (const folder of [unified, join(unified, parent)])
      await writeFile(join(folder, 'cgroup.subtree_control'), '+memory').catch(() => {})
  }
  const groups = [...new Set([group, memoryGroup])]
  const processes = async () => parseProcesses(await readFile(join(group, 'cgroup.procs'), 'utf8'))
  const end = async () => {
    for (let attempt = 0; (await processes()).length > 0; attempt += 1) {
      if (attempt === 200) throw new Error(`processes of ${name} do not end: ${(await processes()).join(', ')}`)
      for (const id of await processes()) signal(id, attempt < 20 ? 'SIGTERM' : 'SIGKILL')
      await pause(50)
    }
  }
  await end()
  return {
    start: (command, options = {}) => {
      const errors = openSync(log, 'w')
      try {
        return startIn(groups, command, options, ['pipe', 'pipe', errors])
      } finally {
        closeSync(errors) // the process has its own
      }
    },
    run: (command, options = {}) => runIn(groups, command, options, log, end),
    cpu: async () => parseCpu(await readFile(join(group, 'cpu.stat'), 'utf8')),
    memory: async () => parseAnonymous(await readFile(join(memoryGroup, 'memory.stat'), 'utf8').catch(() => '')),
    processes,
    end,
    remove: async () => {
      await end()
      for (const folder of groups) await rmdir(folder).catch(() => {})
    },
  }
}

/** Where cgroup2 is mounted, and the v1 hierarchy that counts memory if there is one. */
export function findHierarchies(mounts: string): { unified: string | undefined; memory: string | undefined } {
  const lines = mounts.split('\n').map((line) => line.split(' '))
  const at = (fits: (type: string, options: readonly string[]) => boolean) =>
    lines.find(([, , type = '', options = '']) => fits(type, options.split(',')))?.[1]
  return {
    unified: at((type) => type === 'cgroup2'),
    memory: at((type, options) => type === 'cgroup' && options.includes('memory')),
  }
}

/** CPU seconds from a cpu.stat of cgroup2. */
export function parseCpu(text: string): number {
  const microseconds = /^usage_usec (\d+)$/m.exec(text)?.[1]
  if (microseconds === undefined) throw new Error(`no usage_usec in cpu.stat: ${text}`)
  return Number(microseconds) / 1e6
}

/** Anonymous memory in bytes from a memory.stat of v1 (`total_rss`) or cgroup2 (`anon`). */
export function parseAnonymous(text: string): number | undefined {
  const bytes = /^(?:total_rss|anon) (\d+)$/m.exec(text)?.[1]
  return bytes === undefined ? undefined : Number(bytes)
}

function parseProcesses(text: string): number[] {
  return text.split('\n').filter(Boolean).map(Number)
}

// The shell puts itself into the groups and then becomes the command: no moment of the command's life is missed.
const enter =
  'for group in $BENCH_GROUPS; do echo $$ >"$group/cgroup.procs" || exit 125; done; unset BENCH_GROUPS; exec "$@"'

function startIn(groups: readonly string[], command: readonly string[], options: StartOptions, stdio: StdioOptions) {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin' } = process.env
  return spawn('sh', ['-c', enter, 'sh', ...command], {
    cwd: options.cwd ?? '/',
    env: { PATH, HOME: '/root', LANG: 'C.UTF-8', TERM: 'dumb', ...options.environment, BENCH_GROUPS: groups.join(' ') },
    stdio,
    detached: true, // Ctrl-C reaches the bench, which ends the group
  })
}

// Into a file, not a pipe: what a tool leaves running holds its output open, and a pipe would have no end.
async function runIn(
  groups: readonly string[],
  command: readonly string[],
  options: StartOptions,
  log: string,
  end: () => Promise<void>,
): Promise<Ended> {
  const file = await open(log, 'w')
  const child = startIn(groups, command, options, ['ignore', file.fd, file.fd])
  const timer = setTimeout(() => void end().catch(() => {}), (options.timeout ?? 900) * 1000)
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 128))
    })
    return { exitCode, output: await readFile(log, 'utf8') }
  } finally {
    clearTimeout(timer)
    await file.close()
  }
}

function signal(id: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(id, name)
  } catch {
    // it has ended by itself
  }
}
