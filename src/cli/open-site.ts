// Opens what a command works on: inventory, secrets, passwords that are asked for.
import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import process from 'node:process'
import { ProvisionError } from '../core/error.ts'
import type { ConnectionSettings, InventoryHost } from '../core/host.ts'
import { openInventory } from '../inventory/open-inventory.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'
import { openSecrets, type SecretStore } from '../secrets/open-secrets.ts'
import { makeKeyOf } from '../secrets/vault-key.ts'
import { vaultSource } from '../secrets/vault-source.ts'
import { askPasswords } from './ask-password.ts'
import type { Io } from './io.ts'
import { keySources, type VaultOptions } from './vault-options.ts'

export interface SiteOptions extends VaultOptions {
  readonly inventory: string
  readonly secrets?: string | undefined
  readonly askBecomePass?: boolean | undefined
  readonly askPass?: boolean | undefined
  readonly check?: boolean | undefined
  /** Passwords that were asked for already. @default asked for, as the options say */
  readonly passwords?: ConnectionSettings | undefined
}

export interface OpenedSite {
  readonly inventory: ResolvedInventory
  readonly secrets: SecretStore
  /** All local files that the inventory was made of. */
  readonly inputs: readonly string[]
}

/** Opens inventory and secrets; asks for passwords if told to. */
export async function openSite(io: Io, options: SiteOptions): Promise<OpenedSite> {
  const { inventory: written, inputs } = await openInventory(fileOf(io, options.inventory))
  const inventory = withSettings(written, options.passwords ?? (await askForPasswords(io, options)))
  // check mode changes nothing, here neither
  return { inventory, inputs, secrets: openStore(io, options, inventory, options.check ? 'memory' : 'store') }
}

/** The secrets of a run, which also hide the passwords of the inventory's connections. */
export function openStore(
  io: Io,
  options: Pick<SiteOptions, 'secrets' | keyof VaultOptions>,
  inventory: ResolvedInventory,
  generate: 'store' | 'memory' | 'never',
): SecretStore {
  const vault = fileOf(io, options.vault ?? 'secrets.age')
  const keyOf = makeKeyOf(vault, keySources(io, options), (key) => secrets.hide(key))
  const secrets: SecretStore = openSecrets({
    // one that was named must be there, or new passwords would be made in place of those that it holds
    vault: options.vault !== undefined || existsSync(vault) ? vaultSource(vault, keyOf) : undefined,
    file: resolve(io.cwd, options.secrets ?? '.provision/secrets.json'),
    env: io.env,
    generate,
  })
  for (const { connection } of inventory.hosts) {
    for (const value of [connection.password, connection.becomePassword, connection.passphrase]) {
      if (typeof value === 'string') secrets.hide(value)
    }
  }
  return secrets
}

/** Asks for the passwords that the options name. */
export async function askForPasswords(io: Io, options: SiteOptions): Promise<ConnectionSettings> {
  const wanted = [
    ...(options.askPass ? [{ setting: 'password', question: 'Login password: ' }] : []),
    ...(options.askBecomePass ? [{ setting: 'becomePassword', question: 'Password of sudo or su: ' }] : []),
  ]
  if (wanted.length === 0) return {}
  const answers = await askPasswords(
    io,
    wanted.map(({ question }) => question),
  )
  return Object.fromEntries(wanted.map(({ setting }, index) => [setting, answers[index]]))
}

/** The inventory with settings that win over its own. */
function withSettings(inventory: ResolvedInventory, settings: ConnectionSettings): ResolvedInventory {
  if (Object.keys(settings).length === 0) return inventory
  const change = (host: InventoryHost): InventoryHost => ({ ...host, connection: { ...host.connection, ...settings } })
  return {
    ...inventory,
    hosts: inventory.hosts.map(change),
    host: (name) => change(inventory.host(name)),
    group: (name) => inventory.group(name).map(change),
    select: (pattern) => inventory.select(pattern).map(change),
  }
}

/** A file as the user wrote it where that means the same, so that messages show it so. */
export function fileOf(io: Io, file: string): string {
  return isAbsolute(file) || io.cwd === process.cwd() ? file : resolve(io.cwd, file)
}

/** The hosts of a pattern; an error if there are none. */
export function selectHosts(inventory: ResolvedInventory, pattern: string, what = 'the pattern'): InventoryHost[] {
  const hosts = inventory.select(pattern)
  if (hosts.length > 0) return [...hosts]
  throw new ProvisionError({ code: 'input', message: `${what} '${pattern}' selects no host` })
}
