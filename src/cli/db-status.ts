// `provision db status`: one look at all servers of the group.
import { describeGroup, renderGroup } from '../database/table.ts'
import { type DatabaseOptions, withDatabase } from './db-site.ts'
import { exitCode, type Io } from './io.ts'

/** Shows the group; 0 = all is well, 3 = a host does not answer, 2 = anything else is wrong. */
export function dbStatusCommand(io: Io, playbook: string, options: DatabaseOptions): Promise<number> {
  return withDatabase(io, playbook, options, false, async ({ look }) => {
    const group = await look()
    io.stdout.write(
      options.output === 'json' ? `${JSON.stringify(describeGroup(group), undefined, 2)}\n` : renderGroup(group),
    )
    if (group.problems.length === 0) return exitCode.ok
    const isSilent =
      group.nodes.some(({ state }) => state.status === 'unreachable') || group.witnesses.some(({ term }) => !term)
    return isSilent ? exitCode.unreachable : exitCode.failed
  })
}
