// What `provision test` tries: a playbook with the hosts of the inventory, or a role with the hosts of its example.
import { existsSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'
import { defineInventory } from '../core/inventory.ts'
import { definePlaybook, type Playbook, play } from '../core/play.ts'
import type { Role } from '../core/role.ts'
import type { RoleExample } from '../core/role-example.ts'
import { describeValue, nearest } from '../core/schema.ts'
import { loadPlaybook } from '../inventory/load-definition.ts'
import { loadModule } from '../inventory/load-module.ts'
import { openInventory } from '../inventory/open-inventory.ts'
import { type ResolvedInventory, resolveInventory } from '../inventory/resolve-inventory.ts'
import type { LabStatus } from '../lab/lab.ts'
import type { Io } from './io.ts'
import { fileOf } from './open-site.ts'

export interface TestSubject {
  /** `role nginx`, `playbooks/site.ts`. */
  readonly title: string
  /** A short word for the lab's name. */
  readonly word: string
  readonly playbook: Playbook
  /** Its hosts are still to be mapped onto a lab's. */
  readonly inventory: ResolvedInventory
}

/** A word is a role, what looks like a file is a playbook. */
export async function loadSubject(io: Io, what: string, inventoryFile: string): Promise<TestSubject> {
  if (!/^[A-Za-z][\w-]*$/.test(what)) {
    const { definition: playbook } = await loadPlaybook(fileOf(io, what))
    const { inventory } = await openInventory(fileOf(io, inventoryFile))
    return { title: what, word: basename(what).replace(/\.\w+$/, ''), playbook, inventory }
  }
  const { roles, groups = {}, vars } = await exampleOf(io, what)
  const names = [...new Set(Object.values(groups).flat())]
  const hosts = Object.fromEntries((names.length > 0 ? names : ['host1']).map((name) => [name, {}]))
  const inventory = resolveInventory(defineInventory({ hosts, groups, ...(vars && { vars }) }))
  return {
    title: `role ${what}`,
    word: what,
    playbook: definePlaybook([play({ name: what, hosts: 'all', roles })]),
    inventory,
  }
}

async function exampleOf(io: Io, name: string): Promise<RoleExample> {
  const file = resolve(io.cwd, `roles/${name}.ts`)
  if (!existsSync(file)) {
    const there = existsSync(resolve(io.cwd, 'roles')) ? readdirSync(resolve(io.cwd, 'roles')) : []
    const known = there
      .filter((entry) => entry.endsWith('.ts') && entry !== 'index.ts')
      .map((entry) => basename(entry, '.ts'))
    const near = nearest(name, known)
    throw new ProvisionError({
      code: 'input',
      message: `there is no role '${name}': no file roles/${name}.ts`,
      hint: near
        ? `Did you mean '${near}'?`
        : `${known.length > 0 ? `Roles here: ${known.join(', ')}. ` : ''}A playbook is named by its file: playbooks/site.ts.`,
    })
  }
  const { exports } = await loadModule(fileOf(io, `roles/${name}.ts`), { kind: 'playbook' })
  const { example } = exports
  if (example !== undefined) {
    if (typeof example === 'object' && example !== null && 'roles' in example) return example as RoleExample // its parts are checked where they are used
    throw new ProvisionError({
      code: 'playbook',
      message: `roles/${name}.ts: 'example': expected { roles, groups, vars }, found ${describeValue(example)}`,
    })
  }
  const role = Object.values(exports).find(
    (value): value is Role<object> =>
      typeof value === 'function' && 'definition' in value && (value as Role<object>).definition.name === name,
  )
  if (role) return { roles: [role()] }
  throw new ProvisionError({
    code: 'playbook',
    message: `roles/${name}.ts exports neither a role '${name}' nor an 'example' of one`,
    hint: `export const example: RoleExample = { roles: [${name}({ … })] }`,
  })
}

/** The inventory with the hosts of a lab in place of its own: the same names, groups and variables; the controller is this machine. */
export function mapOnto(inventory: ResolvedInventory, lab: LabStatus): ResolvedInventory {
  const change = (host: InventoryHost): InventoryHost => {
    const found = lab.hosts.find(({ name }) => name === host.name)
    if (!found) return host
    const { address, user } = found
    const { identityFile, knownHosts } = lab
    const vars = withController(host.vars, lab.network.gateway)
    return { ...host, vars, connection: { address, user, identityFile, knownHosts, hostKeyChecking: 'strict' } }
  }
  return {
    ...inventory,
    hosts: inventory.hosts.map(change),
    host: (name) => change(inventory.host(name)),
    group: (name) => inventory.group(name).map(change),
    select: (pattern) => inventory.select(pattern).map(change),
  }
}

/** Where a site says who is never limited, the lab's controller is meant by it. */
function withController(vars: InventoryHost['vars'], address: string): InventoryHost['vars'] {
  const { site } = vars as { readonly site?: { readonly allowedSources?: readonly string[] } } // of the roles; anything may stand there
  if (!Array.isArray(site?.allowedSources)) return vars
  return { ...vars, site: { ...site, allowedSources: [...site.allowedSources, address] } }
}
