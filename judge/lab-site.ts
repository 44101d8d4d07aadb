// A layout in a lab of its own: brought up, provisioned by the command as a user runs it, and looked at by OpenSSH and
// HTTPS, past the transport of ours.
import { spawn } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Site } from '../scripts/site-client.ts'
import type { InventoryDefinition } from '../src/core/inventory.ts'
import { type ResolvedInventory, resolveInventory } from '../src/inventory/resolve-inventory.ts'
import { type CommandResult, tryCommand } from '../src/lab/command.ts'
import { labPlace } from '../src/lab/home.ts'
import { type LabHost, type LabStatus, labDown, labUp, sshArguments } from '../src/lab/lab.ts'
import { type Layout, projectFolder } from './layout.ts'

/** What `provision` answered. */
export interface ProvisionRun extends CommandResult {
  readonly seconds: number
  /** Changes by host; empty if the run did not come to its recap. */
  readonly changed: Readonly<Record<string, number>>
}

/** A running layout. */
export interface LabSite {
  readonly lab: string
  readonly layout: Layout
  readonly status: LabStatus
  /** How a visitor reaches it. */
  readonly visitor: Site
  readonly address: (host: string) => string
  readonly inventory: ResolvedInventory
  /** Names of a group's hosts; none if the inventory has no such group. */
  readonly members: (group: string) => readonly string[]
  /** Runs a script as root on a host. */
  readonly on: (host: string, script: string, timeoutMs?: number) => Promise<CommandResult>
  /** The same; rejects if the script fails, else answers with its output. */
  readonly must: (host: string, script: string, timeoutMs?: number) => Promise<string>
  /** Runs `provision` with this inventory. */
  readonly provision: (...args: readonly string[]) => Promise<ProvisionRun>
  readonly close: () => Promise<void>
}

export interface OpenOptions {
  readonly lab: string
  readonly layout: Layout
  /** Hosts of the lab beside those of the layout. @default none */
  readonly more?: readonly LabHost[]
  /** Go on with a lab that is up. @default false: it is made anew */
  readonly again?: boolean
  /** Variables of roles beside those of the inventory. @default none */
  readonly vars?: Readonly<Record<string, unknown>>
  readonly say: (message: string) => void
}

/** Brings a layout's hosts up. What runs on them is the caller's business (`provision`). */
export async function openSite({ lab, layout, more = [], again, vars, say }: OpenOptions): Promise<LabSite> {
  if (!again) await labDown(lab)
  const hosts = [...layout.hosts, ...more]
  say(`${layout.name}: bringing up ${hosts.map(({ name }) => name).join(', ')}`)
  const up = await labUp({ name: lab, hosts })
  const inventory = await readInventory(layout, lab)
  // the public names lead to the address that the load balancers share, where they share one
  const shared = inventory.hosts.some(({ vars }) => vars.site?.floatingAddress !== undefined)
  const target = shared ? up.network.virtualAddress : 'lb1'
  const status = shared ? await labUp({ name: lab, aliases: { 'foobar.com': target, 'www.foobar.com': target } }) : up
  const place = labPlace(lab)
  const folder = join(place.folder, 'judge')
  await mkdir(folder, { recursive: true })
  const address = (name: string) => {
    const found = status.hosts.find((host) => host.name === name)
    if (!found) throw new Error(`the lab ${lab} has no host ${name}`)
    return found.address
  }
  const on = (host: string, script: string, timeoutMs = 120_000) => {
    const user = status.hosts.find(({ name }) => name === host)?.user ?? 'root'
    const command = [...sshArguments(place, user, address(host)), 'sudo -n sh -s']
    return tryCommand('ssh', command, { input: script, timeoutMs })
  }
  return {
    lab,
    layout,
    status,
    inventory,
    members: (group) => (inventory.hasGroup(group) ? inventory.group(group).map(({ name }) => name) : []),
    visitor: {
      address: shared ? target : address('lb1'),
      domain: 'www.foobar.com',
      ca: await readFile(status.acme?.root ?? '', 'utf8'),
    },
    address,
    on,
    must: async (host, script, timeoutMs) => {
      const { exitCode, stdout, stderr } = await on(host, script, timeoutMs)
      if (exitCode === 0) return stdout
      throw new Error(
        `${host}: exit code ${exitCode} of: ${script.trim().split('\n').at(-1)}\n${stderr}${stdout}`.trim(),
      )
    },
    provision: (...args) =>
      runProvision(lab, [
        ...args,
        ...['--inventory', layout.inventory],
        ...['--secrets', join(folder, 'secrets.json')],
        ...(vars ? ['--extra-vars', JSON.stringify(vars)] : []),
      ]),
    close: () => labDown(lab),
  }
}

/** The layout's inventory, as it is with this lab. It asks the environment which lab that is, as a user's does. */
async function readInventory(layout: Layout, lab: string): Promise<ResolvedInventory> {
  process.env.PROVISION_LAB = lab
  const file = `${projectFolder}${layout.inventory}?lab=${lab}` // else a second site of the layout got the first one's
  const { default: definition } = (await import(file)) as { default: InventoryDefinition } // the example's own export
  return resolveInventory(definition)
}

async function runProvision(lab: string, args: readonly string[]): Promise<ProvisionRun> {
  const started = performance.now()
  const result = await new Promise<CommandResult>((resolve) => {
    const child = spawn(process.execPath, ['bin/provision.js', ...args], {
      cwd: projectFolder,
      env: { ...process.env, CI: 'true', PROVISION_LAB: lab },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const texts = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        texts[stream] += text
      })
    child.on('close', (code) => resolve({ exitCode: code ?? 137, ...texts }))
  })
  return { ...result, seconds: (performance.now() - started) / 1000, changed: changesOf(result.stdout) }
}

/** The changes by host in the recap that ends a run with `--output json`. */
export function changesOf(stdout: string): Record<string, number> {
  const last = stdout.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{"type":"recap"')) return {}
  const { hosts } = JSON.parse(last) as { hosts: Record<string, { changed: number }> } // our own format
  return Object.fromEntries(Object.entries(hosts).map(([host, { changed }]) => [host, changed]))
}

/** Provisions a site; rejects if a host failed, naming what did. */
export async function converge(site: LabSite, say: (message: string) => void): Promise<ProvisionRun> {
  const run = await site.provision('--output', 'json')
  const sum = Object.values(run.changed).reduce((total, count) => total + count, 0)
  say(`${site.layout.name}: provisioned in ${run.seconds.toFixed(1)} s, ${sum} changes`)
  if (run.exitCode === 0) return run
  throw new Error(
    `${site.layout.name}: provision ended with ${run.exitCode}\n${failuresOf(run.stdout) || run.stderr.slice(-2000)}`,
  )
}

/** The failed tasks of a run with `--output json`, as their errors tell them. */
function failuresOf(stdout: string): string {
  const events = stdout.split('\n').filter((line) => line.startsWith('{'))
  return events
    .map((line) => JSON.parse(line) as { type: string; host?: string; error?: { message?: string; detail?: string } }) // our own format
    .filter(({ type, error }) => type === 'task:failed' || error !== undefined)
    .map(({ host, error }) => `${host}: ${error?.message ?? ''}\n${error?.detail ?? ''}`.trim())
    .join('\n')
}
