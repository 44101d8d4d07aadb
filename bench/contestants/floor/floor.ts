import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Assignment, type Contestant, commandRunner } from '../contestant.ts'

const script = fileURLToPath(new URL('converge.sh', import.meta.url))

/** The floor: what nobody can be much faster than who opens a connection to each host and looks at everything. */
export const floor: Contestant = {
  name: 'floor',
  describe:
    'one plain `ssh HOST sh -s` a host with a hand-written script that checks all 50 resources in seven batches and repairs what is off',
  prepare: async () => undefined,
  open: async (assignment, group) =>
    commandRunner(group, ['sh', script], { environment: await environmentOf(assignment, '') }),
  changedIn,
}

/** The floor over a connection that is kept. */
export const floorKept: Contestant = {
  ...floor,
  name: 'floor-kept',
  describe: 'the same over an OpenSSH ControlMaster that stays',
  open: async (assignment, group) => {
    const options = `-o ControlMaster=auto -o ControlPersist=600 -o ControlPath=${assignment.folder}/%h-%p`
    return commandRunner(group, ['sh', script], { environment: await environmentOf(assignment, options) })
  },
}

async function environmentOf(assignment: Assignment, sshOptions: string): Promise<Record<string, string>> {
  const inventory = join(assignment.folder, 'inventory')
  const folder = join(assignment.folder, 'output')
  await mkdir(folder, { recursive: true })
  await writeFile(
    inventory,
    assignment.targets.map(({ name, address, port }) => `${name} ${address} ${port}\n`).join(''),
  )
  return {
    INVENTORY: inventory,
    FOLDER: folder,
    DATA: assignment.data,
    IDENTITY: assignment.identityFile,
    KNOWN_HOSTS: assignment.knownHosts,
    SSH_OPTIONS: sshOptions,
  }
}

function changedIn(output: string): number | undefined {
  const counts = [...output.matchAll(/^changed=(\d+)$/gm)].map(([, count]) => Number(count))
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0)
}
