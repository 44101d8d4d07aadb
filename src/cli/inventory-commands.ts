// inventory list, inventory graph.
import type { GroupEntry, InventoryEntry } from '../core/inventory.ts'
import { loadInventory } from '../inventory/load-definition.ts'
import { resolveInventory } from '../inventory/resolve-inventory.ts'
import { exitCode, type Io } from './io.ts'
import { fileOf } from './open-site.ts'

export interface InventoryOptions {
  readonly inventory: string
  readonly output?: 'text' | 'json'
}

async function open(io: Io, { inventory: file }: InventoryOptions) {
  const { definition } = await loadInventory(fileOf(io, file))
  return { entry: definition.entry, inventory: resolveInventory(definition) }
}

/** `provision inventory list`. */
export async function listCommand(io: Io, options: InventoryOptions): Promise<number> {
  const { hosts } = (await open(io, options)).inventory
  if (options.output === 'json') {
    const rows = hosts.map(({ name, groups, connection, vars }) => ({
      name,
      address: connection.address,
      port: connection.port,
      user: connection.user,
      groups,
      vars,
    }))
    io.stdout.write(`${JSON.stringify({ hosts: rows })}\n`)
    return exitCode.ok
  }
  const rows = hosts.map(({ name, groups, connection }) => {
    const user = connection.user ? `${connection.user}@` : ''
    const port = connection.port ? `:${connection.port}` : ''
    const where = connection.connection === 'local' ? 'this machine' : `${user}${connection.address}${port}`
    return [name, where, groups.filter((group) => group !== 'all').join(', ')] as const
  })
  const width = (column: 0 | 1) => Math.max(0, ...rows.map((row) => row[column].length))
  for (const [name, where, groups] of rows)
    io.stdout.write(`${name.padEnd(width(0))}  ${where.padEnd(width(1))}  ${groups}`.trimEnd().concat('\n'))
  return exitCode.ok
}

/** `provision inventory graph`: groups in groups, and their hosts. */
export async function graphCommand(io: Io, options: InventoryOptions): Promise<number> {
  const { entry, inventory } = await open(io, options)
  const inside = new Set(Object.values(entry.groups ?? {}).flatMap((group) => membersOf(group).groups))
  const top = Object.keys(entry.groups ?? {}).filter((name) => !inside.has(name))
  const alone = inventory.hosts.filter((host) => host.groups.length === 1).map((host) => host.name)
  io.stdout.write(`all\n${renderTree([...top.map((name) => branchOf(name, entry)), ...alone.map(leaf)])}`)
  return exitCode.ok
}

interface Branch {
  readonly name: string
  readonly branches: readonly Branch[]
}

function leaf(name: string): Branch {
  return { name, branches: [] }
}

function membersOf(group: GroupEntry | readonly string[]): { hosts: readonly string[]; groups: readonly string[] } {
  if ('length' in group) return { hosts: group, groups: [] }
  return { hosts: group.hosts ?? [], groups: group.groups ?? [] }
}

function branchOf(name: string, entry: InventoryEntry): Branch {
  const { hosts, groups } = membersOf(entry.groups?.[name] ?? [])
  return { name: `@${name}`, branches: [...groups.map((group) => branchOf(group, entry)), ...hosts.map(leaf)] }
}

function renderTree(branches: readonly Branch[], indent = ''): string {
  return branches
    .map(({ name, branches: inner }, index) => {
      const last = index === branches.length - 1
      return `${indent}${last ? '└─' : '├─'} ${name}\n${renderTree(inner, `${indent}${last ? '   ' : '│  '}`)}`
    })
    .join('')
}
