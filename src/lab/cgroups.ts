import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { pause } from './command.ts'
import type { LabPlace } from './home.ts'

// Each host gets a control group of its own, in the unified hierarchy and, where there is one, in systemd's own v1
// hierarchy. Without it nspawn would put all hosts into one group, and a `systemctl kill` on one would hit all.

/** The mount points of the hierarchies that matter: cgroup2, and v1's `name=systemd` if this machine has it. */
export function parseHierarchies(mounts: string): string[] {
  const found: string[] = []
  for (const line of mounts.split('\n')) {
    const [, target = '', type, options = ''] = line.split(' ')
    if (type === 'cgroup2' || (type === 'cgroup' && options.split(',').includes('name=systemd'))) found.push(target)
  }
  return found
}

/** The control groups of one host, made if they are missing. */
export async function makeGroups(place: LabPlace, host: string): Promise<string[]> {
  const groups = (await hierarchies()).map((hierarchy) => join(hierarchy, labGroup(place), host))
  for (const group of groups) await mkdir(group, { recursive: true })
  return groups
}

/** The processes of one host, or of a whole lab. */
export async function groupProcesses(place: LabPlace, host = ''): Promise<number[]> {
  const processes = new Set<number>()
  for (const hierarchy of await hierarchies()) {
    for (const group of await walk(join(hierarchy, labGroup(place), host))) {
      const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '')
      for (const line of text.split('\n')) if (line) processes.add(Number(line))
    }
  }
  return [...processes]
}

/** Kills every process of one host, or of a whole lab, at once and without warning, and removes the control groups. */
export async function killGroups(place: LabPlace, host = ''): Promise<void> {
  const roots = (await hierarchies()).map((hierarchy) => join(hierarchy, labGroup(place), host))
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const atOnce = await Promise.all(roots.map((root) => write(join(root, 'cgroup.kill'), '1')))
    const processes = await groupProcesses(place, host)
    if (!atOnce.includes(true)) for (const id of processes) kill(id) // cgroup.kill came with Linux 5.14
    if (processes.length === 0) break
    if (attempt === 399) {
      throw new ProvisionError({
        code: 'lab',
        message: `Processes ${processes.join(', ')} of ${place.name} ${host} do not die.`,
      })
    }
    await pause(25)
  }
  for (const root of roots) await removeGroups(root)
  if (!host) for (const hierarchy of await hierarchies()) await rmdir(join(hierarchy, allLabs)).catch(() => {})
}

const allLabs = 'provision-lab'

/** CPU seconds that a lab's hosts have taken since it came up, those of hosts that were killed too. */
export async function labCpu(place: LabPlace): Promise<number> {
  for (const hierarchy of await hierarchies()) {
    const text = await readFile(join(hierarchy, labGroup(place), 'cpu.stat'), 'utf8').catch(() => '')
    const microseconds = /^usage_usec (\d+)$/m.exec(text)?.[1]
    if (microseconds !== undefined) return Number(microseconds) / 1e6
  }
  return 0
}

function labGroup(place: LabPlace): string {
  return join(allLabs, `${place.name}-${place.id}`)
}

async function hierarchies(): Promise<string[]> {
  return parseHierarchies(await readFile('/proc/mounts', 'utf8'))
}

async function walk(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => [])
  const inner = entries.filter((entry) => entry.isDirectory()).map((entry) => walk(join(group, entry.name)))
  return entries.length === 0 ? [] : [...(await Promise.all(inner)).flat(), group]
}

async function removeGroups(root: string): Promise<void> {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    for (const group of await walk(root)) await rmdir(group).catch(() => {}) // a dying process keeps its group busy a moment
    if ((await walk(root)).length === 0) return
    await pause(25)
  }
}

async function write(file: string, text: string): Promise<boolean> {
  return await writeFile(file, text).then(
    () => true,
    () => false,
  )
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
