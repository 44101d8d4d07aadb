import type { ConnectionSettings } from './host.ts'
import type { HostVars } from './host-vars.ts'
import { callerOf, type LazyLocation } from './location.ts'

const brand = Symbol.for('hostwright.inventory')

/** Variables: the roles' parameters by role name, and anything else the playbooks read. */
export type Vars = { readonly [Key in keyof HostVars]?: HostVars[Key] | undefined } & Readonly<Record<string, unknown>>

/** A host as written. */
export interface HostEntry extends ConnectionSettings {
  readonly vars?: Vars
}

/** A group as written: hosts, groups inside it, and what they inherit. */
export interface GroupEntry extends ConnectionSettings {
  /** Names of hosts, in order. */
  readonly hosts?: readonly string[]
  /** Names of groups inside this one. */
  readonly groups?: readonly string[]
  readonly vars?: Vars
}

/** An inventory as written. */
export interface InventoryEntry extends ConnectionSettings {
  readonly hosts: Readonly<Record<string, HostEntry>>
  readonly groups?: Readonly<Record<string, GroupEntry | readonly string[]>>
  /** Variables of every host. */
  readonly vars?: Vars
}

export interface InventoryDefinition {
  readonly [brand]: true
  readonly entry: InventoryEntry
  readonly where: LazyLocation
}

/**
 * The inventory: hosts, groups, variables, how to reach them. Default export of `hosts.ts`;
 * a file that must ask something first may export a promise of it or an async function.
 * @example
 * export default defineInventory({
 *   user: 'admin',
 *   hosts: { lb1: { address: '192.0.2.10' }, web1: { address: '192.0.2.11' } },
 *   groups: { lb: ['lb1'], web: { hosts: ['web1'], vars: { nginx: { workers: 2 } } } },
 * })
 */
export function defineInventory(entry: InventoryEntry): InventoryDefinition {
  return Object.freeze({ [brand]: true as const, entry, where: callerOf(defineInventory) })
}

export function isInventoryDefinition(value: unknown): value is InventoryDefinition {
  return typeof value === 'object' && value !== null && brand in value
}
