// What every lab test needs: hosts of its own, plays run on them in this process, and commands run on a host past our
// own transport, so that a test does not prove the tool with the tool.
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestFn } from 'ava'
import type { Inventory } from '../../src/core/host.ts'
import { defineInventory, type InventoryEntry } from '../../src/core/inventory.ts'
import { definePlaybook, type Play } from '../../src/core/play.ts'
import type { RunRequest } from '../../src/engine/run.ts'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'
import { type LabStatus, labDown, labUp, parseLabHost } from '../../src/lab/lab.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'
import { type Ran, record } from '../../src/testing/runner.ts'
import { connect } from '../../src/transport/connect.ts'

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Lab {
  readonly status: LabStatus
  /** Adds hosts to the running lab. */
  add: (...hosts: string[]) => Promise<void>
  readonly secretsFile: string
  /** The lab's inventory with groups and variables of the test's own. */
  inventory: (entry?: Partial<InventoryEntry>) => Inventory
  /** Runs plays on the lab. */
  run: (plays: readonly Play[], more?: Partial<RunRequest>) => Promise<Ran>
  /** Runs a shell script as root on a host, by OpenSSH. */
  on: (host: string, script: string, input?: string) => Promise<CommandResult>
  /** The same, failing the test if the script fails; returns stdout. */
  must: (host: string, script: string) => Promise<string>
  address: (host: string) => string
}

/** A lab for a test file: `const lab = useLab(test, 'files', ['web1:bookworm'])`, up before the tests and down after them. */
export function useLab(test: TestFn, name: string, hosts: readonly string[], options: LabChoices = {}): () => Lab {
  let lab: Lab | undefined
  test.before(async (t) => {
    t.timeout(600_000)
    lab = await openLab(name, hosts, options)
  })
  test.after.always(async (t) => {
    t.timeout(120_000)
    if (!process.env.KEEP_LAB) await labDown(`t-${name}`)
  })
  return () => {
    if (!lab) throw new Error('the lab is not up')
    return lab
  }
}

interface LabChoices {
  /** With Pebble. @default false */
  readonly acme?: boolean
  /** Names that lead to the lab's virtual address, which is no host's. */
  readonly virtualNames?: readonly string[]
}

/** Brings a lab up and wraps it. */
export async function openLab(name: string, hosts: readonly string[], options: LabChoices = {}): Promise<Lab> {
  await labDown(`t-${name}`) // what a killed test left
  const up = (specs: readonly string[], aliases?: Readonly<Record<string, string>>) =>
    labUp({
      name: `t-${name}`,
      hosts: specs.map((spec) => parseLabHost(spec)),
      acme: options.acme ?? false,
      ...(aliases && { aliases }),
    })
  let status = await up(hosts)
  const { virtualAddress } = status.network // known when the lab has its network
  if (options.virtualNames)
    status = await up(hosts, Object.fromEntries(options.virtualNames.map((alias) => [alias, virtualAddress])))
  const secretsFile = join(mkdtempSync(join(tmpdir(), 'hostwright-secrets-')), 'secrets.json')
  const address = (host: string): string => {
    const found = status.hosts.find((entry) => entry.name === host)
    if (!found) throw new Error(`no host ${host} in the lab`)
    return found.address
  }
  const inventory = (entry: Partial<InventoryEntry> = {}): Inventory =>
    resolveInventory(
      defineInventory({
        identityFile: status.identityFile,
        knownHosts: status.knownHosts,
        ...entry,
        hosts: Object.fromEntries(
          status.hosts.map((host) => [
            host.name,
            { address: host.address, user: host.user, ...entry.hosts?.[host.name] },
          ]),
        ),
      }),
    )
  const on = (host: string, script: string, input = ''): Promise<CommandResult> =>
    new Promise((resolve) => {
      const options = [
        '-F',
        'none',
        '-i',
        status.identityFile,
        '-o',
        `UserKnownHostsFile=${status.knownHosts}`,
        '-o',
        'BatchMode=yes',
        '-o',
        'ConnectTimeout=10',
        '-o',
        'ServerAliveInterval=5',
        '-o',
        'LogLevel=ERROR',
      ]
      const user = status.hosts.find((entry) => entry.name === host)?.user ?? 'root'
      const child = execFile(
        'ssh',
        [...options, `${user}@${address(host)}`, `sudo -n sh -c ${quoteOnce(script)}`],
        { maxBuffer: 64 << 20 },
        (error, stdout, stderr) => {
          resolve({ code: error ? (typeof error.code === 'number' ? error.code : 255) : 0, stdout, stderr })
        },
      )
      child.stdin?.on('error', () => undefined) // ssh ended before it read; its exit code says why
      child.stdin?.end(input)
    })
  return {
    get status() {
      return status
    },
    add: async (...more) => {
      status = await up(more)
    },
    secretsFile,
    inventory,
    address,
    on,
    must: async (host, script) => {
      const result = await on(host, script)
      if (result.code !== 0)
        throw new Error(`${host}: ${script}\nexit code ${result.code}\n${result.stderr}${result.stdout}`)
      return result.stdout
    },
    run: (plays, more = {}) =>
      record({
        playbook: definePlaybook(plays),
        inventory: inventory(),
        secrets: openSecrets({ file: secretsFile, env: {} }),
        connect,
        ...more,
      }),
  }
}

/** One shell word; the tests' own, so that a fault in ours shows. */
function quoteOnce(text: string): string {
  return `'${text.split("'").join(`'"'"'`)}'`
}
