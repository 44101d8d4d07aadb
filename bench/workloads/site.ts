import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { labCpu } from '../../src/lab/cgroups.ts'
import { labPlace } from '../../src/lab/home.ts'
import { type LabStatus, labDown, labReset, labUp } from '../../src/lab/lab.ts'
import type { Ended } from '../contestants/contestant.ts'
import { changedInRecap, project } from '../contestants/hostwright/hostwright.ts'
import { type ControllerGroup, openControllerGroup } from '../measuring/controller-group.ts'
import { measure } from '../measuring/measure.ts'
import type { BenchContext, Workload } from '../workload.ts'

const lab = 'bench-site'

/** The whole reference site, from bare hosts. */
export default {
  name: 'site',
  title: 'The whole reference site',
  describe:
    'HAProxy with a certificate from a real ACME authority, two servers with nginx, the app and MySQL (primary and replica), firewalls: `playbooks/site.ts` beside the same site by hand (`bench/site/by-hand`): plain OpenSSH and `sh`, one connection a host, hosts in parallel, one `apt-get` a host, services started once, no barrier but the one that is needed. Every first run begins on bare hosts, with the packages in the lab’s package cache; afterwards `scripts/prove.ts` proves the site from outside, and two reruns follow.',
  limits:
    'The hosts’ own work: `apt-get` alone takes about 43 of their CPU seconds, more than four fifths of what the script costs them, and three hosts share this machine’s cores. `bench/site/critical-path.ts` shows where a run of hostwright spends its time.',
  cases: { first: 'First run, bare hosts', rerun: 'Rerun, nothing to change' },
  base: 'script',
  minutes: 12,
  run: async (context) => {
    await prepareApp()
    await labDown(lab)
    const status = await labUp({ name: lab, onProgress: context.say })
    try {
      context.say('filling the package cache: one run by hand that is not measured')
      await withContestant(context, status, 'script', async (converge) => void (await converge()))
      for (let round = 0; round < context.rounds(3); round += 1) {
        for (const contestant of contestants) {
          context.signal.throwIfAborted()
          await takeTurn(context, contestant, round)
        }
      }
    } finally {
      await labDown(lab)
    }
  },
} satisfies Workload

const contestants = ['script', 'hostwright'] as const
type Name = (typeof contestants)[number]

/** A first run on fresh hosts, the proofs, two reruns. */
async function takeTurn(context: BenchContext, contestant: Name, round: number): Promise<void> {
  const status = await labReset(lab)
  await withContestant(context, status, contestant, async (converge, group) => {
    const measured = async (caseName: string, number: number, judge: () => Promise<string | undefined>) => {
      const before = await labCpu(labPlace(lab))
      const { ended, measures } = await measure(converge, { group })
      const hostsCpu = (await labCpu(labPlace(lab))) - before
      const failure = ended.exitCode === 0 ? await judge() : `exit code ${ended.exitCode}: ${ended.output.slice(-2000)}`
      const changed = contestant === 'hostwright' ? changedInRecap(ended.output) : ended.output.split('\n').length - 1
      const entry = { workload: 'site', case: caseName, contestant, hosts: 3, round: number }
      await context.record({ ...entry, ...measures, hostsCpu, changed, failure })
      return changed
    }
    await measured('first', round, prove)
    for (const again of [0, 1]) {
      const changed = await measured('rerun', 2 * round + again, async () => undefined)
      if (changed !== 0) context.say(`the rerun of ${contestant} changed ${changed}`)
    }
  })
}

async function withContestant(
  context: BenchContext,
  status: LabStatus,
  name: Name,
  work: (converge: () => Promise<Ended>, group: ControllerGroup) => Promise<void>,
): Promise<void> {
  const folder = await context.folder(`site-${name}`)
  const group = await openControllerGroup(`site-${name}`, join(folder, 'log'))
  const command = name === 'script' ? await byHand(status, folder) : hostwright(folder)
  const environment = {
    PROVISION_LAB: lab,
    ...(process.env.PROVISION_LAB_HOME && { PROVISION_LAB_HOME: process.env.PROVISION_LAB_HOME }),
  }
  try {
    await work(async () => {
      const ended = await group.run(command, { cwd: project, environment })
      await group.end()
      return ended
    }, group)
  } finally {
    await group.remove()
  }
}

function hostwright(folder: string): string[] {
  const program = join(project, 'bin/provision.js')
  return [process.execPath, program, '--inventory', 'inventory/lab.ts', '--secrets', join(folder, 'secrets.json')]
}

/** The script's command; what it reads is written for this lab. */
async function byHand(status: LabStatus, folder: string): Promise<string[]> {
  const address = (name: string) => status.hosts.find((host) => host.name === name)?.address ?? ''
  const settings = {
    LB: address('lb1'),
    WEB1: address('web1'),
    WEB2: address('web2'),
    LOGIN: status.hosts[0]?.user ?? '',
    IDENTITY: status.identityFile,
    KNOWN_HOSTS: status.knownHosts,
    ACME_DIRECTORY: status.acme?.directory ?? '',
    ACME_CA: status.acme?.caFile ?? '',
    APP: join(project, 'examples/app'),
    STATE: join(folder, 'state'),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
  const file = join(folder, 'site.env')
  await writeFile(file, lines.join(''))
  return ['bash', join(project, 'bench/site/by-hand/deploy.sh'), file]
}

const execute = promisify(execFile)

/** The proofs from outside; a sentence if one of them fails. */
async function prove(): Promise<string | undefined> {
  const args = ['--import=tsx', '--conditions=hostwright-source', 'scripts/prove.ts', '--from-outside']
  try {
    await execute(process.execPath, args, { cwd: project, env: { ...process.env, PROVISION_LAB: lab } })
    return undefined
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string } // execFile's error has both
    const failed = stdout.split('\n').filter((line) => line.includes('✘'))
    return `not proven: ${failed.join('; ') || stderr.slice(-500)}`
  }
}

/** The app is shipped with its dependencies. */
async function prepareApp(): Promise<void> {
  await execute('npm', ['ci', '--silent', '--prefix', join(project, 'examples/app')])
}
