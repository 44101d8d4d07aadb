import { runRounds, settle } from '../rounds.ts'
import type { Workload } from '../workload.ts'

/** The rerun that changes nothing, without anything kept. */
export default {
  name: 'rerun',
  title: 'Rerun: 3 converged hosts, nothing kept',
  describe:
    'The 50 resources are as wished; the tool looks and changes nothing. *Cold*: every process and connection of the run before has been ended.',
  limits:
    'Nearly all of the floor is the SSH handshake: in OpenSSH the post-quantum key exchange alone takes some 70 ms of CPU on the controller. hostwright adds the start of Node and the loading of its modules, and saves processes: all hosts share one. Ansible runs about 60 modules a host one after another, each a fresh Python on the host.',
  cases: { cold: 'Rerun, cold' },
  minutes: 3,
  run: async (context) => {
    const contestants = await context.choose(['floor', 'hostwright', 'mitogen', 'ansible-tuned', 'ansible'])
    const hosts = await context.openHosts(3, 'running')
    try {
      await settle(context, hosts)
      await runRounds(context, { workload: 'rerun', case: 'cold', hosts, contestants, rounds: context.rounds(5) })
    } finally {
      await hosts.close()
    }
  },
} satisfies Workload
