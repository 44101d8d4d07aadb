// The `Host` that roles see, and the expansion of a play for it. Expansion happens before any connection; only a role
// that reads a fact has to wait for the host.
import { ProvisionError } from '../core/error.ts'
import type { Facts, Host, Inventory, InventoryHost, Opening } from '../core/host.ts'
import { callerOf } from '../core/location.ts'
import { hostsOfPlay, type Play, type Playbook } from '../core/play.ts'
import { isRoleUse, type RoleDefinition, type RoleUse, resolveParameters } from '../core/role.ts'
import { describeValue } from '../core/schema.ts'
import { type Handler, kindOf, makeNode, type Outcome, type Task } from '../core/task.ts'
import { type GuardItem, handlerItems, type Item, listOf, makeItems } from './items.ts'
import { checkHostName, type OtherHostsView } from './read-other.ts'
import { FactsNeeded, guarded } from './user-code.ts'

/** What of a role's `rollback` runs: the look at all hosts, or the way back to the release that was chosen. */
export interface RollbackPart {
  readonly role: string
  /** @default the look */
  readonly release?: string | undefined
}

/** What an expansion rests on. */
export interface Site {
  readonly playbook: Playbook
  readonly inventory: Inventory
  readonly extraVars: Readonly<Record<string, unknown>>
  /** Only the roles' verify checks. */
  readonly verify: boolean
  /** Only one role's way back to an earlier release. */
  readonly rollback?: RollbackPart | undefined
  /** Told each local file or folder that tasks read or look for. */
  readonly onRead?: ((path: string) => void) | undefined
  /** What the run knows of its hosts; without a run nothing is known. */
  readonly others?: OtherHostsView | undefined
}

/** One host with the facts that come in later. */
export interface HostContext {
  readonly inventoryHost: InventoryHost
  readonly host: Host
  /** Arguments rendered and resolved, once for each task. */
  readonly wishes: Map<Task, unknown>
  /** What was prepared once for all hosts of the run, by key. */
  readonly shared: Map<string, unknown>
  readonly onRead: Site['onRead']
  /** The facts, once the host is connected. */
  readonly knownFacts: () => Facts | undefined
  /** The play whose code runs, for what it may read of other hosts. */
  reader: Play | undefined
  setFacts: (facts: Facts) => void
}

export function makeHostContext(
  inventoryHost: InventoryHost,
  site: Site,
  shared: Map<string, unknown> = new Map(),
): HostContext {
  let facts: Facts | undefined
  const vars = mergeVars(inventoryHost.vars, site.extraVars)
  const uses = () =>
    site.playbook.plays.flatMap((play) =>
      hostsOfPlay(play, site.inventory).some((entry) => entry.name === inventoryHost.name)
        ? rolesOfPlay(play, host)
        : [],
    )
  const factsOf = (name: string): Facts => {
    if (name === inventoryHost.name) return host.facts
    const where = callerOf(factsOf)
    checkHostName(name, site.inventory, where)
    const found = site.others?.factsOf(name)
    if (!found) throw new FactsNeeded(`a fact of ${name} was read before it was connected`, { of: name, where })
    return found
  }
  const resultOf = <R extends Outcome>(name: string, task: Task<R>): R => {
    const where = callerOf(resultOf)
    checkHostName(name, site.inventory, where)
    if (!site.others) throw new FactsNeeded(`a result of ${name} was read before the run`)
    const reading = { task, of: name, by: inventoryHost.name, play: context.reader, where }
    return site.others.resultOf(reading) as R // the task's own result
  }
  const host: Host = {
    name: inventoryHost.name,
    address: inventoryHost.connection.address,
    groups: inventoryHost.groups,
    vars,
    inventory: site.inventory,
    sshPort: inventoryHost.connection.port ?? 22,
    factsOf,
    resultOf,
    isIn: (group) => inventoryHost.groups.includes(group),
    get facts() {
      if (!facts) throw new FactsNeeded(`a fact of ${inventoryHost.name} was read before the host was connected`)
      return facts
    },
    get roles() {
      return uses().map((use) => use.role.name)
    },
    openings: () =>
      uses().flatMap((use): readonly Opening[] => {
        if (!use.role.openings) return []
        const params = resolveParameters(use, inventoryHost.name, { vars, extra: site.extraVars })
        return use.role.openings(params as never, host) // checked by the role's own schema
      }),
  }
  const context: HostContext = {
    inventoryHost,
    host,
    wishes: new Map(),
    shared,
    onRead: site.onRead,
    knownFacts: () => facts,
    reader: undefined,
    setFacts: (value) => {
      facts = value
    },
  }
  return context
}

