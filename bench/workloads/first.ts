import type { Image } from '../hosts.ts'
import { runRounds, writeData } from '../rounds.ts'
import type { BenchContext, Workload } from '../workload.ts'

/** The first run on hosts that have the packages, or must install them. */
export default {
  name: 'first',
  title: 'First run',
  describe:
    'Every run begins on 3 fresh hosts, and the judge looks afterwards. First with the packages in place, their services stopped and disabled; then with the 10 packages to be installed from the hosts’ own apt cache, so that no network counts.',
  limits:
    'The real work is the hosts’: users, services, apt and dpkg take CPU seconds that no tool can take away. All three hosts share the machine’s cores. The fsync calls of dpkg cost nothing here (disks of the lab are not synced), so a tool’s own time shows more than on a real disk.',
  cases: {
    packages: 'First run, packages in place',
    bare: 'First run, packages installed from the local cache',
  },
  minutes: 4,
  run: async (context) => {
    const names = ['floor', 'hostwright', 'mitogen', 'ansible-tuned']
    for (let round = 0; round < context.rounds(3); round += 1) await firstRuns(context, 'packages', names, round)
    for (let round = 0; round < context.rounds(2); round += 1)
      await firstRuns(context, 'bare', ['floor', 'hostwright', 'mitogen'], round)
  },
} satisfies Workload

async function firstRuns(context: BenchContext, image: Image, names: readonly string[], round: number): Promise<void> {
  for (const contestant of await context.choose(names)) {
    if (contestant.slow && round > 0) continue
    context.signal.throwIfAborted()
    const hosts = await context.openHosts(3, image)
    try {
      await writeData(context, hosts)
      const rounds = { workload: 'first', case: image, hosts, contestants: [contestant], judgeEach: true }
      await runRounds(context, { ...rounds, rounds: 1, firstRound: round })
    } finally {
      await hosts.close()
    }
  }
}
