// What a switchover and a failover share: the new term on most of the voters, the others pointed to the new primary, HAProxy told.
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { Promotion } from '../database/choose.ts'
import type { RunningNode, Term } from '../database/node.ts'
import { followStep, nudgeStep, raiseTermStep, settleStep } from '../database/steps.ts'
import type { DatabaseSite } from './db-site.ts'

/** The number of the next term, and that enough voters answer for it. */
export function nextTerm(site: DatabaseSite, terms: ReadonlyMap<string, Term>): number {
  const { voters } = site
  if (terms.size * 2 <= voters.length) {
    const silent = voters.filter(({ name }) => !terms.has(name)).map(({ name }) => name)
    throw new ProvisionError({
      code: 'unreachable',
      message: `only ${terms.size} of ${voters.length} hosts that remember the primary answer, and a new one needs most of them`,
      detail: `No answer from ${silent.join(', ')}.`,
      hint: 'Without a majority the old primary, when it comes back, could not know that another one was made.',
    })
  }
  return Math.max(0, ...[...terms.values()].map(({ number }) => number)) + 1
}

/** Writes the term on all voters that answer; throws unless most of them took it. */
export async function raiseTerm(
  site: DatabaseSite,
  voters: Iterable<string>,
  number: number,
  holder: string,
): Promise<void> {
  const step = raiseTermStep(number, holder)
  const tried = await Promise.allSettled(
    [...voters].map((host) => site.run(host, `writing term ${number}`, [step], 15)),
  )
  const refused = tried.flatMap((result) => (result.status === 'rejected' ? [asProvisionError(result.reason)] : []))
  if ((tried.length - refused.length) * 2 > site.voters.length) return
  throw new ProvisionError({
    code: 'apply',
    message: `term ${number} was not taken by most of the hosts that remember the primary`,
    detail: refused.map((error) => [error.message, error.detail].filter(Boolean).join(': ')).join('\n'),
  })
}

/** Points servers to the new primary, side by side; what fails is told as a warning, for the new primary serves already. */
export async function follow(site: DatabaseSite, nodes: readonly RunningNode[], target: RunningNode): Promise<boolean> {
  const wish = site.wish(target.address)
  const done = await Promise.allSettled(
    nodes.map(async ({ host, state }) => {
      const wasReplica = state.replication.configured !== undefined
      const steps = [...followStep(state, wish, wasReplica), settleStep]
      await site.run(host, `following ${target.host}`, steps, 120)
      site.say(`${host} follows ${target.host}`)
    }),
  )
  for (const result of done) {
    if (result.status === 'fulfilled') continue
    const { message, detail } = asProvisionError(result.reason)
    site.say(`${message}${detail ? `: ${detail}` : ''}`)
  }
  return done.every(({ status }) => status === 'fulfilled')
}

/** Tells all load balancers what their next check would find. */
export async function nudge(site: DatabaseSite, changes: Parameters<typeof nudgeStep>[0]): Promise<void> {
  await Promise.allSettled(site.others.map(({ name }) => site.run(name, 'telling HAProxy', [nudgeStep(changes)], 5)))
}

/** Connects to all load balancers beforehand, so that a nudge costs no login. */
export async function warmUp(site: DatabaseSite): Promise<void> {
  await Promise.allSettled(site.others.map(({ name }) => site.run(name, 'connecting', [{ script: 'true' }], 10)))
}

/** Says what was found beside the way. */
export function warn(site: DatabaseSite, { warnings }: Pick<Promotion, 'warnings'>): void {
  for (const warning of warnings) site.say(`warning: ${warning}`)
}
