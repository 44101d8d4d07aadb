import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Target } from '../contestants/contestant.ts'
import type { BenchHosts } from '../hosts.ts'
import { type ControllerGroup, openControllerGroup } from '../measuring/controller-group.ts'
import { measure } from '../measuring/measure.ts'
import { openProxies } from '../proxies.ts'
import type { BenchContext, Workload } from '../workload.ts'

/** What OpenSSH alone costs. */
export default {
  name: 'ssh',
  title: 'OpenSSH alone',
  describe:
    '`ssh HOST true`: what a connection costs whoever makes it with OpenSSH, new and over a ControlMaster. One host.',
  limits:
    'Most of a new connection is CPU time of the key exchange (sntrup761x25519) and of the login on the host, and some 9 round trips.',
  cases: { 0: 'Direct', 20: '20 ms of round trip', 100: '100 ms of round trip' },
  base: 'new connection',
  minutes: 1,
  run: async (context) => {
    const hosts = await context.openHosts(1, 'packages')
    const folder = await context.folder('ssh')
    const group = await openControllerGroup('ssh', join(folder, 'log'))
    try {
      for (const roundTrip of [0, 20, 100]) {
        if (roundTrip === 0) await connect(context, hosts, group, folder, roundTrip, hosts.targets)
        else {
          const { proxy, targets } = await openProxies(hosts, roundTrip)
          await connect(context, hosts, group, folder, roundTrip, targets).finally(() => proxy.close())
        }
      }
    } finally {
      await group.remove()
      await hosts.close()
    }
  },
} satisfies Workload

async function connect(
  context: BenchContext,
  hosts: BenchHosts,
  group: ControllerGroup,
  folder: string,
  roundTrip: number,
  [target]: readonly Target[],
): Promise<void> {
  if (!target) throw new Error('there is no host')
  const options = ['-F', 'none', '-i', hosts.identityFile, '-o', `UserKnownHostsFile=${hosts.knownHosts}`]
  const place = ['-o', 'BatchMode=yes', '-p', String(target.port), `root@${target.address}`]
  const control = `${folder}/control-${roundTrip}`
  const master = group.start(['ssh', '-M', '-N', '-S', control, ...options, ...place])
  master.stdout?.resume()
  const check = () => group.run(['ssh', '-O', 'check', '-S', control, ...place])
  for (let attempt = 0; (await check()).exitCode !== 0; attempt += 1) {
    if (attempt > 100) throw new Error(`no ControlMaster to ${target.address}`)
    await pause(50)
  }
  for (let round = 0; round < context.rounds(10); round += 1) {
    for (const [contestant, more] of [
      ['new connection', []],
      ['kept connection', ['-S', control]],
    ] as const) {
      const { ended, measures } = await measure(() => group.run(['ssh', ...more, ...options, ...place, 'true']), {
        group,
      })
      const failure = ended.exitCode === 0 ? undefined : ended.output
      const entry = { workload: 'ssh', case: String(roundTrip), contestant, hosts: 1, round, ...measures, failure }
      await context.record({ ...entry, peakMemory: undefined }) // the master's is in it
    }
  }
  await group.end()
}
