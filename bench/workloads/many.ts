import { runRounds, settle } from '../rounds.ts'
import type { Workload } from '../workload.ts'

/** Rerun on more and more hosts. */
const sizes = [
  { count: 10, rounds: 3, names: ['floor', 'hostwright', 'mitogen', 'ansible-tuned'] },
  { count: 30, rounds: 2, names: ['floor', 'hostwright', 'mitogen'] },
  { count: 100, rounds: 2, names: ['floor', 'hostwright'] },
] as const

export default {
  name: 'many',
  title: 'Rerun on 10, 30 and 100 hosts',
  describe:
    'The cold rerun on more hosts. Ansible runs with as many forks as there are hosts; hostwright with its default of 20 hosts at a time. Ansible is left out where one run would take minutes: about 110 s for 10 hosts, 300 s for 30.',
  limits:
    'The hosts are containers on the controller’s own cores: from 10 hosts on the wall time is mostly the hosts’ side of the SSH logins. Read the controller’s CPU seconds for what a real fleet would cost it.',
  cases: { 10: '10 hosts', 30: '30 hosts', 100: '100 hosts' },
  minutes: 7,
  run: async (context) => {
    for (const { count, rounds, names } of sizes) {
      const contestants = await context.choose(names)
      const hosts = await context.openHosts(count, 'running')
      try {
        await settle(context, hosts)
        await runRounds(context, {
          workload: 'many',
          case: String(count),
          hosts,
          contestants,
          rounds: context.rounds(rounds),
        })
      } finally {
        await hosts.close()
      }
    }
  },
} satisfies Workload
