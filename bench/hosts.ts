// The hosts that contestants work on: a lab of the project's own, with the bench's image, and what is counted on them.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { labCpu } from '../src/lab/cgroups.ts'
import { type CommandResult, tryCommand } from '../src/lab/command.ts'
import { upperFolder } from '../src/lab/disk.ts'
import { labPlace } from '../src/lab/home.ts'
import { type LabStatus, labDown, labUp, sshArguments } from '../src/lab/lab.ts'
import type { Target } from './contestants/contestant.ts'
import { ensureImage, type Image, sshdLog } from './image.ts'
import { judge } from './judge.ts'
import { countLogins, type Logins } from './measuring/sshd-log.ts'

export type { Image } from './image.ts'

/** Hosts of one image. */
export interface BenchHosts {
  /** The lab that they are of. */
  readonly lab: string
  readonly targets: readonly Target[]
  /** The bench's own end of the hosts' network: where a proxy listens. */
  readonly gateway: string
  /** Opens root on every host. */
  readonly identityFile: string
  readonly knownHosts: string
  /** CPU seconds that all hosts together have taken. */
  readonly cpu: () => Promise<number>
  /** Logins and sessions that all hosts together have had. */
  readonly logins: () => Promise<Logins>
  /** Runs a script as root on one host by OpenSSH. */
  readonly on: (target: Target, script: string) => Promise<CommandResult>
  /** Looks at every host by itself; a sentence for each that is not converged. */
  readonly judge: () => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/** Brings up fresh hosts named bench1, bench2 and so on; whatever an earlier bench left is removed first. */
export async function openHosts(
  count: number,
  image: Image,
  say: (message: string) => void,
  labName = 'bench',
): Promise<BenchHosts> {
  const layers = [await ensureImage(image, say)]
  await labDown(labName)
  const started = performance.now()
  const names = Array.from({ length: count }, (_, index) => `bench${index + 1}`)
  const hosts = names.map((name) => ({ name, suite: 'bookworm' as const }))
  const status = await labUp({ name: labName, hosts, layers, acme: false, aliases: {} })
  say(`${count} hosts (${image}) are up after ${Math.round((performance.now() - started) / 1000)} s`)
  return await describe(status, labName)
}

async function describe(status: LabStatus, labName: string): Promise<BenchHosts> {
  const place = labPlace(labName)
  const targets = status.hosts.map(({ name, address }) => ({ name, address, port: 22 }))
  const { gateway } = status.network
  const knownHosts = join(place.folder, 'bench_known_hosts')
  await writeFile(knownHosts, withProxies(await readFile(status.knownHosts, 'utf8'), targets, gateway))
  const on = (target: Target, script: string) =>
    tryCommand('ssh', [...sshArguments(place, 'root', target.address), 'sh -s'], { input: script, timeoutMs: 120_000 })
  return {
    lab: labName,
    targets,
    gateway,
    identityFile: status.identityFile,
    knownHosts,
    cpu: () => labCpu(place),
    logins: async () => {
      const logs = targets.map(({ name }) => join(upperFolder(place, name), sshdLog))
      return countLogins(await Promise.all(logs.map((log) => readFile(log, 'utf8').catch(() => ''))))
    },
    on,
    judge: () => judge(targets, on),
    close: () => labDown(labName),
  }
}

/** The port at which a proxy on the gateway stands for a host. */
export function proxyPort(index: number): number {
  return 2201 + index
}

/** The hosts' keys under the addresses of the proxies too. */
function withProxies(knownHosts: string, targets: readonly Target[], gateway: string): string {
  const lines = knownHosts.split('\n').filter(Boolean)
  const proxied = targets.flatMap(({ address }, index) =>
    lines
      .filter((line) => line.startsWith(`${address},`))
      .map((line) => line.replace(/^\S+/, `[${gateway}]:${proxyPort(index)}`)),
  )
  return `${[...lines, ...proxied].join('\n')}\n`
}
