import { readFile, rm } from 'node:fs/promises'
import { ProvisionError } from '../core/error.ts'
import { ensureBaseImage, type ImageContext } from './base-image.ts'
import { killGroups } from './cgroups.ts'
import { throwIfInterrupted } from './command.ts'
import { diskLayers, makeDisk } from './disk.ts'
import { ensureDiskSpace, releaseDiskSpace } from './disk-space.ts'
import { removeOldImages } from './garbage.ts'
import { type LabPlace, labPlace } from './home.ts'
import { prepareKernel } from './kernel.ts'
import { ensureHostKeys, ensureIdentity, writeKnownHosts } from './keys.ts'
import { checkHosts, checkName, defaultHosts, type LabHost, type Suite, suites } from './lab-host.ts'
import { withLock } from './lock.ts'
import { isRunning, removeTraces, startMachine, stopMachine } from './machine.ts'
import { readMirror } from './mirror.ts'
import { ensureBridge, mendLink, removeNetwork, setLink } from './network.ts'
import { collectPackages, packageLayer } from './package-cache.ts'
import { waitForHost } from './readiness.ts'
import { ensureRequirements, requirePlatform } from './requirements.ts'
import { machineNameServers, renderResolver } from './resolver.ts'
import { collectAcmeRoot, ensureServices } from './services.ts'
import { ensureServicesImage } from './services-image.ts'
import {
  defaultAliases,
  findHost,
  hostPort,
  type LabRecord,
  loadRecord,
  mergeHosts,
  readRecord,
  reservedNetworks,
  resolveAliases,
  saveRecord,
} from './state.ts'
import { describeLab, type LabStatus } from './status.ts'
import { servicesAddress } from './subnet.ts'

// A lab: real Debian hosts on this one machine. This file is what the command line and the tests use; each function takes
// the lab's lock, so two of them never work on one lab at once. Everything is repaired by `labUp`, whatever an earlier
// one left half made, and removed by `labDown`, whether it is written down or not.

export { type LabHost, parseLabHost, type Suite } from './lab-host.ts'
export { sshArguments } from './readiness.ts'
export type { LabAcmeStatus, LabHostStatus, LabStatus } from './status.ts'

