// The digest by which coordinator and workers know that they have the same project: its files, what the inventory came
// out as, and the version of hostwright. It holds hashes only.
import { createHash, scryptSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { InventoryHost } from '../core/host.ts'

/** A project as it is compared. */
export interface Project {
  /** Its folder: the nearest above the playbook that has a `package.json`. */
  readonly root: string
  readonly digest: string
  /** A hash for each file, by its path in the project; and for what is no file, by what it is. */
  readonly parts: Readonly<Record<string, string>>
}

export interface ProjectSource {
  /** Absolute path of the playbook. */
  readonly playbook: string
  /** All files that playbook and inventory were made of. */
  readonly inputs: readonly string[]
  readonly hosts: readonly InventoryHost[]
  readonly extraVars: Readonly<Record<string, unknown>>
  readonly version: string
}

/**
 * Reads and hashes a project: the modules, whatever lies beside and below them, and the `templates/` folders above them,
 * which is where tasks look for files.
 */
export function readProject({ playbook, inputs, hosts, extraVars, version }: ProjectSource): Project {
  const root = rootOf(playbook)
  const parts: Record<string, string> = {}
  // keys and known hosts are each machine's own, wherever they lie
  const own = new Set(hosts.flatMap(({ connection }) => [connection.identityFile, connection.knownHosts]))
  for (const file of filesOf(root, inputs).filter((name) => !own.has(name)))
    parts[relative(root, file)] = hashOf(readFileSync(file))
  const values = JSON.stringify({ hosts: hosts.map(comparable), extraVars }).replaceAll(`${root}/`, '')
  // slow on purpose: a value that somebody could guess must not be cheap to confirm
  parts['(the values of inventory and --extra-vars)'] = scryptSync(values, 'hostwright', 12).toString('hex')
  parts['(the version of hostwright)'] = version
  const lines = Object.entries(parts).sort(([left], [right]) => (left < right ? -1 : 1))
  return { root, digest: hashOf(JSON.stringify(lines)), parts }
}

/** What two projects do not have in common, as words for a message. */
export function differencesOf(ours: Project['parts'], theirs: Project['parts']): string[] {
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort()
  return names.flatMap((name) => {
    if (ours[name] === theirs[name]) return []
    if (ours[name] === undefined) return [`${name}: only there`]
    return [theirs[name] === undefined ? `${name}: only here` : `${name}: differs`]
  })
}

/** How a host is reached differs between machines in paths and passwords; what is provisioned must not. */
function comparable({ name, groups, connection, vars }: InventoryHost): object {
  const { identityFile, knownHosts, password, becomePassword, passphrase, ...settings } = connection
  return { name, groups, settings, vars }
}

function rootOf(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return dirname(file)
  }
}

function filesOf(root: string, inputs: readonly string[]): string[] {
  const found = new Set(inputs)
  const folders = new Set<string>()
  for (const input of inputs) {
    let folder = dirname(input)
    if (folder === root) for (const file of filesIn(root, false)) found.add(file)
    else folders.add(folder)
    for (; isBelow(folder, root); folder = dirname(folder)) folders.add(join(folder, 'templates'))
  }
  for (const folder of folders) for (const file of filesIn(folder, true)) found.add(file)
  return [...found]
}

function isBelow(folder: string, root: string): boolean {
  return folder === root || folder.startsWith(`${root}/`)
}

function filesIn(folder: string, deep: boolean): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return entry.name.startsWith('.') ? [] : [path]
    const skipped = !deep || !entry.isDirectory() || entry.name === 'node_modules' || entry.name.startsWith('.')
    return skipped ? [] : filesIn(path, true)
  })
}

function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 24)
}
