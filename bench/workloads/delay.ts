import { openProxies } from '../proxies.ts'
import { runRounds, settle } from '../rounds.ts'
import type { Workload } from '../workload.ts'

/** Rerun with the hosts far away. */
export default {
  name: 'delay',
  title: 'Rerun behind 20 and 100 ms of round trip',
  describe:
    'The cold rerun through a userspace proxy that holds every byte back for half a round trip and the TCP handshake for a whole one. It also counts *turns*, how often the client spoke after the server on a connection, which is what latency multiplies, and bytes.',
  limits:
    'A connection costs about 9 round trips before the first command: TCP, banners, key exchange, service, authentication, channel. What is left is one round trip for each request. There is no limit of bandwidth and no slow start in the proxy: real long lines cost the tools that ship megabytes more.',
  cases: { 20: '20 ms', 100: '100 ms' },
  minutes: 3,
  run: async (context) => {
    const contestants = await context.choose(['floor', 'hostwright', 'mitogen', 'ansible-tuned'])
    const hosts = await context.openHosts(3, 'running')
    try {
      await settle(context, hosts)
      for (const roundTrip of [20, 100]) {
        const { proxy, targets } = await openProxies(hosts, roundTrip)
        try {
          const rounds = context.rounds(3)
          const assignments = { targets }
          await runRounds(context, {
            workload: 'delay',
            case: String(roundTrip),
            hosts,
            contestants,
            rounds,
            proxy,
            assignments,
          })
        } finally {
          await proxy.close()
        }
      }
    } finally {
      await hosts.close()
    }
  },
} satisfies Workload
