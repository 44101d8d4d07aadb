import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { writeTree } from './base-image.ts'
import { pause } from './command.ts'
import { upperFolder } from './disk.ts'
import type { LabPlace } from './home.ts'
import { ensureCertificates, hostFolder, labCertificates } from './keys.ts'
import { reservedName } from './lab-host.ts'
import { consoleTail, isRunning, startMachine } from './machine.ts'
import { type LabPort, mendLink } from './network.ts'
import { machineHostsFile, machineNameServers } from './resolver.ts'
import { type LabRecord, resolveAliases } from './state.ts'
import { servicesAddress } from './subnet.ts'

// A lab has a small container of its own beside the hosts. It runs a name server, which answers for the lab's public
// names and asks this machine's own name servers about the rest, and Pebble, Let's Encrypt's test CA, which validates
// over that same name server: a name leads to the load balancer for Pebble exactly as it does for everybody else.

/** The container's place on the bridge. */
export function servicesPort(record: LabRecord): LabPort {
  return { host: reservedName, number: 0, address: servicesAddress(record.subnet) }
}

/** The ACME directory's address. */
export function acmeDirectory(record: LabRecord): string {
  return `https://${servicesAddress(record.subnet)}:14000/dir`
}

/** The file with the certificates that a client of the lab's sites trusts: Pebble's issuing root and the lab's own CA. */
export function acmeRootFile(place: LabPlace): string {
  return join(place.folder, 'acme', 'root.pem')
}

// Both daemons are kept running: an `exec` of a supervisor would be one more package.
const supervise = `#!/bin/sh
keep() {
  while :; do
    "$@"
    echo "lab: $1 ended with $?; starting it again"
    sleep 0.3
  done
}
export PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
keep dnsmasq --keep-in-foreground --conf-file=/lab/dnsmasq.conf --log-facility=- &
[ ! -e /lab/pebble.json ] || keep pebble -config /lab/pebble.json -dnsserver 127.0.0.1:53 &
wait
`

/** Starts the container unless it runs with just this configuration; `restart` starts it anew in any case. */
export async function ensureServices(
  place: LabPlace,
  record: LabRecord,
  layers: readonly string[],
  restart: boolean,
): Promise<void> {
  const files = await servicesFiles(place, record)
  const upper = upperFolder(place, reservedName)
  const fingerprint = JSON.stringify([files, layers])
  const fingerprintFile = join(upper, 'lab', 'fingerprint')
  const same = (await readFile(fingerprintFile, 'utf8').catch(() => '')) === fingerprint
  const running = same && !restart && (await isRunning(place, reservedName))
  if (running && (await mendLink(place, servicesPort(record)))) return
  await rm(upper, { recursive: true, force: true })
  await mkdir(join(upper, 'lab'), { recursive: true })
  await writeTree(upper, files)
  if (record.acme) {
    const { serverCertificate, serverKey } = await ensureCertificates(place, record.subnet)
    await copyFile(serverCertificate, join(upper, 'lab', 'directory.pem'))
    await copyFile(serverKey, join(upper, 'lab', 'directory.key'))
  }
  await writeFile(join(hostFolder(place, reservedName), 'layers'), layers.join('\n')) // so that nobody removes them
  await startMachine(place, {
    port: servicesPort(record),
    subnet: record.subnet,
    layers,
    command: ['/bin/sh', '/lab/supervise'],
  })
  await writeFile(fingerprintFile, fingerprint)
}

/** Waits until Pebble answers, and writes the root it issues under (a new one at each start) beside the lab's own CA. */
export async function collectAcmeRoot(place: LabPlace, record: LabRecord, signal?: AbortSignal): Promise<void> {
  const ca = await readFile(labCertificates(place).caFile, 'utf8')
  const deadline = Date.now() + 60_000
  for (;;) {
    try {
      const root = await fetchText(`https://${servicesAddress(record.subnet)}:15000/roots/0`, ca)
      await fetchText(acmeDirectory(record), ca)
      await writeFile(acmeRootFile(place), `${root.trim()}\n${ca.trim()}\n`)
      return
    } catch (cause) {
      if (Date.now() > deadline) {
        throw new ProvisionError({
          code: 'lab',
          message: `The ACME directory ${acmeDirectory(record)} did not answer within 60 seconds.`,
          detail: await consoleTail(place, reservedName),
          cause,
        })
      }
    }
    await pause(50, signal)
  }
}

async function servicesFiles(place: LabPlace, record: LabRecord): Promise<Record<string, string>> {
  const aliases = resolveAliases(record)
  const nameServers = await machineNameServers()
  const zones = Object.keys(aliases).filter((name) => !Object.keys(aliases).some((other) => name.endsWith(`.${other}`)))
  const dnsmasq = [
    'user=root',
    'no-resolv',
    'no-hosts',
    'addn-hosts=/lab/hosts',
    'no-negcache',
    'local-ttl=1',
    ...nameServers.map((address) => `server=${address}`),
    ...zones.map((zone) => `local=/${zone}/`),
    ...Object.entries(aliases).map(([name, address]) => `host-record=${name},${address}`),
  ]
  const pebble = {
    pebble: {
      listenAddress: '0.0.0.0:14000',
      managementListenAddress: '0.0.0.0:15000',
      certificate: '/lab/directory.pem',
      privateKey: '/lab/directory.key',
      httpPort: 80,
      tlsPort: 443,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
      retryAfter: { authz: 1, order: 1 },
      // One profile only: Pebble picks any at random for an order that names none. Older ones know just the period.
      profiles: { default: { description: 'Ninety days', validityPeriod: 7_776_000 } },
      certificateValidityPeriod: 7_776_000,
    },
  }
  return {
    'lab/supervise': supervise,
    'lab/hosts': await machineHostsFile(),
    'lab/dnsmasq.conf': `${dnsmasq.join('\n')}\n`,
    'etc/resolv.conf': 'nameserver 127.0.0.1\n',
    'etc/hosts': `127.0.0.1 localhost\n${servicesAddress(record.subnet)} acme.${place.name}.test\n`,
    ...(record.acme && { 'lab/pebble.json': `${JSON.stringify(pebble, null, 2)}\n` }),
  }
}

async function fetchText(address: string, ca: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const headers = { 'User-Agent': 'provision-lab' } // Pebble refuses whoever does not say who he is
    const request = get(address, { ca, headers, agent: false, timeout: 2000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${address} answered with status ${response.statusCode}`))
      })
    })
    request.on('timeout', () => request.destroy(new Error(`${address} did not answer`)))
    request.on('error', reject)
  })
}
