import { runRounds, settle } from '../rounds.ts'
import type { Workload } from '../workload.ts'

/** One file of one kind has been edited by hand on every host. */
const drift = "printf 'someone was here\\n' >>/etc/bench/conf.d/app3.conf"

/** The run that mends one thing. */
export default {
  name: 'drifted',
  title: 'One resource drifted',
  describe: `Before each run one of the 20 files is edited on every host (\`${drift}\`); the tool mends it and nothing else. The judge looks after each run.`,
  limits:
    'hostwright needs one more request a host: the one that writes the file and looks again whether it is right now.',
  cases: { drifted: 'One of 50 resources drifted on each of 3 hosts, cold' },
  minutes: 2,
  run: async (context) => {
    const contestants = await context.choose(['floor', 'hostwright', 'mitogen', 'ansible-tuned'])
    const hosts = await context.openHosts(3, 'running')
    try {
      await settle(context, hosts)
      await runRounds(context, {
        workload: 'drifted',
        case: 'drifted',
        hosts,
        contestants,
        rounds: context.rounds(4),
        judgeEach: true,
        before: async () => {
          const edits = await Promise.all(hosts.targets.map((target) => hosts.on(target, drift)))
          if (edits.some(({ exitCode }) => exitCode !== 0)) throw new Error('a host could not be made to drift')
        },
      })
    } finally {
      await hosts.close()
    }
  },
} satisfies Workload
