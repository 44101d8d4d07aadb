// A replica: its source, GTID, TLS, both threads, and its first data. Tells a stopped replica (started) from one with another source
// (re-pointed), one that cannot connect, one that is behind (told) and one that has diverged (refused): data is only ever replaced when
// there was none, when a seeding was interrupted, or when `allowReseed` says so.
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { Change, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, secretOrString } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { type Flavour, notUp, sqlStep } from './mysql-client.ts'
import { compareMariadbGtids, countGtids, formatGtidSet, parseGtidSet, subtractGtidSets } from './mysql-gtid.ts'
import {
  parseReplication,
  type ReplicationState,
  replicationProbe,
  type SourceQuestion,
} from './mysql-replication-state.ts'
import {
  changeSourceStatement,
  closeStatement,
  positionStatements,
  type ReplicationWish,
  seedSteps,
  startSteps,
  stopStatements,
  unmarkStep,
} from './mysql-replication-steps.ts'

const hostName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.:-]+$/, 'expected an address or a host name'))

const schema = {
  /** Address or name of the primary, as its certificate names it; of several the one that takes writes. */
  source: v.union([hostName, v.pipe(v.array(hostName), v.minLength(1))]),
  /** The primary's port. @default 3306 */
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)), 3306),
  /** The replication account on the source: REPLICATION SLAVE, and BACKUP_ADMIN (MySQL) or the rights to dump (MariaDB) for seeding. */
  user: v.pipe(v.string(), v.nonEmpty(), v.maxLength(80)),
  /** Its password, up to 32 characters. */
  password: secretOrString,
  /** The CA that must have signed the source's certificate. */
  ca: absolutePath,
  /** A client option file (0600) with the same account and CA: for questions to the source and for MariaDB's dump. @default '/etc/mysql/replication-client.cnf' */
  clientFile: v.optional(absolutePath, '/etc/mysql/replication-client.cnf'),
  /** Replace the data of a replica that has diverged, or of a server with schemas of its own, by the source's. It is lost. @default false */
  allowReseed: v.optional(v.boolean(), false),
  /** Seconds to wait for both threads to run after a start. @default 60 */
  wait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 60),
}

export type ReplicationArgs = ArgumentsOf<typeof schema>

/** A wish that leaves open which of several sources it is. */
type Wish = Omit<ReplicationWish, 'source'> & SourceQuestion

/** What is known of a replica. */
export interface ReplicationResult extends Outcome {
  /** Seconds behind the source; undefined if unknown. */
  readonly lagSeconds: number | undefined
  /** Transactions the source has and this replica has not; undefined if unknown. */
  readonly behind: number | undefined
}

/**
 * Makes this server a replica of another, over TLS, by GTID; seeds it if it is empty.
 * @example mysql.replication({ source: '192.0.2.11', user: 'replicator', password: secret('mysql.replication'), ca: '/etc/mysql/tls/ca.pem' })
 */
export const replication = defineResource<ReplicationArgs, Wish, ReplicationState, ReplicationResult>({
  name: 'mysql.replication',
  schema,
  describe: (args) => `from ${[args.source].flat().join(' or ')}`,
  prepare: (args, { secrets }) => {
    const checked = args as v.InferOutput<v.StrictObjectSchema<typeof schema, undefined>> // defaults are filled in
    const password = secrets.reveal(checked.password)
    if (password.length > 32) {
      throw new ProvisionError({
        code: 'input',
        message: `mysql.replication: the password has ${password.length} characters, and MySQL keeps 32 of a replication password`,
      })
    }
    return { ...checked, password, sources: [checked.source].flat() }
  },
  probe: replicationProbe,
  parse: parseReplication,
  plan: planReplication,
})

