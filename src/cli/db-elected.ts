// `provision db` where the servers elect their primary themselves (Group Replication): a planned change is one statement, the rest is theirs.
import { ProvisionError } from '../core/error.ts'
import type { Group } from '../database/health.ts'
import { isRunning } from '../database/node.ts'
import { describeGroup, renderGroup } from '../database/table.ts'
import { sqlStep } from '../resources/mysql-client.ts'
import { literal } from '../resources/mysql-sql.ts'
import { nudge, warmUp } from './db-promote.ts'
import type { DatabaseSite } from './db-site.ts'
import { exitCode, type Io } from './io.ts'

/** Refuses what such a group does by itself. */
export function refuseElected({ elects }: Pick<DatabaseSite, 'elects'>, command: 'failover' | 'rejoin'): void {
  if (!elects) return
  throw new ProvisionError({
    code: 'input',
    message: {
      failover: 'these servers elect their primary themselves, and have done so if a majority of them is left',
      rejoin: 'these servers join their group themselves, as soon as they run and the group has a majority',
    }[command],
    hint: 'provision exec db -- mysql-group members shows what each says. Without a majority: docs/roles/mysql-group.md, "When a member is gone for good".',
  })
}

/** Makes an ONLINE member the primary; the group waits for running transactions and hands over. */
export async function switchElected(
  io: Io,
  site: DatabaseSite,
  group: Group,
  options: { readonly to?: string; readonly check?: boolean; readonly output?: 'text' | 'json' },
): Promise<number> {
  const refuse = (message: string): never => {
    throw new ProvisionError({ code: 'input', message, hint: 'provision db status shows all.' })
  }
  const { primary: old } = group
  if (!old) return refuse('the group has no primary')
  const members = group.nodes.filter(isRunning).filter(({ state }) => state.member === 'ONLINE')
  const { to } = options
  const target = to === undefined ? members.find((node) => node !== old) : members.find(({ host }) => host === to)
  if (!target) return refuse(to === undefined ? 'no other member is ONLINE' : `${to} is no member that is ONLINE`)
  if (target.host === old.host) return refuse(`${old.host} is the primary already`)
  if (options.check) {
    io.stdout.write(`the group would hand over from ${old.host} to ${target.host}\n`)
    return exitCode.ok
  }
  const { serverUuid } = target.state.replication
  await warmUp(site)
  const begun = performance.now()
  await site.run(target.host, 'becoming the primary', [
    sqlStep([`DO group_replication_set_as_primary(${literal(serverUuid)}, 30)`]),
  ])
  await nudge(site, [
    { server: old.host, health: 'down' },
    { server: target.host, health: 'up' },
  ])
  site.say(`${target.host} takes writes, ${Math.round(performance.now() - begun)} ms after it was asked to`)
  const after = await site.look()
  io.stdout.write(
    options.output === 'json' ? `${JSON.stringify(describeGroup(after), undefined, 2)}\n` : renderGroup(after),
  )
  return after.primary?.host === target.host ? exitCode.ok : exitCode.failed
}
