// provision vars: every setting, variable and role parameter of a host, who set it and what it won over.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import { isSecret } from '../core/secret.ts'
import { explainConnection, explainVars } from '../inventory/explain-vars.ts'
import { parseExtraVars } from '../inventory/extra-vars.ts'
import { loadPlaybook } from '../inventory/load-definition.ts'
import { openInventory } from '../inventory/open-inventory.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'
import { renderLocation } from '../report/error.ts'
import { makePaint, type Paint } from '../report/paint.ts'
import { type ExplainedRoles, explainParameters, rowOf, type ValueRow } from './explain-parameters.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { fileOf } from './open-site.ts'
import { rolesIn } from './playbook-contents.ts'

export interface VarsOptions {
  readonly inventory: string
  readonly playbook?: string
  readonly extraVars?: readonly string[]
  readonly output?: 'text' | 'json'
}

const usualPlaybook = 'playbooks/site.ts'

/** `provision vars`. */
export async function varsCommand(
  io: Io,
  host: string,
  name: string | undefined,
  options: VarsOptions,
): Promise<number> {
  const { inventory } = await openInventory(fileOf(io, options.inventory))
  const settings = explainConnection(inventory, host).map(rowOf)
  const roles = await rolesOf(io, inventory, host, options)
  const inRoles = new Set(roles.rows.map((row) => row.name))
  const vars = explainVars(inventory, host)
    .map(rowOf)
    .filter((row) => !inRoles.has(row.name))
  const all = [...settings, ...[...vars, ...roles.rows].sort((left, right) => left.name.localeCompare(right.name))]
  const chosen = all.filter((row) => name === undefined || row.name === name || row.name.startsWith(`${name}.`))
  if (name !== undefined && chosen.length === 0) throw unknownName(host, name, all)
  if (options.output === 'json') {
    const values = chosen.map((row) => ({ ...row, where: row.where && renderLocation(row.where, io.cwd) }))
    io.stdout.write(`${JSON.stringify({ host, values })}\n`)
  } else {
    const paint = makePaint(hasColour(io, io.stdout))
    for (const row of chosen) io.stdout.write(renderRow(row, io.cwd, paint))
  }
  for (const problem of roles.problems) io.stderr.write(`! ${problem}\n`)
  return exitCode.ok
}

/** What a playbook makes of the variables; the usual one if it is there, none if not. */
async function rolesOf(
  io: Io,
  inventory: ResolvedInventory,
  host: string,
  options: VarsOptions,
): Promise<ExplainedRoles> {
  const file = options.playbook ?? (existsSync(resolve(io.cwd, usualPlaybook)) ? usualPlaybook : undefined)
  if (file === undefined) return { rows: [], problems: [] }
  const { definition } = await loadPlaybook(fileOf(io, file))
  const names = new Set(inventory.hosts.flatMap((entry) => Object.keys(entry.vars)))
  const extraVars = parseExtraVars(options.extraVars ?? [], rolesIn(definition, inventory), [...names])
  return explainParameters(definition, inventory, host, extraVars)
}

function renderRow({ name, value, from, where, overrides }: ValueRow, cwd: string, paint: Paint): string {
  const place = where ? ` ${renderLocation(where, cwd)}` : ''
  const over = overrides.map((lower) => `, over ${show(lower.value)} of ${lower.from}`).join('')
  return `${paint('bold', name)} = ${show(value)}  ${paint('dim', `${from}${place}${over}`)}\n`
}

function show(value: unknown): string {
  return isSecret(value) ? String(value) : (JSON.stringify(value) ?? String(value))
}

function unknownName(host: string, name: string, rows: readonly ValueRow[]): ProvisionError {
  const known = [...new Set(rows.map((row) => row.name))]
  const near = nearest(name, known)
  return new ProvisionError({
    code: 'input',
    message: `${host} has no variable or setting '${name}'`,
    hint: near ? `Did you mean '${near}'?` : `Known: ${known.join(', ') || 'none'}.`,
  })
}
