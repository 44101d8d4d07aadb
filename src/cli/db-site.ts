// The database group of a playbook: its hosts, found by their role mysql, with a connection to each, held for the whole command.
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import { hostsOfPlay } from '../core/play.ts'
import type { ApplyStep } from '../core/resource.ts'
import { type RoleUse, resolveParameters } from '../core/role.ts'
import type { Secret } from '../core/secret.ts'
import { type Group, judge } from '../database/health.ts'
import {
  type DatabaseNode,
  isRunning,
  parseServer,
  parseTerm,
  readTermScript,
  serverProbes,
  type Term,
} from '../database/node.ts'
import { inParallel } from '../engine/batches.ts'
import { makeHostContext, rolesOfPlay } from '../engine/host-context.ts'
import type { ReplicationWish } from '../resources/mysql-replication-steps.ts'
import { connect } from '../transport/connect.ts'
import type { Connection } from '../transport/connection.ts'
import { exitCode, type Io } from './io.ts'
import { unlessFactsAreNeeded } from './playbook-contents.ts'
import { type PreparedRun, type PrepareOptions, prepareRun } from './prepare-run.ts'

export interface DatabaseOptions extends PrepareOptions {
  readonly forks: number
  readonly output?: 'text' | 'json'
  readonly debug?: boolean
}

/** What `provision db` needs of the role's parameters; the role checks them. */
interface MysqlParameters {
  readonly group: string
  readonly replicationUser: string
  readonly replicationPassword: string | Secret
  readonly witnesses?: string
  readonly maxLag?: number
  readonly topology?: 'replication' | 'group'
}

/** The group and how to reach it, as long as a command lasts. */
export interface DatabaseSite {
  readonly servers: readonly InventoryHost[]
  /** Load balancers and others that are asked or told something, but hold no data. */
  readonly others: readonly InventoryHost[]
  /** Whose terms count: the servers and the witnesses. */
  readonly voters: readonly InventoryHost[]
  readonly maxLag: number
  /** The servers elect their primary themselves. */
  readonly elects: boolean
  /** By which address the servers know each other. */
  readonly addressOf: (host: InventoryHost) => string
  /** How to follow a server. */
  readonly wish: (source: string) => ReplicationWish
  /** Runs steps on a host in one request; throws what fails, with the host's name. Returns the outputs. */
  readonly run: (
    host: string,
    what: string,
    steps: readonly ApplyStep[],
    timeout?: number,
  ) => Promise<readonly string[]>
  /** Looks at all servers. */
  readonly look: () => Promise<Group>
  /** The terms of all voters that answer. */
  readonly terms: () => Promise<ReadonlyMap<string, Term>>
  readonly say: (text: string) => void
}

