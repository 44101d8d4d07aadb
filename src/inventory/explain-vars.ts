// Where a host's variables and settings come from, for `provision vars HOST`. Plays and the command line come on top of these.
import type { LazyLocation } from '../core/location.ts'
import type { Layer, LayerName } from './layers.ts'
import type { ResolvedInventory } from './resolve-inventory.ts'
import { connectionNames, isPlainObject } from './settings.ts'

/** One value of a host and the place that set it. */
export interface ExplainedValue {
  /** `nginx.workers` for a member of an object, else the variable's name. */
  readonly name: string
  readonly value: unknown
  readonly from: LayerName
  /** Where it was written, as exactly as can be told. */
  readonly where: LazyLocation
  /** What it overrides, the strongest first. */
  readonly overrides: readonly { readonly value: unknown; readonly from: LayerName }[]
}

/** A host's variables, one for each member of an object, in the order of their names; throws for an unknown host. */
export function explainVars(inventory: ResolvedInventory, host: string): readonly ExplainedValue[] {
  const layers = inventory.layers(host)
  const names = new Set(layers.flatMap(({ vars }) => Object.keys(vars)))
  return [...names].sort().flatMap((name) => explainVariable(inventory, layers, name))
}

/** A host's connection settings, in the order of their names; throws for an unknown host. */
export function explainConnection(inventory: ResolvedInventory, host: string): readonly ExplainedValue[] {
  const layers = inventory.layers(host)
  return [...connectionNames].sort().flatMap((name) => {
    const found = layers.flatMap(({ from, settings }) => {
      const value: unknown = Object.entries(settings).find(([key]) => key === name)?.[1]
      return value === undefined ? [] : [{ from, value }]
    })
    return explained(inventory, name, [name], found)
  })
}

interface Found {
  readonly from: LayerName
  readonly value: unknown
}

function explainVariable(
  inventory: ResolvedInventory,
  layers: readonly Layer[],
  name: string,
): readonly ExplainedValue[] {
  const found = layers.flatMap(({ from, vars }): readonly Found[] =>
    vars[name] === undefined ? [] : [{ from, value: vars[name] }],
  )
  // Members merge only among the objects above the last value that is none: that one replaced what was below.
  const lastWhole = found.findLastIndex(({ value }) => !isPlainObject(value))
  const objects = found.slice(lastWhole + 1)
  if (objects.length === 0) return explained(inventory, name, ['vars', name], found)
  const members = new Set(objects.flatMap(({ value }) => (isPlainObject(value) ? Object.keys(value) : [])))
  if (members.size === 0) return explained(inventory, name, ['vars', name], found)
  return [...members].sort().flatMap((member) => {
    const values = objects.flatMap(({ from, value }): readonly Found[] =>
      isPlainObject(value) && value[member] !== undefined ? [{ from, value: value[member] }] : [],
    )
    return explained(inventory, `${name}.${member}`, ['vars', name, member], values)
  })
}

function explained(
  inventory: ResolvedInventory,
  name: string,
  path: readonly string[],
  found: readonly Found[],
): readonly ExplainedValue[] {
  const last = found.at(-1)
  if (!last) return []
  const where = inventory.locate([...pathOf(last.from), ...path])
  return [{ name, value: last.value, from: last.from, where, overrides: found.slice(0, -1).reverse() }]
}

function pathOf(from: LayerName): readonly string[] {
  switch (from.kind) {
    case 'all':
      return []
    case 'group':
      return ['groups', from.name]
    case 'host':
      return ['hosts', from.name]
  }
}
