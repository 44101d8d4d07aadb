import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from '../contestants/hostwright/hostwright.ts'
import { openControllerGroup } from '../measuring/controller-group.ts'
import { measure } from '../measuring/measure.ts'
import type { Workload } from '../workload.ts'

const inventory = `import { defineInventory } from 'hostwright'

export default defineInventory({
  hosts: { lb1: { address: '192.0.2.1' }, web1: { address: '192.0.2.2' }, web2: { address: '192.0.2.3' } },
  groups: { lb: ['lb1'], web: ['web1', 'web2'], app: { groups: ['web'] }, db: { groups: ['web'] } },
  vars: { site: { domains: ['www.foobar.com', 'foobar.com'] } },
})
`

/** How long the command takes before it does anything. */
export default {
  name: 'start',
  title: 'Start-up',
  describe:
    'No host is needed: the command’s help, and the listing of all tasks of the reference site (`playbooks/site.ts`, three hosts). `node -e 0` is the least that anything in Node can take. Measured after one unmeasured run, so with the cached bundle of the playbook.',
  limits: 'Node itself starts in about 40 ms on an idle machine; the rest is loading modules.',
  cases: { start: 'Start-up' },
  base: 'node -e 0',
  minutes: 1,
  run: async (context) => {
    const folder = await context.folder('start')
    const file = join(folder, 'hosts.ts')
    await writeFile(file, inventory)
    const provision = [process.execPath, join(project, 'bin/provision.js')]
    const commands = {
      'node -e 0': [process.execPath, '-e', '0'],
      'provision --help': [...provision, '--help'],
      'provision --list-tasks': [...provision, 'playbooks/site.ts', '--inventory', file, '--list-tasks'],
    }
    const group = await openControllerGroup('start', join(folder, 'log'))
    try {
      for (let round = -1; round < context.rounds(15); round += 1) {
        for (const [contestant, command] of Object.entries(commands)) {
          const { ended, measures } = await measure(() => group.run(command, { cwd: project }), { group })
          const failure = ended.exitCode === 0 ? undefined : ended.output.slice(-2000)
          if (round < 0 && failure === undefined) continue
          await context.record({ workload: 'start', case: 'start', contestant, hosts: 0, round, ...measures, failure })
        }
      }
    } finally {
      await group.remove()
    }
  },
} satisfies Workload
