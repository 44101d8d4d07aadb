// From an inventory as written to the inventory as used: checks it whole, resolves groups of groups, lets hosts inherit.
import { dirname, isAbsolute, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { ConnectionSettings, Inventory, InventoryHost } from '../core/host.ts'
import type { InventoryDefinition } from '../core/inventory.ts'
import type { LazyLocation } from '../core/location.ts'
import { checkInventory } from './check-inventory.ts'
import { type Layer, layersOf, mergeVars } from './layers.ts'
import { locateIn } from './locate.ts'
import { type Named, selectHosts, unknownName } from './pattern.ts'

/** An inventory that also knows where each value came from. */
export interface ResolvedInventory extends Inventory {
  /** What was said about a host at each place, weakest first; throws for an unknown host. */
  readonly layers: (host: string) => readonly Layer[]
  /** Where a key of the definition stands in the source: `['hosts', 'web1', 'port']`. */
  readonly locate: (path: readonly string[]) => LazyLocation
}

/** Checks and resolves an inventory; throws a ProvisionError (`inventory`) with the line of the first mistake. */
export function resolveInventory(definition: InventoryDefinition): ResolvedInventory {
  const { entry } = definition
  const locate = locateIn(definition.where)
  const groups = checkInventory(entry, locate)
  const names = Object.keys(entry.hosts)
  const layers = new Map(names.map((name) => [name, layersOf(name, entry, groups)]))
  const folder = lazyFolder(definition.where)
  const hosts = names.map((name): InventoryHost => {
    const own = layers.get(name) ?? []
    return Object.freeze({
      name,
      groups: ['all', ...own.flatMap(({ from }) => (from.kind === 'group' ? [from.name] : []))],
      connection: connectionOf(name, own, folder),
      vars: own.reduce<Record<string, unknown>>((vars, layer) => mergeVars(vars, layer.vars), {}),
      where: locate(['hosts', name]),
    })
  })
  const named: Named = {
    hosts: names,
    groups: new Map(
      groups.map((group) => [
        group.name,
        hosts.filter((host) => host.groups.includes(group.name)).map(({ name }) => name),
      ]),
    ),
  }
  const byName = new Map(hosts.map((host) => [host.name, host]))
  const pick = (chosen: readonly string[]): readonly InventoryHost[] =>
    hosts.filter((host) => chosen.includes(host.name))
  const host = (name: string): InventoryHost => {
    const found = byName.get(name)
    const members = named.groups.get(name)
    if (!found && members)
      throw new ProvisionError({
        code: 'inventory',
        message: `'${name}' is a group of the inventory, expected a host`,
        hint: `Its hosts: ${members.join(', ')}.`,
      })
    if (!found) throw unknownName(`no host '${name}' in the inventory`, name, { hosts: names })
    return found
  }
  return {
    hosts,
    host,
    group: (name) => {
      const members = name === 'all' ? names : named.groups.get(name)
      if (!members) throw unknownName(`no group '${name}' in the inventory`, name, { groups: [...named.groups.keys()] })
      return pick(members)
    },
    hasGroup: (name) => name === 'all' || named.groups.has(name),
    select: (pattern) => pick(selectHosts(pattern, named)),
    layers: (name) => layers.get(host(name).name) ?? [],
    locate,
  }
}

function connectionOf(
  name: string,
  layers: readonly Layer[],
  folder: () => string | undefined,
): InventoryHost['connection'] {
  const settings: ConnectionSettings = Object.assign({}, ...layers.map((layer) => layer.settings))
  const { identityFile, knownHosts } = settings
  return {
    ...settings,
    ...(identityFile === undefined ? {} : { identityFile: fromFolder(identityFile, folder) }),
    ...(knownHosts === undefined ? {} : { knownHosts: fromFolder(knownHosts, folder) }),
    address: settings.address ?? name,
  }
}

/** Relative paths are meant from the inventory's own folder, wherever the command runs. */
function fromFolder(path: string, folder: () => string | undefined): string {
  if (isAbsolute(path) || path.startsWith('~')) return path
  const base = folder()
  return base === undefined ? path : resolve(base, path)
}

function lazyFolder(where: LazyLocation): () => string | undefined {
  return () => {
    const file = where.get()?.file
    return file !== undefined && isAbsolute(file) ? dirname(file) : undefined
  }
}
