// Machines that Vagrant runs, from what `vagrant ssh-config` prints: an ssh_config(5) with one Host block each.
import { execFileSync } from 'node:child_process'
import { ProvisionError } from '../core/error.ts'
import { defineInventory, type HostEntry, type InventoryDefinition, type InventoryEntry } from '../core/inventory.ts'
import { callerOf } from '../core/location.ts'

/** The hosts of `vagrant ssh-config`'s output, by machine name. */
export function vagrantHosts(text: string): Record<string, HostEntry> {
  const hosts: Record<string, HostEntry> = {}
  let settings: Map<string, string> | undefined
  let name = ''
  const finish = (): void => {
    if (settings) hosts[name] = hostOf(name, settings)
  }
  for (const line of text.split(/\r?\n/)) {
    const [, keyword = '', value = ''] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? []
    if (keyword.toLowerCase() === 'host') {
      finish()
      name = unquote(value)
      settings = new Map()
    } else if (settings && keyword && !settings.has(keyword.toLowerCase())) {
      settings.set(keyword.toLowerCase(), unquote(value)) // the first of several counts, as in ssh
    }
  }
  finish()
  if (Object.keys(hosts).length > 0) return hosts
  const first = text.trim().split('\n')[0] ?? ''
  throw new ProvisionError({
    code: 'inventory',
    message: `vagrant ssh-config: expected 'Host NAME' blocks, found ${first ? `'${first}'` : 'nothing'}`,
    hint: 'vagrant up',
  })
}

/**
 * The inventory of the machines that Vagrant runs: asks `vagrant ssh-config` in a folder, and takes everything else as
 * `defineInventory` does.
 * @example export default vagrantInventory({ folder: import.meta.dirname, groups: { web: ['web1', 'web2'] } })
 */
export function vagrantInventory(
  options: Omit<InventoryEntry, 'hosts'> & {
    /** Where the Vagrantfile is. @default the current folder */
    readonly folder?: string
    /** Settings and variables of single machines, over what Vagrant says. */
    readonly hosts?: Readonly<Record<string, HostEntry>>
  } = {},
): InventoryDefinition {
  const where = callerOf(vagrantInventory)
  const { folder, hosts: more = {}, ...entry } = options
  const found = vagrantHosts(runVagrant(folder))
  for (const name of Object.keys(more)) {
    if (name in found) continue
    const message = `vagrantInventory: no machine '${name}' is up`
    throw new ProvisionError({ code: 'inventory', message, where: where.get(), hint: `vagrant up ${name}` })
  }
  const hosts = Object.fromEntries(Object.entries(found).map(([name, host]) => [name, { ...host, ...more[name] }]))
  return { ...defineInventory({ ...entry, hosts }), where }
}

function runVagrant(folder: string | undefined): string {
  try {
    return execFileSync('vagrant', ['ssh-config'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new ProvisionError({
      code: 'inventory',
      message: missing ? 'vagrant was not found, expected it to be installed' : 'vagrant ssh-config failed',
      detail: missing ? undefined : said || 'nothing on stderr',
      cause: error,
    })
  }
}

function hostOf(name: string, settings: ReadonlyMap<string, string>): HostEntry {
  const port = settings.get('port')
  if (port !== undefined && !/^[0-9]+$/.test(port))
    throw new ProvisionError({
      code: 'inventory',
      message: `vagrant ssh-config: Host ${name}: Port '${port}', expected a number`,
    })
  const user = settings.get('user')
  const identityFile = settings.get('identityfile')
  const knownHosts = settings.get('userknownhostsfile')
  const proxyJump = settings.get('proxyjump')
  return {
    address: settings.get('hostname') ?? name,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(proxyJump === undefined ? {} : { proxyJump: proxyJump.split(',') }),
    ...(knownHosts === undefined || knownHosts === '/dev/null' ? {} : { knownHosts }),
    ...(settings.get('stricthostkeychecking') === 'no' ? { hostKeyChecking: 'off' } : {}),
  }
}

function unquote(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value
}
