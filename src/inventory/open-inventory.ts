import { loadInventory, type PackageOptions } from './load-definition.ts'
import { type ResolvedInventory, resolveInventory } from './resolve-inventory.ts'

/** An inventory opened from a file. */
export interface OpenedInventory {
  readonly inventory: ResolvedInventory
  /** Absolute path. */
  readonly file: string
  /** All local files that it was made of. */
  readonly inputs: readonly string[]
}

/** Loads, checks and resolves the inventory of a file; throws a ProvisionError (`inventory`) with file and line. */
export async function openInventory(path: string, options: PackageOptions = {}): Promise<OpenedInventory> {
  const { definition, file, inputs } = await loadInventory(path, options)
  return { inventory: resolveInventory(definition), file, inputs }
}
