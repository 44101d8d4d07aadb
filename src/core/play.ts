import { isProvisionError, ProvisionError } from './error.ts'
import type { Host, Inventory, InventoryHost } from './host.ts'
import { callerOf, type LazyLocation } from './location.ts'
import { isRoleUse, type RoleUse } from './role.ts'
import { describeValue, nearest } from './schema.ts'
import type { Task, Tasks } from './task.ts'

const playBrand = Symbol.for('hostwright.play')
const playbookBrand = Symbol.for('hostwright.playbook')

/** What a play says. */
export interface PlayOptions {
  /** @default the pattern */
  readonly name?: string | undefined
  /** Which hosts: `web`, `web:!web2`, `web:&db`, `db*`, `all`. */
  readonly hosts: string
  /** Roles for these hosts, in order; a function may choose by host. */
  readonly roles?:
    | readonly (RoleUse | false | null | undefined)[]
    | ((host: Host) => readonly (RoleUse | false | null | undefined)[])
    | undefined
  /** Tasks after the roles. */
  readonly tasks?: Tasks | ((host: Host) => Tasks)
  /** Tasks before the roles. */
  readonly preTasks?: Tasks | ((host: Host) => Tasks)
  /**
   * Tasks that run directly before the play's first change on a host, and not at all on a host where nothing is to change:
   * take a server out of its load balancer, silence its alerts. If one fails nothing is changed, and `afterChanges` runs.
   */
  readonly beforeChanges?: Tasks | ((host: Host) => Tasks)
  /**
   * Tasks that run after the last handler where something changed: check the health, put the server back. They run as a
   * handler does: not on a host that failed, and if they did not run, the next run of the play runs them.
   */
  readonly afterChanges?: Task | readonly Task[] | ((host: Host) => Task | readonly Task[]) | undefined
  readonly tags?: string | readonly string[] | undefined
  /** Become this user for all tasks (`true` = root). @default the connection's */
  readonly become?: boolean | string | undefined
  /** Hosts at a time: a number, `'30%'`, or a list of them (`[1, '50%']`); the last repeats. @default all */
  readonly serial?: number | string | readonly (number | string)[] | undefined
  /** Stop the whole run when more than this share of a batch failed. @default 100 */
  readonly maxFailPercentage?: number | undefined
  /** One failed or unreachable host stops all after their current task. @default false */
  readonly anyErrorsFatal?: boolean | undefined
  /** Only on the first host of the pattern that can be reached. @default false */
  readonly runOnce?: boolean | undefined
  /**
   * Plays that must be over on all their hosts before this one begins, `[]` for none; they come earlier in the playbook. On
   * each single host plays always run in the playbook's order.
   * @default all plays before it, on all hosts that answer
   */
  readonly after?: Play | readonly Play[] | undefined
}

export interface Play extends PlayOptions {
  readonly [playBrand]: true
  readonly name: string
  readonly where: LazyLocation
}

export interface Playbook {
  readonly [playbookBrand]: true
  readonly plays: readonly Play[]
  /** See `PlaybookOptions`. */
  readonly packagesFirst: boolean
  readonly where: LazyLocation
}

const known = [
  'name',
  'hosts',
  'roles',
  'tasks',
  'preTasks',
  'beforeChanges',
  'afterChanges',
  'tags',
  'become',
  'serial',
  'maxFailPercentage',
  'anyErrorsFatal',
  'runOnce',
  'after',
]

/**
 * A play: a host pattern with the roles and tasks that it gets.
 * @example play({ hosts: 'web', roles: [nginx({ sites })] })
 */
export function play(options: PlayOptions): Play {
  const where = callerOf(play)
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'playbook', message: `play: ${message}`, where: where.get(), hint })
  }
  if (typeof options !== 'object' || options === null) fail(`expected an object, found ${describeValue(options)}`)
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    fail(`unknown option '${key}'`, near ? `Did you mean '${near}'?` : `Known options: ${known.join(', ')}.`)
  }
  if (typeof options.hosts !== 'string' || options.hosts === '')
    fail(`option 'hosts': expected a host pattern, found ${describeValue(options.hosts)}`)
  if (Array.isArray(options.roles)) {
    for (const use of options.roles) {
      if (use && !isRoleUse(use)) {
        fail(
          `option 'roles': expected uses of roles, found ${describeValue(use)}`,
          typeof use === 'function' ? 'Call the role: nginx() or nginx({ … }).' : undefined,
        )
      }
    }
  }
  for (const size of serialSizes(options.serial)) {
    if (!/^[1-9][0-9]*%?$/.test(String(size)))
      fail(`option 'serial': expected a number of hosts or a percentage such as '30%', found ${describeValue(size)}`)
  }
  const { maxFailPercentage: share } = options
  if (share !== undefined && !(typeof share === 'number' && share >= 0 && share <= 100))
    fail(`option 'maxFailPercentage': expected a number from 0 to 100, found ${describeValue(share)}`)
  const after = options.after === undefined ? [] : [options.after].flat()
  const stranger = after.find((entry) => !isPlay(entry))
  if (after.length > 0 && stranger !== undefined)
    fail(
      `option 'after': expected plays, found ${describeValue(stranger)}`,
      'const first = play({ … }), then after: [first].',
    )
  return Object.freeze({ ...options, [playBrand]: true as const, name: options.name ?? options.hosts, where })
}

