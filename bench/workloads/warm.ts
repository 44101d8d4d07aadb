import { runRounds, settle } from '../rounds.ts'
import type { Workload } from '../workload.ts'

/** The rerun straight after a run. */
export default {
  name: 'warm',
  title: 'Rerun over kept connections',
  describe:
    'The same rerun straight after another: what a tool keeps (a ControlMaster, a process with its connections) is there. `floor` and `hostwright` keep nothing and are shown for comparison.',
  limits:
    'Without the handshake only the probes on the hosts and one round trip are left. Ansible and Mitogen gain little: they are not bound by their connections.',
  cases: { warm: 'Rerun, warm' },
  minutes: 3,
  run: async (context) => {
    const names = ['floor', 'floor-kept', 'hostwright', 'hostwright-kept', 'mitogen', 'ansible-tuned']
    const contestants = await context.choose(names)
    const hosts = await context.openHosts(3, 'running')
    try {
      await settle(context, hosts)
      const rounds = context.rounds(5)
      await runRounds(context, { workload: 'warm', case: 'warm', hosts, contestants, rounds, warm: true })
    } finally {
      await hosts.close()
    }
  },
} satisfies Workload
