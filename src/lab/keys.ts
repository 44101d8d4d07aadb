import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from './base-image.ts'
import { runCommand } from './command.ts'
import type { LabPlace } from './home.ts'
import { servicesAddress } from './subnet.ts'

/** The folder of one host: its disk, its console log, its keys. */
export function hostFolder(place: LabPlace, host: string): string {
  return join(place.folder, 'hosts', host)
}

/** The kinds of SSH host keys that a lab host has; a slow RSA key is left out. */
export const hostKeyTypes = ['ed25519', 'ecdsa'] as const

/** Makes the key pair that opens the lab's hosts, if it is missing. */
export async function ensureIdentity(place: LabPlace): Promise<void> {
  await makeKeyPair(place.identityFile, 'ed25519', `provision-lab-${place.name}`)
}

/** Makes a host's SSH keys before its first boot, so that known_hosts is right from the start; a reset keeps them. */
export async function ensureHostKeys(place: LabPlace, host: string): Promise<void> {
  const folder = join(hostFolder(place, host), 'keys')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const type of hostKeyTypes) await makeKeyPair(join(folder, `ssh_host_${type}_key`), type, host)
}

/** Writes known_hosts: each host by address and by name. */
export async function writeKnownHosts(
  place: LabPlace,
  hosts: readonly { readonly name: string; readonly address: string }[],
): Promise<void> {
  const lines: string[] = []
  for (const { name, address } of hosts) {
    for (const type of hostKeyTypes) {
      const key = await readFile(join(hostFolder(place, name), 'keys', `ssh_host_${type}_key.pub`), 'utf8')
      lines.push(`${address},${name} ${key.split(' ').slice(0, 2).join(' ')}`)
    }
  }
  await writeFile(place.knownHosts, `${lines.join('\n')}\n`)
}

/** The lab's own certificate authority and the certificate of its ACME directory. */
export interface LabCertificates {
  readonly caFile: string
  readonly serverCertificate: string
  readonly serverKey: string
}

/** The places of the lab's certificates. */
export function labCertificates(place: LabPlace): LabCertificates {
  const folder = join(place.folder, 'acme')
  return {
    caFile: join(folder, 'ca.pem'),
    serverCertificate: join(folder, 'directory.pem'),
    serverKey: join(folder, 'directory.key'),
  }
}

/** Makes the lab's certificate authority and the certificate of its ACME directory, if they are missing. */
export async function ensureCertificates(place: LabPlace, subnet: string): Promise<LabCertificates> {
  const files = labCertificates(place)
  if (await exists(files.serverCertificate)) return files
  await mkdir(join(place.folder, 'acme'), { recursive: true })
  const caKey = join(place.folder, 'acme', 'ca.key')
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '3650']
  await runCommand('openssl', [
    ...fresh,
    ...['-keyout', caKey, '-out', files.caFile, '-subj', `/CN=provision lab ${place.name} CA`],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ])
  const unfinished = `${files.serverCertificate}.new`
  const names = `subjectAltName=IP:${servicesAddress(subnet)},DNS:acme.${place.name}.test,DNS:acme`
  await runCommand('openssl', [
    ...fresh,
    ...['-CA', files.caFile, '-CAkey', caKey, '-keyout', files.serverKey, '-out', unfinished, '-subj', '/CN=acme'],
    ...['-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'],
  ])
  await runCommand('mv', [unfinished, files.serverCertificate])
  return files
}

async function makeKeyPair(file: string, type: string, comment: string): Promise<void> {
  if (await exists(`${file}.pub`)) return
  await rm(file, { force: true })
  await runCommand('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', comment, '-f', file])
}