/** Where a lab is, and whom to tell about it. */
export interface LabPlaceOptions {
  /** The folder that holds base images and labs. @default PROVISION_LAB_HOME, else /var/lib/provision-lab */
  readonly stateDirectory?: string | undefined
  readonly onProgress?: ((message: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a lab shall be. */
export interface LabOptions extends LabPlaceOptions {
  /** @default 'lab' */
  readonly name?: string | undefined
  /** Hosts that the lab shall have; those it has already stay. @default lb1 (bookworm), web1 and web2 (sid) */
  readonly hosts?: readonly LabHost[] | undefined
  /** The hosts' user, who may use sudo without a password. @default 'debian' */
  readonly user?: string | undefined
  /** Public names, each with the host or address it leads to. @default foobar.com and www.foobar.com to lb1 */
  readonly aliases?: Readonly<Record<string, string>> | undefined
  /** Run Pebble, the ACME test CA. @default true */
  readonly acme?: boolean | undefined
  /** Folders that lie above the base image on every host's disk, uppermost first: a lab of many hosts that share what they have. @default none */
  readonly layers?: readonly string[] | undefined
  /** The Debian mirror for base images. @default PROVISION_LAB_MIRROR, else read from this machine's apt configuration */
  readonly mirror?: string | undefined
}

/** Brings a lab up, or finishes and repairs one that is not wholly up, and answers when every host can be used. */
export async function labUp(options: LabOptions = {}): Promise<LabStatus> {
  const place = labPlace(options.name, options.stateDirectory)
  if (options.hosts) checkHosts(options.hosts)
  if (options.user !== undefined) checkName('user', options.user)
  await ensureRequirements(options.onProgress ?? ignore, options.signal)
  return await locked(place, options, async () => {
    const { record, rebooted } = await planRecord(place, options)
    await bringUp(place, record, options, rebooted ? 'fresh' : 'kept')
    return await describeLab(place, record)
  })
}

/** Says what a lab has and whether its hosts run. */
export async function labStatus(name?: string, options: LabPlaceOptions = {}): Promise<LabStatus> {
  const place = labPlace(name, options.stateDirectory)
  return await describeLab(place, await loadRecord(place))
}

/** Removes a lab and everything that it has on this machine; base images and downloaded packages stay for the next. */
export async function labDown(name?: string, options: LabPlaceOptions = {}): Promise<void> {
  const place = labPlace(name, options.stateDirectory)
  await locked(place, options, async () => {
    await killGroups(place)
    await removeNetwork(place)
    const record = await readRecord(place).catch(() => null)
    if (record) {
      // Nice to have for the next lab, and no reason to leave this one half removed.
      const failed = (error: unknown) => options.onProgress?.(`downloaded packages are not kept: ${String(error)}`)
      await collectPackages(place, record.hosts).catch(failed)
    }
    await removeTraces(place)
    await releaseDiskSpace(place)
    await rm(place.folder, { recursive: true, force: true })
    await removeOldImages(place.home)
    await rm(place.lockFile, { force: true })
  })
}

/** Gives every host of a lab a fresh disk; names, keys and addresses stay. */
export async function labReset(name?: string, options: LabPlaceOptions = {}): Promise<LabStatus> {
  const place = labPlace(name, options.stateDirectory)
  return await locked(place, options, async () => {
    const record = await loadRecord(place)
    await killGroups(place)
    await collectPackages(place, record.hosts)
    await bringUp(place, record, options, 'fresh')
    return await describeLab(place, record)
  })
}

/** Pulls the plug on a host, or on several at once: no shutdown, their disks stay. */
export async function labKill(
  name: string | undefined,
  hosts: string | readonly string[],
  options: LabPlaceOptions = {},
): Promise<void> {
  const place = labPlace(name, options.stateDirectory)
  await locked(place, options, async () => {
    const record = await loadRecord(place)
    const ports = [hosts].flat().map((host) => hostPort(record, findHost(record, host)))
    await Promise.all(ports.map((port) => stopMachine(place, port)))
  })
}

/** Boots one host that was killed, with the disk it had, and waits until it can be used. */
export async function labStart(
  name: string | undefined,
  host: string,
  options: LabPlaceOptions = {},
): Promise<LabStatus> {
  const place = labPlace(name, options.stateDirectory)
  return await locked(place, options, async () => {
    const record = await loadRecord(place)
    const found = findHost(record, host)
    const layers = await diskLayers(place, host)
    const port = hostPort(record, found)
    if (layers && !(await isRunning(place, host))) await startMachine(place, { port, subnet: record.subnet, layers })
    await waitForHost(place, { name: host, address: port.address, user: record.user }, options.signal)
    return await describeLab(place, record)
  })
}

/** Cuts one host's network cable, or mends it; the host itself runs on. */
export async function labLink(
  name: string | undefined,
  host: string,
  state: 'up' | 'down',
  options: LabPlaceOptions = {},
): Promise<void> {
  const place = labPlace(name, options.stateDirectory)
  const record = await loadRecord(place)
  await setLink(place, hostPort(record, findHost(record, host)), state)
}

async function planRecord(place: LabPlace, options: LabOptions): Promise<{ record: LabRecord; rebooted: boolean }> {
  const known = await readRecord(place)
  if (known && options.user !== undefined && options.user !== known.user) {
    throw new ProvisionError({
      code: 'lab',
      message: `The lab "${place.name}" exists with the user ${known.user}; ${options.user} is asked for now.`,
      hint: 'provision lab down, then up again',
    })
  }
  const hosts = mergeHosts(known?.hosts ?? [], options.hosts ?? (known ? [] : defaultHosts))
  const reserved = known ? [] : await reservedNetworks(place.home)
  const subnet = await ensureBridge(place, { subnet: known?.subnet, reserved }, options.signal)
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  const record: LabRecord = {
    user: known?.user ?? options.user ?? 'debian',
    subnet,
    hosts,
    aliases: options.aliases ?? known?.aliases ?? defaultAliases(hosts),
    acme: options.acme ?? known?.acme ?? true,
    layers: options.layers ?? known?.layers ?? [],
    bootId,
  }
  resolveAliases(record) // an alias that leads nowhere is found before anything is made
  await saveRecord(place, record)
  return { record, rebooted: known !== null && known.bootId !== bootId }
}

async function bringUp(
  place: LabPlace,
  record: LabRecord,
  options: LabOptions,
  disks: 'fresh' | 'kept',
): Promise<void> {
  const progress = options.onProgress ?? ignore
  const { signal } = options
  await prepareKernel(record.hosts.length)
  await ensureBridge(place, { subnet: record.subnet, reserved: [] }, signal)
  await ensureDiskSpace(place)
  await ensureIdentity(place)
  const images = await ensureImages(place, record, options)
  for (const host of record.hosts) await ensureHostKeys(place, host.name)
  const addresses = record.hosts.map((host) => ({ name: host.name, address: hostPort(record, host).address }))
  await writeKnownHosts(place, addresses)
  await ensureServices(place, record, images.services, disks === 'fresh')

  const resolver = renderResolver(servicesAddress(record.subnet), await machineNameServers())
  await eachOf(record.hosts, 8, async (host) => {
    throwIfInterrupted(signal)
    const port = hostPort(record, host)
    const known = disks === 'kept' ? await diskLayers(place, host.name) : null
    const usable = known && (await isRunning(place, host.name)) && (await mendLink(place, port))
    if (!usable) {
      progress(`starting ${host.name} (${host.suite}, ${port.address})`)
      const layers = known ?? (await images.layers(host.suite))
      if (!known) {
        await stopMachine(place, port)
        const { name, machineId } = host
        await makeDisk(place, { host: name, user: record.user, machineId, resolver, layers })
      }
      await startMachine(place, { port, subnet: record.subnet, layers })
    }
    await waitForHost(place, { name: host.name, address: port.address, user: record.user }, signal)
  })
  if (record.acme) await collectAcmeRoot(place, record, signal)
}

interface Images {
  readonly services: readonly string[]
  readonly layers: (suite: Suite) => Promise<string[]>
}

async function ensureImages(place: LabPlace, record: LabRecord, options: LabOptions): Promise<Images> {
  const mirror = await readMirror(options.mirror ?? process.env.PROVISION_LAB_MIRROR)
  const context: ImageContext = {
    home: place.home,
    mirror,
    onProgress: options.onProgress ?? ignore,
    signal: options.signal,
  }
  const wanted = suites.filter((suite) => record.hosts.some((host) => host.suite === suite))
  const bases = new Map<Suite, string>()
  for (const suite of wanted) bases.set(suite, await ensureBaseImage(suite, context))
  // The services run on the newest release that the lab has anyway.
  const services = await ensureServicesImage(wanted.at(-1) ?? 'bookworm', context)
  const layers = async (suite: Suite) => {
    const packages = await packageLayer(place.home, suite)
    return [packages, ...(record.layers ?? []), bases.get(suite)].filter((layer) => typeof layer === 'string')
  }
  return { services, layers }
}

async function locked<T>(place: LabPlace, options: LabPlaceOptions, work: () => Promise<T>): Promise<T> {
  const onWait = () => options.onProgress?.(`waiting: another command works on the lab "${place.name}"`)
  requirePlatform()
  return await withLock(place.lockFile, { signal: options.signal, onWait }, work)
}

async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const workers = Array.from({ length: Math.min(atOnce, queue.length) }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  })
  const settled = await Promise.allSettled(workers) // all are awaited: no host is still being made when the error is seen
  for (const result of settled) if (result.status === 'rejected') throw result.reason
}

function ignore(): void {}