/** The hosts of a play; a pattern that names nobody is an error at the play's line. */
export function hostsOfPlay({ name, hosts, where }: Play, inventory: Inventory): readonly InventoryHost[] {
  try {
    return inventory.select(hosts)
  } catch (error) {
    if (!isProvisionError(error) || error.where) throw error
    const { code, message, detail, hint } = error
    const title = name === hosts ? 'play' : `play ${name}`
    throw new ProvisionError({ code, message: `${title}: ${message}`, detail, hint, where: where.get(), cause: error })
  }
}

/** The batch sizes of `serial` as a list. */
export function serialSizes(serial: PlayOptions['serial']): readonly (number | string)[] {
  if (serial === undefined) return []
  return Array.isArray(serial) ? serial : [serial as number | string]
}

/** What a playbook says beside its plays. */
export interface PlaybookOptions {
  /**
   * Install the packages of all plays by one call of apt, where the first of them is installed, instead of one call for each
   * task. Much faster on fresh hosts; daemons that start when they are installed then run with Debian's defaults until their
   * own tasks come. Tasks with a condition that is not decided yet wait for their turn, and so do those behind a package
   * source that is still to be added.
   * @default false
   */
  readonly packagesFirst?: boolean | undefined
}

/**
 * A playbook: plays in order, each a barrier for its hosts unless it says `after`. Default export of a playbook file.
 * @example export default definePlaybook([play({ hosts: 'web', roles: [nginx()] })], { packagesFirst: true })
 */
export function definePlaybook(
  plays: Play | readonly (Play | readonly Play[] | false | null | undefined)[],
  options: PlaybookOptions = {},
): Playbook {
  const where = callerOf(definePlaybook)
  const list = (Array.isArray(plays) ? plays.flat() : [plays]).filter(Boolean) as Play[]
  for (const entry of list) {
    if (!isPlay(entry)) {
      throw new ProvisionError({
        code: 'playbook',
        message: `definePlaybook: expected plays, found ${describeValue(entry)}`,
        where: where.get(),
        hint: 'Wrap it: play({ hosts: …, roles: […] }).',
      })
    }
  }
  for (const [index, entry] of list.entries()) {
    const late = [entry.after ?? []].flat().find((other) => !list.slice(0, index).includes(other))
    if (late) {
      throw new ProvisionError({
        code: 'playbook',
        message: `play ${entry.name}: option 'after' names the play ${late.name}, which ${list.includes(late) ? 'comes later' : 'is not in the playbook'}`,
        where: entry.where.get(),
        hint: 'Put it into the playbook, before this one.',
      })
    }
  }
  const unknown = Object.keys(options).find((key) => key !== 'packagesFirst')
  if (unknown !== undefined || (options.packagesFirst !== undefined && typeof options.packagesFirst !== 'boolean')) {
    throw new ProvisionError({
      code: 'playbook',
      message:
        unknown === undefined
          ? `definePlaybook: option 'packagesFirst': expected true or false, found ${describeValue(options.packagesFirst)}`
          : `definePlaybook: unknown option '${unknown}'`,
      where: where.get(),
      hint: unknown === undefined ? undefined : 'Known options: packagesFirst.',
    })
  }
  const packagesFirst = options.packagesFirst ?? false
  return Object.freeze({ [playbookBrand]: true as const, plays: list, packagesFirst, where })
}

export function isPlay(value: unknown): value is Play {
  return typeof value === 'object' && value !== null && playBrand in value
}

export function isPlaybook(value: unknown): value is Playbook {
  return typeof value === 'object' && value !== null && playbookBrand in value
}
