import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ControllerGroup } from '../../measuring/controller-group.ts'
import { type Assignment, type Contestant, commandRunner } from '../contestant.ts'
import { openKept } from './kept.ts'

/** The project's folder, from which a user would run it. */
export const project = fileURLToPath(new URL('../../..', import.meta.url))

/** The bench's content as a playbook. */
export const playbook = fileURLToPath(new URL('playbook.ts', import.meta.url))

/** hostwright from the command line: nothing is kept between runs but the bundle of its playbook. */
export const hostwright: Contestant = {
  name: 'hostwright',
  describe:
    '`provision PLAYBOOK --inventory FILE`, default options; nothing kept but the cached bundle of the playbook',
  prepare: async () => undefined,
  open: async (assignment, group) => {
    const inventory = await writeInventory(assignment, group)
    const command = [process.execPath, join(project, 'bin/provision.js'), playbook, '--inventory', inventory]
    return commandRunner(group, command, { cwd: project })
  },
  changedIn: changedInRecap,
}

/** hostwright over connections that are kept, in a process that stays. */
export const hostwrightKept: Contestant = {
  ...hostwright,
  name: 'hostwright-kept',
  describe: 'a process that has loaded the playbook and stays connected runs it again',
  open: async (assignment, group) => await openKept(playbook, await writeInventory(assignment, group), group),
}

/**
 * Writes the inventory that a user would have; answers with its path. A user's files do not change between runs, so neither
 * does this one, and its bundle is cached before anything is measured.
 */
export async function writeInventory(assignment: Assignment, group: ControllerGroup): Promise<string> {
  const { targets, identityFile, knownHosts, folder } = assignment
  const hosts = Object.fromEntries(targets.map(({ name, address, port }) => [name, { address, port }]))
  const entry = JSON.stringify({ user: 'root', identityFile, knownHosts, hosts }, null, 2)
  const text = `import { defineInventory } from 'hostwright'\n\nexport default defineInventory(${entry})\n`
  const file = join(folder, 'hosts.ts')
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return file
  await writeFile(file, text)
  const look = [process.execPath, 'bin/provision.js', playbook, '--inventory', file, '--list-hosts']
  const { exitCode, output } = await group.run(look, { cwd: project })
  if (exitCode !== 0) throw new Error(`the inventory cannot be listed: ${output}`)
  return file
}

/** The sum of the column `changed` of the table at the end. */
export function changedInRecap(output: string): number | undefined {
  const lines = output.split('\n')
  const head = lines.findIndex((line) => /^\s+ok\s+changed\s+failed/.test(line))
  if (head < 0) return undefined
  const rows = lines.slice(head + 1).map((line) => /^\S+\s+\d+\s+(\d+)\s+\d+/.exec(line))
  const end = rows.indexOf(null)
  return rows.slice(0, end < 0 ? undefined : end).reduce((sum, row) => sum + Number(row?.[1]), 0)
}