/** Pure: see the header for the cases. */
export function planReplication(state: ReplicationState, wished: Wish): Plan<ReplicationResult> {
  const { server, source, chosen, writable } = state
  const down = notUp(server)
  if (down || server.status !== 'up') return down ?? { unknown: 'the server is not up' }
  if (writable.length > 1)
    return {
      refused: `${writable.join(' and ')} both take writes`,
      hint: 'Look at them with `provision db status`, and close the one that is not to be the primary.',
    }
  if (chosen === undefined)
    return {
      refused: `none of ${wished.sources.join(', ')} takes writes, so there is nothing to follow`,
      hint: 'Look with `provision db status`; `provision db failover` makes one of them the primary.',
    }
  const wish: ReplicationWish = { ...wished, source: chosen }
  const { flavour } = server
  const name = `${wish.source}:${wish.port}`
  if (state.gtidMode !== 'ON')
    return {
      unknown: `gtid_mode is ${state.gtidMode}, expected ON: set it and enforce_gtid_consistency with mysql.config`,
    }
  if (source.status === 'known') {
    if (source.serverId === state.serverId)
      return { refused: `this server and its source ${name} have the same server_id ${state.serverId}` }
    if (source.serverUuid !== '' && source.serverUuid === state.serverUuid)
      return {
        refused: `this server and its source ${name} have the same server_uuid ${state.serverUuid}`,
        hint: 'A copied machine: remove auto.cnf in the data directory and restart the server.',
      }
  }
  const seed = (why: string): Plan<ReplicationResult> => ({
    changes: [
      {
        summary: `${why} → seeded from ${name} and replicating`,
        steps: seedSteps(flavour, wish, { configured: state.configured !== undefined, schemas: state.schemas }),
      },
    ],
  })
  const refuse = (refused: string, detail?: string, hint?: string): Plan<ReplicationResult> => ({
    refused,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  })
  if (!state.configured && state.seeding) return seed('an interrupted seeding')
  const own = `its own schemas (${state.schemas.join(', ')})`
  if (!state.configured && state.schemas.length === 0) return seed('no replica, no data')
  const errant = errantOf(state, flavour)
  if (!state.configured) {
    if (!server.readOnly && source.status === 'known' && source.readOnly) {
      return refuse(
        `this server takes writes and its source ${name} does not: it looks like the primary itself`,
        undefined,
        `Name this host as the primary, or promote ${wish.source} first (docs/roles/mysql.md).`,
      )
    }
    if (canJoin(state, flavour)) {
      return {
        changes: [
          {
            summary: `no replica, data of the same history → replicating from ${name}`,
            steps: [
              sqlStep([closeStatement(flavour), ...positionStatements(flavour), changeSourceStatement(flavour, wish)]),
              ...startSteps(flavour, wish.wait),
            ],
          },
        ],
      }
    }
    if (wish.allowReseed) return seed(`no replica, with ${own}`)
    return refuse(
      `this server is no replica and has ${own}; seeding it from ${name} would destroy them`,
      errant === undefined ? undefined : `Transactions that ${name} does not have: ${errant}`,
      'Save them first; then allowReseed: true replaces them.',
    )
  }
  if (errant !== undefined) {
    if (wish.allowReseed) return seed('diverged')
    return refuse(
      `this replica has diverged: it has transactions that ${name} does not have`,
      errant,
      flavour === 'mysql'
        ? 'Look at them (mysqlbinlog), then either give the primary an empty transaction of the same GTID if they are harmless, or allowReseed: true.'
        : 'Look at them (mariadb-binlog), save what is worth it, then allowReseed: true replaces this replica’s data.',
    )
  }
  if (lostPosition(state)) {
    if (wish.allowReseed) return seed('position lost')
    return refuse(
      `this replica cannot go on from where it stands: the source no longer has what it needs (error ${state.io.errorNumber})`,
      state.io.error,
      'allowReseed: true replaces its data by the source’s.',
    )
  }
  if (state.sql.errorNumber !== 0) {
    if (wish.allowReseed) return seed(`stopped by error ${state.sql.errorNumber}`)
    return refuse(
      `this replica cannot apply a transaction of its source (error ${state.sql.errorNumber})`,
      state.sql.error,
      'Mend the cause and start it by hand, or allowReseed: true.',
    )
  }
  return planThreads(state, state.configured, wish, flavour)
}

