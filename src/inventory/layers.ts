// What a host inherits: layers of settings and variables, the weakest first, and how they are laid over each other.
import type { ConnectionSettings } from '../core/host.ts'
import type { GroupEntry, InventoryEntry, Vars } from '../core/inventory.ts'
import { connectionNames, isPlainObject } from './settings.ts'

/** Where a value was written: for all hosts, for a group, or for the host. */
export type LayerName = { readonly kind: 'all' } | { readonly kind: 'group' | 'host'; readonly name: string }

/** What one place says about a host. */
export interface Layer {
  readonly from: LayerName
  readonly settings: ConnectionSettings
  readonly vars: Vars
}

/** A group of hosts with its members resolved to lists. */
export interface Group extends GroupEntry {
  readonly name: string
  readonly hosts: readonly string[]
  readonly groups: readonly string[]
}

/**
 * The groups that a host is in, directly or through other groups: a group comes after the groups that it is inside of;
 * otherwise in the order written. So the later wins, which is the inner group, or the one written further down.
 */
export function groupsOf(host: string, groups: readonly Group[]): readonly Group[] {
  const mine = new Set<string>()
  const enter = (group: Group): void => {
    if (mine.has(group.name)) return
    mine.add(group.name)
    for (const outer of groups) if (outer.groups.includes(group.name)) enter(outer)
  }
  for (const group of groups) if (group.hosts.includes(host)) enter(group)
  const waiting = groups.filter((group) => mine.has(group.name))
  const ordered: Group[] = []
  while (waiting.length > 0) {
    const next = waiting.findIndex((group) => !waiting.some((outer) => outer.groups.includes(group.name)))
    ordered.push(...waiting.splice(Math.max(0, next), 1)) // there is always one: cycles were refused
  }
  return ordered
}

/** The layers of a host, weakest first: everything, its groups from outside in, itself. */
export function layersOf(name: string, entry: InventoryEntry, groups: readonly Group[]): readonly Layer[] {
  return [
    layerOf({ kind: 'all' }, entry),
    ...groupsOf(name, groups).map((group) => layerOf({ kind: 'group', name: group.name }, group)),
    layerOf({ kind: 'host', name }, entry.hosts[name] ?? {}),
  ]
}

function layerOf(from: LayerName, entry: ConnectionSettings & { readonly vars?: Vars }): Layer {
  const settings = Object.fromEntries(
    Object.entries(entry).filter(([key, value]) => connectionNames.includes(key) && value !== undefined),
  )
  return { from, settings, vars: entry.vars ?? {} }
}

/**
 * Variables laid over others. Where both have an object under the same name (a role's parameters) its members are merged
 * one by one; everything else, lists and the members themselves too, is replaced. `undefined` overrides nothing.
 */
export function mergeVars(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...below }
  for (const [key, value] of Object.entries(above)) {
    if (value === undefined) continue
    const lower = merged[key]
    merged[key] = isPlainObject(value) ? { ...(isPlainObject(lower) ? lower : {}), ...definedOf(value) } : value
  }
  return merged
}

function definedOf(vars: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(vars).filter(([, value]) => value !== undefined))
}
