import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { LabHome, LabPlace } from './home.ts'
import { defaultSuite, type LabHost, type Suite } from './lab-host.ts'
import type { LabPort } from './network.ts'
import { hostAddress } from './subnet.ts'

/** What a lab remembers about one of its hosts. */
export interface HostRecord {
  readonly name: string
  readonly suite: Suite
  /** Its port on the bridge, from 1. */
  readonly number: number
  readonly machineId: string
}

/** What a lab remembers about itself, in `lab.json`. */
export interface LabRecord {
  readonly user: string
  /** The first three numbers of its network, such as `10.77.3`. */
  readonly subnet: string
  readonly hosts: readonly HostRecord[]
  /** Public names and the host or address that they lead to. */
  readonly aliases: Readonly<Record<string, string>>
  readonly acme: boolean
  /** Shared folders above the base image, uppermost first. @default none */
  readonly layers?: readonly string[]
  /** The boot of this machine that the lab ran in: disks do not outlive it, see machine.ts. */
  readonly bootId: string
}

/** Reads a lab's record, or null if there is no such lab. */
export async function readRecord(place: LabPlace): Promise<LabRecord | null> {
  const text = await readFile(place.stateFile, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return JSON.parse(text) as LabRecord // the file is our own and written in one piece
  } catch (cause) {
    throw new ProvisionError({
      code: 'lab',
      message: `The file ${place.stateFile} is not the JSON that the lab wrote.`,
      hint: `provision lab down --name ${place.name} removes the lab without it`,
      cause,
    })
  }
}

/** Reads a lab's record; that there is none is an error which names the labs there are. */
export async function loadRecord(place: LabPlace): Promise<LabRecord> {
  const record = await readRecord(place)
  if (record) return record
  const others = await labNames(place.home)
  throw new ProvisionError({
    code: 'lab',
    message: `There is no lab named "${place.name}"${others.length > 0 ? `; there are: ${others.join(', ')}` : ''}.`,
    hint: place.name === 'lab' ? 'provision lab up' : `provision lab up --name ${place.name}`,
  })
}

/** Writes a lab's record, in one piece. */
export async function saveRecord(place: LabPlace, record: LabRecord): Promise<void> {
  await mkdir(place.folder, { recursive: true })
  await writeFile(`${place.stateFile}.new`, `${JSON.stringify(record, null, 2)}\n`)
  await rename(`${place.stateFile}.new`, place.stateFile)
}

/** The names of all labs of a home. */
export async function labNames(home: LabHome): Promise<string[]> {
  return (await readdir(home.labs).catch(() => [])).sort()
}

/** The networks that the home's labs have been given, whether they are up or not. */
export async function reservedNetworks(home: LabHome): Promise<string[]> {
  const networks: string[] = []
  for (const name of await labNames(home)) {
    const text = await readFile(join(home.labs, name, 'lab.json'), 'utf8').catch(() => '{}')
    const { subnet } = JSON.parse(text) as Partial<LabRecord> // our own file, as above
    if (subnet) networks.push(`${subnet}.0/24`)
  }
  return networks
}

/** Joins the hosts that a lab has with those that are wished: new ones are added, known ones stay as they are. */
export function mergeHosts(known: readonly HostRecord[], wished: readonly LabHost[]): HostRecord[] {
  const hosts = [...known]
  for (const { name, suite } of wished) {
    const same = hosts.find((host) => host.name === name)
    if (same && suite && same.suite !== suite) {
      throw new ProvisionError({
        code: 'lab',
        message: `The lab host "${name}" exists with ${same.suite}; ${suite} is asked for now.`,
        hint: 'provision lab down, then up again: a host keeps its release for life',
      })
    }
    if (same) continue
    const taken = new Set(hosts.map((host) => host.number))
    let number = 1
    while (taken.has(number)) number += 1
    hosts.push({ name, suite: suite ?? defaultSuite, number, machineId: randomBytes(16).toString('hex') })
  }
  return hosts
}

/** A host's place on the bridge. */
export function hostPort(record: LabRecord, host: HostRecord): LabPort {
  return { host: host.name, number: host.number, address: hostAddress(record.subnet, host.number - 1) }
}

/** Finds a host by its name; that there is none is an error which names the hosts there are. */
export function findHost(record: LabRecord, name: string): HostRecord {
  const host = record.hosts.find((candidate) => candidate.name === name)
  if (host) return host
  const names = record.hosts.map((candidate) => candidate.name).join(', ')
  throw new ProvisionError({ code: 'lab', message: `The lab has no host "${name}"; it has ${names}.` })
}

/** The public names a lab answers for when none are given: a site on its load balancer, or on its first host. */
export function defaultAliases(hosts: readonly { readonly name: string }[]): Record<string, string> {
  const target = hosts.find(({ name }) => name === 'lb1') ?? hosts.find(({ name }) => name.startsWith('lb')) ?? hosts[0]
  return target ? { 'foobar.com': target.name, 'www.foobar.com': target.name } : {}
}

/** The address that each public name leads to. */
export function resolveAliases(record: LabRecord): Record<string, string> {
  const resolved: Record<string, string> = {}
  for (const [name, target] of Object.entries(record.aliases)) {
    if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
      throw new ProvisionError({ code: 'input', message: `The lab alias "${name}" is not a lower-case domain name.` })
    }
    const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(target)
    resolved[name] = isAddress ? target : hostPort(record, findHost(record, target)).address
  }
  return resolved
}
