// inventory list, inventory graph, vars.
import { resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { isSecret } from '../core/secret.ts'
import { type ExplainedValue, explainConnection, explainVars } from '../inventory/explain-vars.ts'
import { openInventory } from '../inventory/open-inventory.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'
import { renderLocation } from '../report/error.ts'
import { makePaint } from '../report/paint.ts'
import { exitCode, hasColour, type Io } from './io.ts'

interface InventoryOptions {
  readonly inventory: string
  readonly output?: 'text' | 'json'
}

async function open(io: Io, given: object): Promise<ResolvedInventory> {
  const { inventory: file } = given as InventoryOptions // commander's parsers made it so
  return (await openInventory(resolve(io.cwd, file))).inventory
}

/** `provision inventory list`. */
export async function listCommand(io: Io, given: object): Promise<number> {
  const { hosts } = await open(io, given)
  if ((given as InventoryOptions).output === 'json') {
    const rows = hosts.map(({ name, groups, connection, vars }) => ({
      name,
      address: connection.address,
      user: connection.user,
      groups,
      vars,
    }))
    io.stdout.write(`${JSON.stringify({ hosts: rows })}\n`)
    return exitCode.ok
  }
  const width = Math.max(0, ...hosts.map((host) => host.name.length))
  for (const { name, groups, connection } of hosts) {
    const who = `${connection.user ? `${connection.user}@` : ''}${connection.address}${connection.port ? `:${connection.port}` : ''}`
    io.stdout.write(
      `${name.padEnd(width)}  ${who.padEnd(28)}  ${groups.filter((group) => group !== 'all').join(', ')}\n`,
    )
  }
  return exitCode.ok
}

/** `provision inventory graph`: each group with its hosts. */
export async function graphCommand(io: Io, given: object): Promise<number> {
  const { hosts } = await open(io, given)
  const groups = [...new Set(hosts.flatMap((host) => host.groups))]
  for (const group of groups) {
    const members = hosts.filter((host) => host.groups.includes(group)).map((host) => host.name)
    io.stdout.write(
      `${group}\n${members.map((name, index) => `${index === members.length - 1 ? '└─' : '├─'} ${name}\n`).join('')}`,
    )
  }
  return exitCode.ok
}

/** `provision vars`. */
export async function varsCommand(io: Io, host: string, name: string | undefined, given: object): Promise<number> {
  const inventory = await open(io, given)
  const paint = makePaint(hasColour(io, io.stdout))
  const all = [...explainVars(inventory, host), ...(name === undefined ? explainConnection(inventory, host) : [])]
  const chosen = all.filter((entry) => name === undefined || entry.name === name || entry.name.startsWith(`${name}.`))
  if (chosen.length === 0) {
    throw new ProvisionError({
      code: 'input',
      message: `${host} has no variable '${name}'`,
      hint: `Known: ${all.map((entry) => entry.name).join(', ') || 'none'}.`,
    })
  }
  for (const entry of chosen) io.stdout.write(renderValue(entry, io.cwd, paint))
  return exitCode.ok
}

function renderValue(entry: ExplainedValue, cwd: string, paint: ReturnType<typeof makePaint>): string {
  const where = entry.where.get()
  const over = entry.overrides.map(({ value, from }) => `, over ${show(value)} of ${layerName(from)}`).join('')
  return `${paint('bold', entry.name)} = ${show(entry.value)}  ${paint('dim', `${layerName(entry.from)}${where ? ` ${renderLocation(where, cwd)}` : ''}${over}`)}\n`
}

function layerName(from: ExplainedValue['from']): string {
  return from.kind === 'all' ? 'all hosts' : `${from.kind} ${from.name}`
}

function show(value: unknown): string {
  return isSecret(value) ? String(value) : JSON.stringify(value)
}
