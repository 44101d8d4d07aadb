// `provision db switchover`: a replica that is well becomes the primary. The old one is closed first, so nothing can be lost; until the new
// one is opened everything is undone by opening the old one again.
import { ProvisionError } from '../core/error.ts'
import { chooseSwitchover } from '../database/choose.ts'
import type { RunningNode } from '../database/node.ts'
import { catchUpStep, closeStep, openStep, promoteStep } from '../database/steps.ts'
import { describeGroup, renderGroup } from '../database/table.ts'
import { switchElected } from './db-elected.ts'
import { follow, nextTerm, nudge, raiseTerm, warmUp, warn } from './db-promote.ts'
import { type DatabaseOptions, type DatabaseSite, withDatabase } from './db-site.ts'
import { exitCode, type Io } from './io.ts'

export interface SwitchoverOptions extends DatabaseOptions {
  readonly to?: string
  readonly check?: boolean
}

/** Seconds that the replica has to apply the last transactions while nobody can write. */
const patience = 10

/** Makes another server the primary; resolves to the exit code. */
export function dbSwitchoverCommand(io: Io, playbook: string, options: SwitchoverOptions): Promise<number> {
  return withDatabase(io, playbook, options, !options.check, async (site) => {
    const group = await site.look()
    if (site.elects) return await switchElected(io, site, group, options)
    const promotion = chooseSwitchover(group, options.to)
    const terms = await site.terms()
    const term = nextTerm(site, terms)
    const { old, target, followers } = promotion
    warn(site, promotion)
    if (options.check) {
      io.stdout.write(`1. close ${old.host} for writes
2. wait until ${target.host} has applied its last transaction; if it does not within ${patience} seconds, open ${old.host} again and stop
3. write term ${term} (${target.host}) on ${[...terms.keys()].join(', ')}
4. open ${target.host} for writes
5. tell the load balancers (${site.others.map(({ name }) => name).join(', ') || 'none'})
6. make ${[old, ...followers].map(({ host }) => host).join(', ')} follow ${target.host}
`)
      return exitCode.ok
    }
    await warmUp(site)
    const { closed, position } = await close(site, old)
    try {
      void nudge(site, [{ server: old.host, health: 'down' }])
      const caughtUp = site.run(target.host, 'catching up', [catchUpStep(target.state.flavour, position, patience)])
      await Promise.all([caughtUp, raiseTerm(site, terms.keys(), term, target.host)])
    } catch (error) {
      await undo(site, old, terms.keys(), term + 1)
      throw error
    }
    try {
      await site.run(target.host, 'becoming the primary', [promoteStep(target.state)])
    } catch (error) {
      throw unfinished(target.host, term, error)
    }
    const milliseconds = Math.round(performance.now() - closed)
    await nudge(site, [{ server: target.host, health: 'up' }])
    site.say(`${target.host} takes writes; for ${milliseconds} ms no server did`)
    const all = await follow(site, [old, ...followers], target)
    const after = await site.look()
    io.stdout.write(
      options.output === 'json'
        ? `${JSON.stringify({ ...describeGroup(after), closedMilliseconds: milliseconds }, undefined, 2)}\n`
        : renderGroup(after),
    )
    return all ? exitCode.ok : exitCode.failed
  })
}

async function close(site: DatabaseSite, old: RunningNode) {
  const closed = performance.now()
  try {
    const [position = ''] = await site.run(old.host, 'closing it for writes', [closeStep(old.state.flavour)], 15)
    return { closed, position: position.trim().replaceAll('\\n', '') }
  } catch (error) {
    await site.run(old.host, 'opening it again', [openStep(old.state)])
    throw error
  }
}

/** The old primary goes on: by a term of its own, since some may have taken the other one's. */
async function undo(site: DatabaseSite, old: RunningNode, voters: Iterable<string>, term: number): Promise<void> {
  const raised = await raiseTerm(site, voters, term, old.host).then(
    () => true,
    () => false,
  )
  await site.run(old.host, 'opening it again', [openStep(old.state)])
  await nudge(site, [{ server: old.host, health: 'up' }])
  site.say(`${old.host} takes writes again; nothing was changed`)
  if (!raised)
    site.say(
      `warning: term ${term} (${old.host}) is not on most of the hosts: after a reboot ${old.host} may stay closed`,
    )
}

function unfinished(host: string, term: number, cause: unknown): ProvisionError {
  return new ProvisionError({
    code: 'apply',
    message: `${host} was named as the primary (term ${term}) and could not be opened: no server takes writes now`,
    detail: cause instanceof Error ? cause.message : String(cause),
    hint: `provision db failover --to ${host} finishes it.`,
    cause,
  })
}
