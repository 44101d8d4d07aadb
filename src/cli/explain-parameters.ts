// Where the parameters of a host's roles come from: the inventory, then the play, then the command line; else the role's default.
import { asProvisionError, type Location } from '../core/error.ts'
import { hostsOfPlay, type Play, type Playbook } from '../core/play.ts'
import { type RoleUse, resolveParameters } from '../core/role.ts'
import { makeHostContext, rolesOfPlay } from '../engine/host-context.ts'
import { type ExplainedValue, explainVars } from '../inventory/explain-vars.ts'
import type { ExtraVars } from '../inventory/extra-vars.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'
import { unlessFactsAreNeeded } from './playbook-contents.ts'

/** A value, who set it, and what it won over, the strongest first. */
export interface ValueRow {
  readonly name: string
  readonly value: unknown
  readonly from: string
  readonly where: Location | undefined
  readonly overrides: readonly { readonly value: unknown; readonly from: string }[]
}

/** An explained value of the inventory as a row. */
export function rowOf(entry: ExplainedValue): ValueRow {
  return {
    name: entry.name,
    value: entry.value,
    from: layerName(entry.from),
    where: entry.where.get(),
    overrides: entry.overrides.map(({ value, from }) => ({ value, from: layerName(from) })),
  }
}

function layerName(from: ExplainedValue['from']): string {
  return from.kind === 'all' ? 'all hosts' : `${from.kind} ${from.name}`
}

export interface ExplainedRoles {
  readonly rows: readonly ValueRow[]
  /** Why the parameters of a role cannot be told. */
  readonly problems: readonly string[]
}

/** The parameters of all roles that a playbook gives a host, play by play. */
export function explainParameters(
  playbook: Playbook,
  inventory: ResolvedInventory,
  hostName: string,
  extraVars: ExtraVars,
): ExplainedRoles {
  const inventoryHost = inventory.host(hostName)
  const { host } = makeHostContext(inventoryHost, { playbook, inventory, extraVars, verify: false })
  const written = new Map(explainVars(inventory, hostName).map((entry) => [entry.name, rowOf(entry)]))
  const rows: ValueRow[] = []
  const problems: string[] = []
  for (const play of playbook.plays) {
    if (!hostsOfPlay(play, inventory).includes(inventoryHost)) continue
    const known = unlessFactsAreNeeded(() => {
      for (const use of rolesOfPlay(play, host)) {
        try {
          const values = resolveParameters(use, hostName, { vars: inventoryHost.vars, extra: extraVars })
          for (const [param, value] of Object.entries(values)) {
            if (value !== undefined) rows.push(explain({ play, use, param, value, extraVars, written }))
          }
        } catch (error) {
          problems.push(asProvisionError(error).message)
        }
      }
    })
    if (!known) problems.push(`play ${play.name}: its roles depend on facts of the host`)
  }
  return { rows, problems }
}

interface Parameter {
  readonly play: Play
  readonly use: RoleUse
  readonly param: string
  readonly value: unknown
  readonly extraVars: ExtraVars
  readonly written: ReadonlyMap<string, ValueRow>
}

function explain({ play, use, param, value, extraVars, written }: Parameter): ValueRow {
  const name = `${use.role.name}.${param}`
  const extra = extraVars[use.role.name]?.[param]
  const given: unknown = Object.entries(use.params).find(([key]) => key === param)?.[1]
  const inInventory = written.get(name)
  const sources = [
    ...(extra === undefined ? [] : [{ from: 'the command line', value: extra, where: undefined }]),
    ...(given === undefined ? [] : [{ from: `play ${play.name}`, value: given, where: use.where.get() }]),
    ...(inInventory ? [inInventory, ...inInventory.overrides.map((over) => ({ ...over, where: undefined }))] : []),
  ]
  const [winner, ...overrides] = sources
  if (!winner) return { name, value, from: `default of role ${use.role.name}`, where: undefined, overrides: [] }
  return {
    name,
    value: winner.value,
    from: winner.from,
    where: winner.where,
    overrides: overrides.map((over) => ({ value: over.value, from: over.from })),
  }
}