/** The uses of roles in a play for one host. */
export function rolesOfPlay(play: Play, host: Host): RoleUse[] {
  const roles = typeof play.roles === 'function' ? play.roles(host) : (play.roles ?? [])
  return roles.filter((use): use is RoleUse => {
    if (!use) return false
    if (isRoleUse(use)) return true
    throw new ProvisionError({
      code: 'playbook',
      message: `play ${play.name}: 'roles' gave ${describeValue(use)} instead of uses of roles`,
      where: play.where.get(),
    })
  })
}

/** All items of a play on a host. Throws FactsNeeded if it must wait for the connection. */
export function expandPlay(play: Play, context: HostContext, site: Site): Item[] {
  const { reader } = context
  context.reader = play
  try {
    return itemsOf(play, context, site)
  } finally {
    context.reader = reader
  }
}

function itemsOf(play: Play, { host }: HostContext, site: Site): Item[] {
  const playTags = listOf(play.tags)
  const own = (tasks: Play['tasks'], what: string): Item[] =>
    makeItems(
      guarded(`${what} of play ${play.name} on ${host.name}`, play.where, () =>
        typeof tasks === 'function' ? tasks(host) : tasks,
      ),
      { role: undefined, tags: playTags, become: play.become, conditions: [], where: play.where },
    )
  const roleItems = guarded(`roles of play ${play.name} on ${host.name}`, play.where, () =>
    rolesOfPlay(play, host),
  ).flatMap((use) => {
    const params = resolveParameters(use, host.name, { vars: host.vars, extra: site.extraVars })
    const body = bodyOf(use.role, site)
    if (!body) return []
    const tasks = guarded(`role ${use.role.name} on ${host.name}`, use.where, () => body(params as never, host)) // checked by its schema
    return makeItems(tasks, {
      role: use.role.name,
      tags: [...playTags, use.role.name],
      become: play.become,
      conditions: [],
      where: use.role.where,
    })
  })
  if (site.verify) return roleItems
  if (site.rollback) return site.rollback.release === undefined ? roleItems : [...guardOf(play, host), ...roleItems]
  return [...guardOf(play, host), ...own(play.preTasks, 'preTasks'), ...roleItems, ...own(play.tasks, 'tasks')]
}

/** The part of a role that the run is about. */
function bodyOf({ name, tasks, verify, rollback }: RoleDefinition, site: Site): RoleDefinition['tasks'] | undefined {
  if (site.verify) return verify
  if (!site.rollback) return tasks
  const { role, release } = site.rollback
  if (name !== role || !rollback) return undefined
  return release === undefined ? rollback.look : (params, host) => rollback.tasks(params, host, release)
}

/** What the play does around the changes of a host. */
function guardOf(play: Play, host: Host): GuardItem[] {
  if (!play.beforeChanges && !play.afterChanges) return []
  const around = { role: undefined, tags: listOf(play.tags), become: play.become, conditions: [], where: play.where }
  const { beforeChanges: before, afterChanges: after } = play
  const title = (what: string) => `${what} of play ${play.name} on ${host.name}`
  const made = guarded(title('beforeChanges'), play.where, () => (typeof before === 'function' ? before(host) : before))
  const last = guarded(title('afterChanges'), play.where, () => (typeof after === 'function' ? after(host) : after))
  const tasks = listOf(last)
  const stranger = tasks.find((task) => kindOf(task) !== 'task')
  if (stranger !== undefined) {
    throw new ProvisionError({
      code: 'playbook',
      message: `play ${play.name}: 'afterChanges' expected tasks, found ${describeValue(stranger)}`,
      where: play.where.get(),
      hint: 'A task, or a list of tasks: they run as a handler does, without blocks and branches.',
    })
  }
  const name = `afterChanges of play ${play.name}`
  const handler: Handler = makeNode('handler', { tasks, name, where: play.where })
  return [{ kind: 'guard', before: makeItems(made, around), after: handler, afterItems: handlerItems(handler, around) }]
}

/** Variables with the command line's on top; a role's parameters merge one level deep. */
function mergeVars(
  vars: Readonly<Record<string, unknown>>,
  extra: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...vars }
  for (const [key, value] of Object.entries(extra)) {
    const below = merged[key]
    merged[key] = isPlain(below) && isPlain(value) ? { ...below, ...value } : value
  }
  return merged
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
