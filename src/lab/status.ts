import type { LabPlace } from './home.ts'
import { labCertificates } from './keys.ts'
import { isRunning } from './machine.ts'
import { acmeDirectory, acmeRootFile } from './services.ts'
import { hostPort, type LabRecord, resolveAliases } from './state.ts'
import { gatewayAddress, servicesAddress, virtualAddress } from './subnet.ts'

/** One host of a lab. */
export interface LabHostStatus {
  readonly name: string
  readonly address: string
  readonly user: string
  readonly suite: string
  readonly running: boolean
}

/** A lab's certificate authority. */
export interface LabAcmeStatus {
  /** The address of the ACME directory. */
  readonly directory: string
  /** A PEM file that a client trusts: the root that certificates are issued under, and the CA of the directory itself. */
  readonly root: string
  /** A PEM file with only the CA of the directory's own certificate, as an ACME client needs it. */
  readonly caFile: string
}

/** Everything that somebody who uses a lab wants to know; `provision lab status --output json` prints it. */
export interface LabStatus {
  readonly name: string
  readonly hosts: readonly LabHostStatus[]
  /** The private key that opens the hosts, for the user and for root. */
  readonly identityFile: string
  readonly knownHosts: string
  readonly acme: LabAcmeStatus | null
  readonly network: {
    readonly subnet: string
    readonly gateway: string
    readonly nameServer: string
    /** An address that no host has: hosts can hand it to each other. */
    readonly virtualAddress: string
  }
  /** The public names that the lab's name server answers for. */
  readonly aliases: Readonly<Record<string, string>>
}

/** What a lab's record and its processes say. */
export async function describeLab(place: LabPlace, record: LabRecord): Promise<LabStatus> {
  const hosts: LabHostStatus[] = []
  for (const host of record.hosts) {
    const { address } = hostPort(record, host)
    const running = await isRunning(place, host.name)
    hosts.push({ name: host.name, address, user: record.user, suite: host.suite, running })
  }
  return {
    name: place.name,
    hosts,
    identityFile: place.identityFile,
    knownHosts: place.knownHosts,
    acme: record.acme
      ? { directory: acmeDirectory(record), root: acmeRootFile(place), caFile: labCertificates(place).caFile }
      : null,
    network: {
      subnet: `${record.subnet}.0/24`,
      gateway: gatewayAddress(record.subnet),
      nameServer: servicesAddress(record.subnet),
      virtualAddress: virtualAddress(record.subnet),
    },
    aliases: resolveAliases(record),
  }
}
