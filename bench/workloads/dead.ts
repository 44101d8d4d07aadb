import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { labKill } from '../../src/lab/lab.ts'
import type { Ended } from '../contestants/contestant.ts'
import { playbook, project, writeInventory } from '../contestants/hostwright/hostwright.ts'
import { type ControllerGroup, openControllerGroup } from '../measuring/controller-group.ts'
import { measure } from '../measuring/measure.ts'
import { settle } from '../rounds.ts'
import type { Workload } from '../workload.ts'

const dead = 'bench10'

/** What a host that is gone costs the others. */
export default {
  name: 'dead',
  title: 'One dead host in ten',
  describe:
    'The cold rerun of hostwright on ten hosts of which one has lost its power, and on the other nine alone. The time is that until the last of the nine has finished; the run itself ends later, when it has given the tenth up.',
  limits: 'Hosts do not wait for each other within a play; the next play would wait until the dead host is given up.',
  cases: { dead: 'Time until nine healthy hosts have finished' },
  base: 'nine alone',
  minutes: 2,
  run: async (context) => {
    const hosts = await context.openHosts(10, 'running')
    const folder = await context.folder('dead')
    const group = await openControllerGroup('dead', join(folder, 'log'))
    try {
      await settle(context, hosts)
      await labKill(hosts.lab, dead)
      const { targets, identityFile, knownHosts } = hosts
      const inventory = await writeInventory({ targets, identityFile, knownHosts, folder, data: '' }, group)
      const command = [process.execPath, 'bin/provision.js', playbook, '--inventory', inventory, '--output', 'json']
      const contestants = { 'nine alone': ['--limit', `all:!${dead}`], 'one of ten dead': [] }
      for (let round = 0; round < context.rounds(3); round += 1) {
        for (const [contestant, more] of Object.entries(contestants)) {
          let finished = 0
          const work = async () => {
            const run = await runHealthy([...command, ...more], group)
            finished = run.finished
            return run
          }
          const { ended, measures } = await measure(work, { group, hosts })
          const expected = more.length > 0 ? 0 : 3 // unreachable, see docs/cli.md
          const failure = ended.exitCode === expected ? undefined : `exit code ${ended.exitCode}`
          const entry = { workload: 'dead', case: 'dead', contestant, hosts: 10, round, ...measures, failure }
          await context.record({ ...entry, wall: finished })
        }
      }
    } finally {
      await group.remove()
      await hosts.close()
    }
  },
} satisfies Workload

/** Runs it and says after how many seconds the last event of a healthy host came. */
async function runHealthy(
  command: readonly string[],
  group: ControllerGroup,
): Promise<Ended & { readonly finished: number }> {
  const started = performance.now()
  let finished = 0
  const child = group.start(command, { cwd: project })
  if (!child.stdout) throw new Error('the command has no output')
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const { host } = JSON.parse(line) as { host?: string } // each line of --output json is an object
    if (host !== undefined && host !== dead) finished = (performance.now() - started) / 1000
  }
  const [code] = await exited
  return { exitCode: code ?? 128, output: '', finished }
}
