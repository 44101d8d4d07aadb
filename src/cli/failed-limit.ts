// `--limit @failed` and `--retry-failed`: hosts by what the record of the last run says.
import { ProvisionError } from '../core/error.ts'
import type { Inventory } from '../core/host.ts'
import { selectHosts } from '../inventory/pattern.ts'
import { failedHosts, listRecords, readDescription, readRecord } from '../record/find-records.ts'
import type { Io } from './io.ts'
import { recordedName, recordsFolder } from './open-record.ts'

export interface LastRun {
  readonly id: string
  readonly failed: readonly string[]
}

const word = /(^|[:,&!\s])@failed(?=$|[:,\s])/

/** Whether a limit asks for the last run. */
export function namesFailed(limit: string | undefined): limit is string {
  return limit !== undefined && word.test(limit)
}

/** The last run of this playbook on this inventory that was to change something; throws if no record tells of one. */
export function lastRun(io: Io, playbookFile: string, inventoryFile: string): LastRun {
  const playbook = recordedName(io, playbookFile)
  const inventory = recordedName(io, inventoryFile)
  const folder = recordsFolder(io)
  for (const id of listRecords(folder)) {
    const run = readDescription(folder, id)
    if (!run || run.check || run.command === 'verify' || run.playbook !== playbook || run.inventory !== inventory)
      continue
    return { id, failed: failedHosts(readRecord(folder, id)) }
  }
  throw new ProvisionError({
    code: 'input',
    message: `@failed: no record of a run of ${playbook} with the inventory ${inventory} in ${folder}`,
    hint: 'Runs with --check and of verify do not count.',
  })
}

/** The limit with `@failed` as the names of hosts; throws if none of them is left. */
export function expandFailed(limit: string, last: LastRun, inventory: Inventory): string {
  const hosts = inventory.hosts.map((host) => host.name)
  const known = last.failed.filter((name) => hosts.includes(name))
  const names = new Set(inventory.hosts.flatMap((host) => host.groups))
  const groups = new Map([...names].map((name) => [name, inventory.group(name).map((host) => host.name)]))
  const chosen = selectHosts(limit, { hosts, groups: new Map([...groups, ['@failed', known]]) })
  if (chosen.length > 0) return chosen.join(',')
  const gone = last.failed.filter((name) => !hosts.includes(name))
  throw new ProvisionError({
    code: 'input',
    message: `--limit '${limit}' selects no host: in the last run (${last.id}) ${last.failed.length === 0 ? 'no host failed' : `${last.failed.join(', ')} failed`}`,
    hint: gone.length > 0 ? `No longer in the inventory: ${gone.join(', ')}.` : undefined,
  })
}
