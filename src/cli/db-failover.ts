// `provision db failover`: the primary is lost, the most advanced replica takes its place. Only if nobody reaches the lost one any more, or
// it was stopped here; and only when most hosts have written down who the new one is, so that the old one stays closed when it comes back.
import { ProvisionError } from '../core/error.ts'
import { chooseFailover, lostPrimary, type Promotion } from '../database/choose.ts'
import type { Group } from '../database/health.ts'
import type { DatabaseNode } from '../database/node.ts'
import { drainStep, fenceStep, promoteStep, reachStep, settleStep } from '../database/steps.ts'
import { describeGroup, renderGroup } from '../database/table.ts'
import { refuseElected } from './db-elected.ts'
import { follow, nextTerm, nudge, raiseTerm, warmUp, warn } from './db-promote.ts'
import { type DatabaseOptions, type DatabaseSite, withDatabase } from './db-site.ts'
import { exitCode, type Io } from './io.ts'

export interface FailoverOptions extends DatabaseOptions {
  readonly to?: string
  readonly giveUp?: string
  readonly check?: boolean
}

/** Makes the most advanced replica the primary; resolves to the exit code. */
export function dbFailoverCommand(io: Io, playbook: string, options: FailoverOptions): Promise<number> {
  return withDatabase(io, playbook, options, !options.check, async (site) => {
    refuseElected(site, 'failover')
    const group = await site.look()
    const lost = lostPrimary(group)
    const promotion = chooseFailover(group, options.to, options.giveUp)
    const { target, followers } = promotion
    const terms = await site.terms()
    const term = nextTerm(site, terms)
    warn(site, promotion)
    const proof = lost && lost.host !== target.host ? await proveDead(site, group, lost, promotion) : undefined
    for (const line of proof?.said ?? []) site.say(line)
    if (options.check) {
      io.stdout.write(`1. ${proof?.fence ? `stop the server of ${lost?.host}` : 'nothing to stop: no server takes writes'}
2. let ${target.host} apply all that it has received
3. write term ${term} (${target.host}) on ${[...terms.keys()].join(', ')}
4. open ${target.host} for writes
5. tell the load balancers (${site.others.map(({ name }) => name).join(', ') || 'none'})
6. make ${followers.map(({ host }) => host).join(', ') || 'nobody else'} follow ${target.host}
`)
      return exitCode.ok
    }
    await warmUp(site)
    if (lost && proof?.fence) await site.run(lost.host, 'stopping its server', [fenceStep(target.state.flavour)], 60)
    const drained = [drainStep(target.state.flavour, 60)]
    if (target.state.replication.configured) await site.run(target.host, 'applying what it received', drained, 90)
    await raiseTerm(site, terms.keys(), term, target.host)
    await site.run(target.host, 'becoming the primary', [promoteStep(target.state)])
    await nudge(site, [
      ...(lost && lost.host !== target.host ? [{ server: lost.host, health: 'down' } as const] : []),
      { server: target.host, health: 'up' },
    ])
    site.say(`${target.host} takes writes`)
    await site.run(target.host, 'asking its unit again', [settleStep])
    const all = await follow(site, followers, target)
    const after = await site.look()
    io.stdout.write(
      options.output === 'json' ? `${JSON.stringify(describeGroup(after), undefined, 2)}\n` : renderGroup(after),
    )
    if (lost && lost.host !== target.host) site.say(`When ${lost.host} is back: provision db rejoin ${lost.host}`)
    return all ? exitCode.ok : exitCode.failed
  })
}

/**
 * That the lost primary takes no writes: it is seen to be closed; or its host answers, so that its server can be stopped; or neither this
 * machine nor any other host reaches it, at least one other having tried.
 */
async function proveDead(
  site: DatabaseSite,
  { nodes }: Group,
  lost: DatabaseNode,
  { target }: Promotion,
): Promise<{ fence: boolean; said: readonly string[] }> {
  if (lost.state.status === 'up') return { fence: false, said: [`${lost.host} answers, and takes no writes`] }
  if (lost.state.status === 'down')
    return { fence: true, said: [`the host ${lost.host} answers: its server is stopped first`] }
  const vantage = [
    ...nodes.filter(({ state }) => state.status !== 'unreachable').map(({ host }) => host),
    ...site.others.map(({ name }) => name),
  ]
  const views = await Promise.all(
    vantage.map(async (host) => {
      const [answer = ''] = await site
        .run(host, `looking for ${lost.host}`, [reachStep(lost.address)], 15)
        .catch(() => [])
      return { host, answer: answer.trim() }
    }),
  )
  const reached = views.filter(({ answer }) => answer === 'reached').map(({ host }) => host)
  if (reached.length > 0) {
    throw new ProvisionError({
      code: 'unreachable',
      message: `${reached.join(' and ')} still ${reached.length === 1 ? 'reaches' : 'reach'} the database server of ${lost.host}, which may take writes`,
      hint: `Switch ${lost.host} off, or restore the way to it from here so that its server can be stopped.`,
    })
  }
  const silent = views.filter(({ answer }) => answer === 'silent').map(({ host }) => host)
  if (silent.length === 0)
    throw new ProvisionError({
      code: 'unreachable',
      message: `nobody but this machine could try to reach ${lost.host}`,
    })
  const receives =
    target.state.replication.io.state === 'on' && target.state.replication.configured?.host === lost.address
  return {
    fence: false,
    said: [
      `${lost.host} is reached neither from here nor from ${silent.join(', ')}`,
      ...(receives ? [`${target.host} has not noticed yet that its source is gone`] : []),
    ],
  }
}