/** Opens the group of a playbook for a command, and closes all connections after it. `lock`: no run may change the hosts meanwhile. */
export async function withDatabase(
  io: Io,
  playbookFile: string,
  options: DatabaseOptions,
  lock: boolean,
  body: (site: DatabaseSite) => Promise<number>,
): Promise<number> {
  const prepared = await prepareRun(io, playbookFile, options)
  const { inventory, secrets } = prepared.request
  const found = databaseUses(prepared)
  const [first] = found
  if (!first) {
    throw new ProvisionError({
      code: 'input',
      message: `no play of ${playbookFile} has a host with the role 'mysql'`,
      hint: 'Name the playbook that has it: provision db status playbooks/site.ts',
    })
  }
  const params = resolveParameters(first.use, first.host.name, {
    vars: first.host.vars,
    extra: prepared.request.extraVars,
  }) as unknown as MysqlParameters // the role's own schema gave it
  const servers = found.map(({ host }) => host)
  const inGroup = (name: string | undefined) =>
    name !== undefined && inventory.hasGroup(name)
      ? inventory.group(name).filter((host) => !servers.includes(host))
      : []
  const witnesses = inGroup(params.witnesses)
  const others = [...new Set([...inGroup('lb'), ...witnesses])]
  const connections = new Map<string, Promise<Connection>>()
  const signal = new AbortController()
  const release = io.onSignal(() => (signal.signal.aborted ? io.exit(exitCode.interrupted) : signal.abort()))
  const connectTo = (host: InventoryHost): Promise<Connection> => {
    const known = connections.get(host.name)
    if (known) return known
    const { connectAttempts = 1 } = host.connection // who is down is down: a failover does not wait for three attempts
    const once = { ...host, connection: { ...host.connection, connectAttempts } }
    const made = (io.connect ?? connect)(once, secrets, { signal: signal.signal, lock: lock && servers.includes(host) })
    made.catch(() => undefined) // whoever waits for it is told
    connections.set(host.name, made)
    return made
  }
  const hostNamed = (name: string) => inventory.host(name)
  const run: DatabaseSite['run'] = async (name, what, steps, timeout = 60) => {
    const connection = await connectTo(hostNamed(name))
    const results = await connection.run(steps.map((step) => ({ ...step, timeout })))
    const failed = results.find(({ code }) => code !== 0)
    if (failed) {
      throw new ProvisionError({
        code: 'apply',
        message: `${name}: ${what} failed${failed.timedOut ? ` after ${timeout} seconds` : ''}`,
        detail: secrets.redact((failed.stderr || failed.stdout).trim()) || 'nothing on stderr',
      })
    }
    return results.map(({ stdout }) => stdout)
  }
  const addressOf = (host: InventoryHost) => {
    const own = host.vars.mysql as { address?: string } | undefined
    return own?.address ?? host.connection.address
  }
  const lookAt = async (host: InventoryHost): Promise<DatabaseNode> => {
    const { region } = host.vars as { region?: string } // as the shipped roles declare it
    const node = { host: host.name, address: addressOf(host), region }
    try {
      const outputs = await run(
        host.name,
        'looking at the server',
        serverProbes().map((script) => ({ script })),
      )
      return { ...node, state: parseServer(outputs) }
    } catch (error) {
      return { ...node, state: { status: 'unreachable', reason: asProvisionError(error).message } }
    }
  }
  const termsOf = async (hosts: readonly InventoryHost[]) => {
    const terms = new Map<string, Term>()
    await eachOf(hosts, options.forks, async (host) => {
      const [text] = await run(host.name, 'reading the term', [{ script: readTermScript }]).catch(() => [undefined])
      if (text !== undefined) terms.set(host.name, parseTerm(text))
    })
    return terms
  }
  try {
    return await body({
      servers,
      others,
      voters: [...servers, ...witnesses],
      maxLag: params.maxLag ?? 30,
      elects: params.topology === 'group',
      addressOf,
      wish: (source) => ({
        source,
        port: 3306,
        user: params.replicationUser,
        password: secrets.reveal(params.replicationPassword),
        ca: '/etc/mysql/tls/ca.pem',
        clientFile: '/etc/mysql/replication-client.cnf',
        allowReseed: false,
        wait: 60,
      }),
      run,
      look: async () => {
        const [nodes, known] = await Promise.all([eachOf(servers, options.forks, lookAt), termsOf(witnesses)])
        // once more, so that it is later than all others' and nothing that came between looks errant
        const open = nodes.filter(isRunning).find(({ state }) => state.takesWrites)
        const again = open && (await lookAt(hostNamed(open.host)))
        const executed = again && isRunning(again) ? again.state.replication.executed : undefined
        return judge(nodes, executed, {
          maxLag: params.maxLag,
          // the servers themselves may have been away when the last primary was made
          witnesses: witnesses.map(({ name }) => ({ host: name, term: known.get(name) })),
        })
      },
      terms: () => termsOf([...servers, ...witnesses]),
      say: (text) => {
        io.stderr.write(`${text}\n`)
      },
    })
  } finally {
    release()
    await Promise.all(
      [...connections.values()].map((made) =>
        made.then(
          (open) => open.close(),
          () => undefined,
        ),
      ),
    )
  }
}

async function eachOf<T>(
  hosts: readonly InventoryHost[],
  forks: number,
  body: (host: InventoryHost) => Promise<T>,
): Promise<T[]> {
  const results = new Map<string, T>()
  await inParallel(hosts, forks, async (host) => {
    results.set(host.name, await body(host))
  })
  return hosts.map((host) => results.get(host.name) as T) // each was just set
}

/** The first use of the role on each host that has it. */
function databaseUses({ request }: PreparedRun): { host: InventoryHost; use: RoleUse }[] {
  const { playbook, inventory, extraVars } = request
  const site = { playbook, inventory, extraVars, verify: false }
  const found = new Map<string, { host: InventoryHost; use: RoleUse }>()
  for (const play of playbook.plays) {
    for (const host of hostsOfPlay(play, inventory)) {
      unlessFactsAreNeeded(() => {
        const use = rolesOfPlay(play, makeHostContext(host, site).host).find(({ role }) => role.name === 'mysql')
        if (use && !found.has(host.name)) found.set(host.name, { host, use })
      })
    }
  }
  return [...found.values()]
}
