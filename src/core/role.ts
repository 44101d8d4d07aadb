import type * as v from 'valibot'
import { ProvisionError } from './error.ts'
import type { Host, Opening } from './host.ts'
import { callerOf, type LazyLocation } from './location.ts'
import type { ObjectEntries } from './schema.ts'
import { checkObject, describeValue } from './schema.ts'
import type { Outcome, Task, Tasks } from './task.ts'

const brand = Symbol.for('hostwright.role')

/** What a host has of a role's releases. */
export interface ReleasesOutcome extends Outcome {
  /** The current one; undefined = none. */
  readonly release: string | undefined
  /** The one before. */
  readonly previous: string | undefined
  /** All that it could go back to, the newest first. */
  readonly kept: readonly string[]
}

/** How a role goes back to an earlier release: `provision rollback ROLE`. */
export interface Rollback<P> {
  /** A task that changes nothing and tells which releases the host has: `release.kept`. */
  readonly look: (params: P, host: Host) => Task<ReleasesOutcome>
  /** Tasks that make one of them the current one. */
  readonly tasks: (params: P, host: Host, release: string) => Tasks
}

/** A role as written; `use` it in a play by calling it. */
export interface RoleDefinition {
  readonly name: string
  /** Valibot entries; undefined = parameters are not checked at load. */
  readonly params: ObjectEntries | undefined
  readonly openings: ((params: never, host: Host) => readonly Opening[]) | undefined
  readonly verify: ((params: never, host: Host) => Tasks) | undefined
  readonly rollback: Rollback<never> | undefined
  readonly tasks: (params: never, host: Host) => Tasks
  readonly where: LazyLocation
}

/** A role with the parameters of one play. */
export interface RoleUse {
  readonly [brand]: true
  readonly role: RoleDefinition
  /** What the play gave; the rest comes from variables and defaults. */
  readonly params: Readonly<Record<string, unknown>>
  readonly where: LazyLocation
}

/** Each may be left out or undefined: the inventory or the default gives it then. */
type Optional<Input> = { readonly [Key in keyof Input]?: Input[Key] | undefined }

/** Calling a role makes a use of it; parameters set here win over the inventory's. */
export type Role<Input> = ((params?: Optional<Input>) => RoleUse) & { readonly definition: RoleDefinition }

type InputOf<E extends ObjectEntries> = v.InferInput<v.StrictObjectSchema<E, undefined>>
type OutputOf<E extends ObjectEntries> = v.InferOutput<v.StrictObjectSchema<E, undefined>>

/**
 * Defines a role: typed parameters, tasks and handlers, the ports it needs, and checks of what it promises.
 *
 * A parameter's value comes from (last wins): the schema's default, the inventory's variable of the role's name
 * (`vars: { nginx: { workers: 2 } }`, group before host), the play (`nginx({ workers: 4 })`),
 * the command line (`--extra-vars nginx.workers=8`).
 *
 * @example
 * export const motd = role('motd', { params: { text: v.string() } }, ({ text }) => [
 *   file.file({ dest: '/etc/motd', content: `${text}\n` }),
 * ])
 */
export function role<E extends ObjectEntries>(
  name: string,
  options: {
    /** Valibot entries: `{ workers: v.optional(v.number(), 4) }`. */
    params: E
    /** Ports that must be reachable for this role to work; the firewall role collects them. */
    openings?: (params: OutputOf<E>, host: Host) => readonly Opening[]
    /** Read-only tasks that prove what the role promises; run by `provision verify`. */
    verify?: (params: OutputOf<E>, host: Host) => Tasks
    /** How it goes back to an earlier release. */
    rollback?: Rollback<OutputOf<E>>
  },
  tasks: (params: OutputOf<E>, host: Host) => Tasks,
): Role<InputOf<E>>
/** A role without a parameter schema: parameters are checked by the compiler only. */
export function role<P extends object = Record<never, never>>(
  name: string,
  tasks: (params: P, host: Host) => Tasks,
): Role<P>
export function role(name: string, first: unknown, second?: unknown): Role<never> {
  const options = (typeof first === 'function' ? {} : first) as Partial<RoleDefinition> // told apart by the overloads
  const tasks = (typeof first === 'function' ? first : second) as RoleDefinition['tasks']
  const definition: RoleDefinition = {
    name,
    params: options.params,
    openings: options.openings,
    verify: options.verify,
    rollback: options.rollback,
    tasks,
    where: callerOf(role),
  }
  const use = (params: object = {}): RoleUse =>
    Object.freeze({
      [brand]: true as const,
      role: definition,
      params: params as Record<string, unknown>,
      where: callerOf(use),
    })
  return Object.assign(use, { definition }) as Role<never> // never: parameters are contravariant; the overloads give the real type
}

/** Whether a value is a use of a role, also of another copy of this package. */
export function isRoleUse(value: unknown): value is RoleUse {
  return typeof value === 'object' && value !== null && brand in value
}

/** The layers a role's parameters come from, weakest first. */
export interface ParameterLayers {
  readonly vars: Readonly<Record<string, unknown>>
  readonly extra: Readonly<Record<string, unknown>>
}

/** The parameters of a role on one host, checked; throws with the play's file and line. */
export function resolveParameters(use: RoleUse, hostName: string, layers: ParameterLayers): Record<string, unknown> {
  const fromVars = layers.vars[use.role.name]
  const fromExtra = layers.extra[use.role.name]
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({
      code: 'playbook',
      message: `role ${use.role.name} on ${hostName}: ${message}`,
      where: use.where.get(),
      hint,
    })
  }
  if (fromVars !== undefined && (typeof fromVars !== 'object' || fromVars === null)) {
    return fail(
      `the inventory's variable '${use.role.name}': expected an object of this role's parameters, found ${describeValue(fromVars)}`,
    )
  }
  const merged = {
    ...(fromVars as object | undefined),
    ...withoutUndefined(use.params),
    ...(fromExtra as object | undefined),
  }
  if (!use.role.params) return merged
  const checked = checkObject(use.role.params, merged)
  if ('issue' in checked) {
    return fail(
      checked.issue.replace(/^option/, 'parameter').replace(/^unknown option/, 'unknown parameter'),
      checked.issue.endsWith('is missing')
        ? `Set it in the play, or in the inventory as vars: { ${use.role.name}: { … } }.`
        : undefined,
    )
  }
  return checked.value
}

function withoutUndefined(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
}
