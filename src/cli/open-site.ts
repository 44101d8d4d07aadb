// Opens what a command works on: inventory, playbook, secrets.
import { resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { ConnectionSettings, InventoryHost } from '../core/host.ts'
import type { Playbook } from '../core/play.ts'
import type { RoleDefinition } from '../core/role.ts'
import { makeHostContext, rolesOfPlay } from '../engine/host-context.ts'
import { FactsNeeded } from '../engine/user-code.ts'
import { openInventory } from '../inventory/open-inventory.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'
import { openSecrets, type SecretStore } from '../secrets/open-secrets.ts'
import { askPassword } from './ask-password.ts'
import type { Io } from './io.ts'

export interface SiteOptions {
  readonly inventory: string
  readonly secrets?: string | undefined
  readonly askBecomePass?: boolean | undefined
  readonly askPass?: boolean | undefined
  readonly check?: boolean | undefined
}

export interface OpenedSite {
  readonly inventory: ResolvedInventory
  readonly secrets: SecretStore
}

/** Opens inventory and secrets; asks for passwords if told to. */
export async function openSite(io: Io, options: SiteOptions): Promise<OpenedSite> {
  const { inventory } = await openInventory(resolve(io.cwd, options.inventory))
  const secrets = openSecrets({
    file: resolve(io.cwd, options.secrets ?? '.provision/secrets.json'),
    env: io.env,
    // check mode changes nothing, here neither
    generate: options.check ? 'memory' : 'store',
  })
  const asked: { -readonly [Key in 'becomePassword' | 'password']?: string } = {}
  if (options.askPass) asked.password = await askPassword(io, 'Login password: ')
  if (options.askBecomePass) asked.becomePassword = await askPassword(io, 'Password of sudo or su: ')
  for (const value of Object.values(asked)) secrets.hide(value)
  return { inventory: Object.keys(asked).length > 0 ? withSettings(inventory, asked) : inventory, secrets }
}

/** The inventory with settings that win over its own. */
function withSettings(inventory: ResolvedInventory, settings: ConnectionSettings): ResolvedInventory {
  const change = (host: InventoryHost): InventoryHost => ({ ...host, connection: { ...host.connection, ...settings } })
  return {
    ...inventory,
    hosts: inventory.hosts.map(change),
    host: (name) => change(inventory.host(name)),
    group: (name) => inventory.group(name).map(change),
    select: (pattern) => inventory.select(pattern).map(change),
  }
}

/** All roles that a playbook puts on any host, each once. */
export function rolesOfPlaybook(playbook: Playbook, inventory: ResolvedInventory): RoleDefinition[] {
  const site = { playbook, inventory, extraVars: {}, verify: false }
  const found = new Set<RoleDefinition>()
  for (const play of playbook.plays) {
    for (const host of inventory.select(play.hosts)) {
      try {
        for (const use of rolesOfPlay(play, makeHostContext(host, site).host)) found.add(use.role)
      } catch (error) {
        if (!(error instanceof FactsNeeded)) throw error
      }
    }
  }
  return [...found]
}

/** The hosts of a pattern; an error if there are none. */
export function selectHosts(inventory: ResolvedInventory, pattern: string): readonly InventoryHost[] {
  const hosts = inventory.select(pattern)
  if (hosts.length > 0) return hosts
  throw new ProvisionError({
    code: 'input',
    message: `the pattern '${pattern}' selects no host`,
    hint: 'provision inventory list',
  })
}
