import { oneInTenDead, withFleet } from '../simulated/fleet.ts'
import type { BenchContext, Workload } from '../workload.ts'

const forks = 20
/** Connections that may be open at once: those kept from play to play, or those at work and those called ahead. */
const mostConnections = Math.max(200, 2 * forks)
const sizes = [10, 100, 300, 1000] as const

/** Fleets that no machine could hold as containers, and fleets with dead hosts. */
export default {
  name: 'simulated',
  title: 'Up to 1,000 simulated hosts, and dead ones among them',
  describe:
    'Each host is an address of 127.0.0.0/8 with a real SSH server (ssh2) and a real `sh` for each session, with `/run`, `/tmp` and `/var/lib` of its own; ten resources in two plays, `--forks 20`. The rerun changes nothing. A run with more than 200 connections open at once counts as failed. In the last table one host in ten is dead, in turn refusing connections, taking them and never answering, or swallowing every packet; the wall time there is the time until the last *live* host had finished.',
  limits:
    'The SSH servers and the hosts’ shells run on the controller’s own cores and cost more than the controller: read its CPU seconds and its memory. A host costs the controller one key exchange and three requests.',
  cases: {
    ...Object.fromEntries(sizes.map((size) => [size, `${size} simulated hosts, rerun`])),
    dead: '100 simulated hosts, first run: until the last live host is done',
  },
  base: 'all alive',
  minutes: 15,
  run: async (context) => {
    for (const size of sizes) await rerun(context, size)
    for (let round = 0; round < context.rounds(2); round += 1) {
      for (const [contestant, kindOf] of [
        ['all alive', () => 'live' as const],
        ['one in ten dead', oneInTenDead],
      ] as const) {
        context.signal.throwIfAborted()
        const { liveDone, ...measured } = await withFleet(100, kindOf, (run) => run(forks))
        const entry = { workload: 'simulated', case: 'dead', contestant, hosts: 100, round }
        await context.record({ ...entry, ...figures(context, measured), wall: liveDone })
      }
    }
  },
} satisfies Workload

async function rerun(context: BenchContext, size: number): Promise<void> {
  await withFleet(
    size,
    () => 'live',
    async (run) => {
      const { failure } = await run(forks)
      if (failure !== undefined) context.say(`the first run on ${size} simulated hosts: ${failure}`)
      for (let round = 0; round < context.rounds(size > 300 ? 1 : 3); round += 1) {
        context.signal.throwIfAborted()
        const { liveDone: _, ...measured } = await run(forks)
        const entry = { workload: 'simulated', case: String(size), contestant: 'hostwright', hosts: size, round }
        await context.record({ ...entry, ...figures(context, measured) })
      }
    },
  )
}

/** Without the one that has no column; too many connections are a failure. */
function figures<T extends { mostOpen: number; failure: string | undefined }>(context: BenchContext, measured: T) {
  const { mostOpen, ...rest } = measured
  context.say(`most connections open at once: ${mostOpen}`)
  const tooMany = mostOpen > mostConnections ? `${mostOpen} connections were open at once` : undefined
  return { ...rest, failure: rest.failure ?? tooMany }
}
