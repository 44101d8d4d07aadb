// `provision db rejoin HOST`: an old primary becomes a replica of the present one. What only it has is written to a file on its host and
// named; its data is replaced only if that is said.
import { createHash } from 'node:crypto'
import { ProvisionError } from '../core/error.ts'
import { onlyIn } from '../database/gtid.ts'
import { isRunning } from '../database/node.ts'
import { followStep, raiseTermStep, retireStep, saveErrantStep, settleStep, waitAgainStep } from '../database/steps.ts'
import { describeGroup, renderGroup } from '../database/table.ts'
import { seedSteps } from '../resources/mysql-replication-steps.ts'
import { refuseElected } from './db-elected.ts'
import { type DatabaseOptions, withDatabase } from './db-site.ts'
import { exitCode, type Io } from './io.ts'

export interface RejoinOptions extends DatabaseOptions {
  readonly discardErrant?: boolean
  readonly check?: boolean
}

/** Makes a host a replica of the primary; resolves to the exit code. */
export function dbRejoinCommand(io: Io, host: string, playbook: string, options: RejoinOptions): Promise<number> {
  return withDatabase(io, playbook, options, !options.check, async (site) => {
    refuseElected(site, 'rejoin')
    const { nodes, primary, errant: known, term } = await site.look()
    const refuse = (message: string, more: { detail?: string; hint?: string } = {}): never => {
      throw new ProvisionError({ code: 'input', message, ...more })
    }
    const node = nodes.find((one) => one.host === host)
    if (!node) return refuse(`${host} is no database server of this playbook`)
    // two may be open: then the one that was made the primary last stays, and this one is closed
    const open = nodes.filter(isRunning).filter((one) => one.state.takesWrites)
    const target = primary ?? open.find((one) => one.host === term.holder)
    if (!target) return refuse('there is no primary to follow', { hint: 'provision db failover makes one.' })
    if (target.host === host) return refuse(`${host} is the primary`)
    if (!isRunning(node))
      return refuse(
        `the database server of ${host} does not answer: ${node.state.status === 'up' ? '' : node.state.reason}`,
      )
    const { flavour, replication } = node.state
    const errant = known.get(host) ?? onlyIn(flavour, replication.executed, target.state.replication.executed)
    const wish = site.wish(target.address)
    if (options.check) {
      io.stdout.write(
        errant === ''
          ? `${host} would follow ${target.host}; it has nothing that ${target.host} has not\n`
          : `${host} has transactions that ${target.host} does not have: ${errant}\nthey would be saved on ${host}, and with --discard-errant its data replaced\n`,
      )
      return exitCode.ok
    }
    if (errant === '') {
      await site.run(
        host,
        `following ${target.host}`,
        followStep(node.state, wish, replication.configured !== undefined),
        120,
      )
    } else {
      // the same ones again write the same file, others never write over it
      const digest = createHash('sha256').update(errant).digest('hex').slice(0, 8)
      const path = `/var/lib/hostwright-database/errant-${host}-${digest}.sql`
      const save = saveErrantStep(flavour, replication.executed, target.state.replication.executed, path)
      const [size = ''] = await site.run(host, 'saving its errant transactions', [save], 600)
      site.say(`transactions that only ${host} has: ${errant}\nsaved on ${host} as ${path} (${size.trim()} bytes)`)
      if (!options.discardErrant)
        return refuse(`${host} has transactions that ${target.host} does not have, so it cannot follow`, {
          detail: errant,
          hint: 'Look at the saved file; then --discard-errant replaces the data of this server.',
        })
      const present = { configured: replication.configured !== undefined, schemas: replication.schemas }
      const seed = [retireStep(node.state), ...seedSteps(flavour, wish, present)]
      await site.run(host, `being seeded from ${target.host}`, seed, 3600)
    }
    await site.run(host, 'asking its unit again', [settleStep])
    if (target.state.semiSync !== 'off')
      await site.run(target.host, 'letting commits wait for it', [waitAgainStep(flavour)])
    // it was away when the others wrote it down
    if (term.holder === target.host && node.state.term.number < term.number)
      await site.run(host, `writing term ${term.number}`, [raiseTermStep(term.number, target.host)])
    site.say(`${host} follows ${target.host}`)
    const after = await site.look()
    io.stdout.write(
      options.output === 'json' ? `${JSON.stringify(describeGroup(after), undefined, 2)}\n` : renderGroup(after),
    )
    return exitCode.ok
  })
}
