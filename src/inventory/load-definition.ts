// The default export of a user's module: a value, a promise of it, or a function that returns either.
import { readFileSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'
import { type InventoryDefinition, isInventoryDefinition } from '../core/inventory.ts'
import { isPlay, isPlaybook, type Playbook } from '../core/play.ts'
import { isRoleUse } from '../core/role.ts'
import { describeValue } from '../core/schema.ts'
import { type LoadedModule, type LoadOptions, loadModule } from './load-module.ts'
import { isPlainObject } from './settings.ts'
import { sourceExcerpt } from './source-excerpt.ts'

export type PackageOptions = Omit<LoadOptions, 'kind'>

/** A loaded definition and the files it was made of. */
export interface Loaded<T> {
  readonly definition: T
  /** Absolute path. */
  readonly file: string
  /** All local files that it was made of. */
  readonly inputs: readonly string[]
}

/** Loads the inventory that a file exports; throws a ProvisionError (`inventory`). */
export async function loadInventory(path: string, options: PackageOptions = {}): Promise<Loaded<InventoryDefinition>> {
  const module = await loadModule(path, { ...options, kind: 'inventory' })
  const value = await defaultExport(module, 'inventory')
  if (isInventoryDefinition(value)) return { definition: value, file: module.file, inputs: module.inputs }
  const hint = isPlaybook(value)
    ? 'Give it as the playbook: provision FILE --inventory HOSTS'
    : isPlainObject(value)
      ? 'Wrap it: export default defineInventory({ … }).'
      : undefined
  throw wrongExport(module, 'inventory', `exports ${describeExport(value)}, expected an inventory`, hint)
}

/** Loads the playbook that a file exports; throws a ProvisionError (`playbook`). */
export async function loadPlaybook(path: string, options: PackageOptions = {}): Promise<Loaded<Playbook>> {
  const module = await loadModule(path, { ...options, kind: 'playbook' })
  const value = await defaultExport(module, 'playbook')
  if (isPlaybook(value)) return { definition: value, file: module.file, inputs: module.inputs }
  const hint = isInventoryDefinition(value)
    ? 'Give it as the inventory: --inventory FILE'
    : isPlay(value) || isPlays(value)
      ? 'Wrap it: export default definePlaybook([ … ]).'
      : undefined
  throw wrongExport(module, 'playbook', `exports ${describeExport(value)}, expected a playbook`, hint)
}

async function defaultExport(module: LoadedModule, kind: 'inventory' | 'playbook'): Promise<unknown> {
  if (!('default' in module.exports)) {
    const wanted = kind === 'inventory' ? isInventoryDefinition : isPlaybook
    const named = Object.entries(module.exports).find(([, value]) => wanted(value))?.[0]
    const make = kind === 'inventory' ? 'defineInventory({ … })' : 'definePlaybook([ … ])'
    throw wrongExport(
      module,
      kind,
      `has no default export, expected ${nounOf(kind)}`,
      `Write export default ${named ?? make}.`,
    )
  }
  try {
    const value = await module.exports.default
    return typeof value === 'function' && !isRole(value) ? await value() : value
  } catch (error) {
    throw await module.explain(error)
  }
}

function wrongExport(
  module: LoadedModule,
  kind: 'inventory' | 'playbook',
  message: string,
  hint?: string,
): ProvisionError {
  const before = readFileSync(module.file, 'utf8').split(/^[ \t]*export default\b/m)[0] ?? ''
  const line = before.split('\n').length
  const found = message.startsWith('exports')
  const where = { file: module.file, line: found ? line : 1, column: 1 }
  return new ProvisionError({
    code: kind,
    message: `${module.name} ${message}`,
    where,
    detail: found ? sourceExcerpt(where) : undefined,
    hint,
  })
}

function nounOf(kind: 'inventory' | 'playbook'): string {
  return kind === 'inventory' ? 'an inventory' : 'a playbook'
}

function describeExport(value: unknown): string {
  if (isInventoryDefinition(value)) return 'an inventory'
  if (isPlaybook(value)) return 'a playbook'
  if (isPlay(value)) return 'a play'
  if (isPlays(value)) return 'a list of plays'
  if (isRoleUse(value)) return 'a use of a role'
  return isRole(value) ? 'a role' : describeValue(value)
}

function isPlays(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isPlay)
}

function isRole(value: unknown): boolean {
  return typeof value === 'function' && 'definition' in value
}
