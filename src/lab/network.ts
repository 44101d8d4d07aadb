import { readdir, readFile } from 'node:fs/promises'
import { runCommand, tryCommand } from './command.ts'
import { closeFirewall, openFirewall } from './firewall.ts'
import type { LabPlace } from './home.ts'
import { withLock } from './lock.ts'
import { chooseSubnet, gatewayAddress } from './subnet.ts'

// One bridge a lab, one network namespace a host, one veth pair between them. Interface names carry the lab's id and
// the port's number and stay below the kernel's 15 characters.

/** One host's place on its lab's bridge. */
export interface LabPort {
  readonly host: string
  /** Different for each port of a lab; 0 is the lab's own services. */
  readonly number: number
  readonly address: string
}

const machineLock = '/run/lock/provision-lab'

/** The name of a lab's bridge. */
export function bridgeName(place: LabPlace): string {
  return `plb${place.id}`
}

/** The name of a host's network namespace, as `ip netns` shows it. */
export function namespaceName(place: LabPlace, host: string): string {
  return `${place.name}-${place.id}-${host}`
}

/** Makes sure that the lab's bridge, its gateway address and the way out exist; picks a network if the lab has none yet. */
export async function ensureBridge(
  place: LabPlace,
  known: { subnet?: string | undefined; reserved: readonly string[] },
  signal?: AbortSignal,
): Promise<string> {
  return await withLock(machineLock, { signal }, async () => {
    const bridge = bridgeName(place)
    const present = (await tryCommand('ip', ['-o', '-4', 'address', 'show', 'dev', bridge])).stdout
    const subnet = known.subnet ?? chooseSubnet(place.name, [...known.reserved, ...(await addressesInUse())])
    if (!present.includes(` ${gatewayAddress(subnet)}/24 `)) {
      await deleteLink(bridge)
      await ipBatch([
        `link add ${bridge} address ${hardwareAddress(place, 0xffff)} type bridge`,
        `address add ${gatewayAddress(subnet)}/24 dev ${bridge}`,
        `link set ${bridge} up`,
      ])
    }
    await openFirewall(place, bridge, `${subnet}.0/24`)
    return subnet
  })
}

/** Gives a host a fresh network: namespace, interface, address and route, without anything an earlier boot left there. */
export async function plugIn(place: LabPlace, port: LabPort, subnet: string): Promise<void> {
  await unplug(place, port)
  const namespace = namespaceName(place, port.host)
  const link = linkName(place, port)
  await runCommand('ip', ['netns', 'add', namespace])
  const address = hardwareAddress(place, port.number)
  await ipBatch([
    `link add ${link} type veth peer name eth0 address ${address} netns ${namespace}`,
    `link set ${link} master ${bridgeName(place)} up`,
  ])
  await ipBatch(
    [
      'link set lo up',
      `address add ${port.address}/24 broadcast ${subnet}.255 dev eth0`,
      'link set eth0 up',
      `route add default via ${gatewayAddress(subnet)}`,
    ],
    ['-n', namespace],
  )
}

/** Removes a host's interface and namespace. */
export async function unplug(place: LabPlace, port: LabPort): Promise<void> {
  await deleteLink(linkName(place, port)) // first: removing the namespace alone frees the name only some time later
  await deleteNamespace(namespaceName(place, port.host))
}

/** Cuts a host's cable, or mends it. */
export async function setLink(place: LabPlace, port: LabPort, state: 'up' | 'down'): Promise<void> {
  await runCommand('ip', ['link', 'set', linkName(place, port), state])
}

/** Removes everything that a lab has in this machine's network, known or forgotten. */
export async function removeNetwork(place: LabPlace): Promise<void> {
  await withLock(machineLock, {}, async () => {
    const links = await readdir('/sys/class/net')
    for (const link of links) if (link.startsWith(`plv${place.id}-`)) await deleteLink(link)
    await deleteLink(bridgeName(place))
    const namespaces = await readdir('/run/netns').catch(() => [])
    for (const name of namespaces) if (name.startsWith(namespaceName(place, ''))) await deleteNamespace(name)
    await closeFirewall(place, bridgeName(place))
    // `ip netns` mounts its folder over itself and leaves that behind.
    if ((await readdir('/run/netns').catch(() => ['?'])).length === 0) await tryCommand('umount', ['/run/netns'])
  })
}

/** Puts a running host's cable back into the bridge; false if the cable itself is gone. */
export async function mendLink(place: LabPlace, port: LabPort): Promise<boolean> {
  const mended = await tryCommand('ip', ['link', 'set', linkName(place, port), 'master', bridgeName(place), 'up'])
  return mended.exitCode === 0
}

function linkName(place: LabPlace, port: LabPort): string {
  return `plv${place.id}-${port.number}`
}

function hardwareAddress(place: LabPlace, number: number): string {
  const digits = `02${place.id}${number.toString(16).padStart(4, '0')}`
  return (digits.match(/../g) ?? []).join(':')
}

async function addressesInUse(): Promise<string[]> {
  const routes = await runCommand('ip', ['-4', 'route', 'show', 'table', 'all'])
  const nameServers = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  return `${routes} ${nameServers}`.split(/\s+/)
}

async function ipBatch(lines: readonly string[], options: readonly string[] = []): Promise<void> {
  await runCommand('ip', [...options, '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

async function deleteLink(link: string): Promise<void> {
  if ((await readdir('/sys/class/net')).includes(link)) await tryCommand('ip', ['link', 'delete', link])
}

async function deleteNamespace(name: string): Promise<void> {
  if (!(await readdir('/run/netns').catch((): string[] => [])).includes(name)) return
  const { exitCode } = await tryCommand('ip', ['netns', 'delete', name])
  if (exitCode !== 0) await tryCommand('rm', ['-f', `/run/netns/${name}`])
}
