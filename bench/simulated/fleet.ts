// One run of hostwright on simulated hosts, and what it took: the workload's measurement, and a command of its own:
//   node --import tsx bench/simulated/fleet.ts [--hosts 10,100,300,1000] [--forks 20] [--dead] [--changes]
// `--dead` makes one host in ten dead; `--changes` measures the first run instead of the rerun.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { project } from '../contestants/hostwright/hostwright.ts'
import { type ControllerGroup, openControllerGroup } from '../measuring/controller-group.ts'
import { measure } from '../measuring/measure.ts'
import type { Measures } from '../results.ts'
import { type HostKind, type SimulatedHosts, startSimulatedHosts, writeInventory } from './simulated-hosts.ts'

/** What one run took. */
export interface FleetRun extends Measures {
  /** Seconds until the last live host had finished its last play. */
  readonly liveDone: number
  /** Most connections at one moment since the hosts were started, as their servers saw it. */
  readonly mostOpen: number
  /** A sentence if a live host did not finish, or if the run did not end as it had to. */
  readonly failure: string | undefined
}

const playbook = fileURLToPath(new URL('playbook.ts', import.meta.url))
const plays = 2
const deadKinds: readonly HostKind[] = ['refuses', 'silent', 'vanished']

/** One host in ten is dead, each in the next way. */
export function oneInTenDead(index: number): HostKind {
  return index % 10 === 4 ? (deadKinds[Math.floor(index / 10) % deadKinds.length] ?? 'refuses') : 'live'
}

/** Runs the playbook once on hosts that are up. */
export async function runFleet(
  simulated: SimulatedHosts,
  folder: string,
  forks: number,
  group: ControllerGroup,
): Promise<FleetRun> {
  const inventory = join(folder, 'hosts.ts')
  await writeInventory(simulated, inventory)
  const program = [process.execPath, join(project, 'bin/provision.js'), playbook]
  const command = [...program, '--inventory', inventory, '--forks', String(forks), '--output', 'json']
  const live = new Set(simulated.hosts.filter(({ kind }) => kind === 'live').map(({ name }) => name))
  const done = new Map<string, number>()
  let liveDone = 0
  const before = await simulated.look()
  const { ended, measures } = await measure(
    async () => {
      const started = performance.now()
      const child = group.start(command, { cwd: project })
      const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 128)))
      if (!child.stdout) throw new Error('the command has no output')
      for await (const line of createInterface({ input: child.stdout })) {
        const { type, host = '', failed } = JSON.parse(line) as { type: string; host?: string; failed?: boolean }
        if (type !== 'host:play:end' || failed || !live.has(host)) continue
        done.set(host, (done.get(host) ?? 0) + 1)
        liveDone = (performance.now() - started) / 1000
      }
      return { exitCode: await exited, output: '' }
    },
    { group },
  )
  const after = await simulated.look()
  const unfinished = [...live].filter((name) => (done.get(name) ?? 0) < plays)
  const expected = live.size === simulated.hosts.length ? 0 : 3 // 3: hosts were unreachable
  const failures = [
    ended.exitCode !== expected && `exit code ${ended.exitCode}, expected ${expected}`,
    unfinished.length > 0 && `${unfinished.length} live hosts did not finish, ${unfinished[0]} for one`,
    after.refused > before.refused && `${after.refused - before.refused} sessions too many`,
  ].filter((failure) => failure !== false)
  return {
    ...measures,
    logins: after.logins - before.logins,
    sessions: after.sessions - before.sessions,
    liveDone,
    mostOpen: after.mostOpen,
    failure: failures.length > 0 ? failures.join('; ') : undefined,
  }
}

/** Starts hosts, does the work and takes them away, with a folder and a control group for it. */
export async function withFleet<T>(
  count: number,
  kindOf: (index: number) => HostKind,
  work: (run: (forks: number) => Promise<FleetRun>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hostwright-fleet-'))
  try {
    const simulated = await startSimulatedHosts({ folder: join(folder, 'hosts'), count, kindOf })
    const group = await openControllerGroup('simulated', join(folder, 'log'))
    try {
      return await work((forks) => runFleet(simulated, folder, forks, group))
    } finally {
      await group.remove()
      await simulated.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await command()

async function command(): Promise<void> {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string', default: '10,100,300,1000' },
      forks: { type: 'string', default: '20' },
      dead: { type: 'boolean', default: false },
      changes: { type: 'boolean', default: false },
    },
  })
  const forks = Number(values.forks)
  for (const count of values.hosts.split(',').map(Number)) {
    const measured = await withFleet(count, values.dead ? oneInTenDead : () => 'live', async (run) => {
      const first = await run(forks)
      return values.changes ? first : await run(forks)
    })
    process.stdout.write(`${count} hosts: ${JSON.stringify(measured)}\n`)
  }
}