function planThreads(
  state: ReplicationState,
  configured: NonNullable<ReplicationState['configured']>,
  wish: ReplicationWish,
  flavour: Flavour,
): Plan<ReplicationResult> {
  const { server, source } = state
  const name = `${wish.source}:${wish.port}`
  const changes: Change[] = []
  if (state.seeding) changes.push({ summary: 'mark of a finished seeding → removed', steps: [unmarkStep] })
  const differences = settingDifferences(configured, wish, flavour)
  const stopped = [...(state.io.state === 'on' ? [] : ['receiving']), ...(state.sql.state === 'on' ? [] : ['applying'])]
  if ((differences.length > 0 || state.io.state === 'connecting') && source.status === 'unknown') {
    const detail = state.io.errorNumber === 0 ? source.message : `${state.io.error}\n${source.message}`
    return { refused: `this host cannot reach its source ${name} as ${wish.user}`, detail }
  }
  if (server.status === 'up' && !(flavour === 'mysql' ? server.superReadOnly : server.readOnly))
    changes.push({ summary: 'open for writes → read-only', steps: [sqlStep([closeStatement(flavour)])] })
  if (differences.length > 0) {
    changes.push({
      summary: differences.join(', '),
      steps: [
        sqlStep([...stopStatements(flavour), changeSourceStatement(flavour, wish)]),
        ...startSteps(flavour, wish.wait),
      ],
    })
  } else if (stopped.length > 0) {
    // A thread that waits for its next attempt to connect is started anew: its source answers now.
    const stop = state.io.state === 'connecting' ? [sqlStep(stopStatements(flavour))] : []
    changes.push({
      summary: `${stopped.join(' and ')} stopped → running`,
      steps: [...stop, ...startSteps(flavour, wish.wait)],
    })
  }
  const behind = behindOf(state, flavour)
  const result = { lagSeconds: state.lagSeconds, behind }
  const [first, ...rest] = changes
  if (first) return { changes: [first, ...rest], result }
  const lag = [
    ...(state.lagSeconds ? [`${state.lagSeconds} s`] : []),
    ...(behind ? [`${behind} transaction${behind === 1 ? '' : 's'}`] : []),
  ]
  return { unchanged: `replicates from ${name}${lag.length > 0 ? `, ${lag.join(' and ')} behind` : ''}`, result }
}

/** What this server has and the wished source has not; undefined if nothing, or if the source could not be asked. */
function errantOf(state: ReplicationState, flavour: Flavour): string | undefined {
  if (state.source.status !== 'known') return undefined
  if (flavour === 'mariadb')
    return compareMariadbGtids(state.executed, state.source.executed).missing.join(',') || undefined
  return formatGtidSet(subtractGtidSets(parseGtidSet(state.executed), parseGtidSet(state.source.executed))) || undefined
}

function behindOf(state: ReplicationState, flavour: Flavour): number | undefined {
  if (state.source.status !== 'known') return undefined
  if (flavour === 'mariadb') return compareMariadbGtids(state.source.executed, state.executed).count
  return countGtids(subtractGtidSets(parseGtidSet(state.source.executed), parseGtidSet(state.executed)))
}

/** Whether the data is an earlier state of the source's, from which replication can go on: an old primary that comes back. */
function canJoin(state: ReplicationState, flavour: Flavour): boolean {
  if (state.source.status !== 'known') return false
  if (flavour === 'mariadb')
    return state.executed !== '' && state.source.executed !== '' && errantOf(state, flavour) === undefined
  const own = parseGtidSet(state.executed)
  if (countGtids(own) === 0 || errantOf(state, flavour) !== undefined) return false
  return countGtids(subtractGtidSets(parseGtidSet(state.source.purged), own)) === 0
}

/** The source has purged what the replica needs: 1236 (MariaDB), 13114 (MySQL: "got fatal error 1236"). */
function lostPosition(state: ReplicationState): boolean {
  const { errorNumber, error } = state.io
  return errorNumber === 1236 || (errorNumber === 13_114 && error.includes('1236'))
}

function settingDifferences(
  configured: NonNullable<ReplicationState['configured']>,
  wish: ReplicationWish,
  flavour: Flavour,
): string[] {
  const from = `${configured.host}:${configured.port}`
  const to = `${wish.source}:${wish.port}`
  const password = createHash('sha256').update(wish.password).digest('hex')
  return [
    ...(from === to ? [] : [`source ${from} → ${to}`]),
    ...(configured.user === wish.user ? [] : [`user ${configured.user} → ${wish.user}`]),
    ...(configured.passwordDigest === password ? [] : ['password differs']),
    ...(configured.gtid ? [] : ['position by file → by GTID']),
    ...(configured.tls ? [] : ['TLS off → on']),
    ...(configured.ca === wish.ca ? [] : [`CA ${configured.ca || 'none'} → ${wish.ca}`]),
    ...(configured.verify ? [] : ['certificate not verified → verified']),
    ...(flavour === 'mariadb' || configured.retries === 0
      ? []
      : [`gives up after ${configured.retries} attempts → never`]),
  ]
}
