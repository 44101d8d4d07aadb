import type { Target } from './contestants/contestant.ts'
import { type BenchHosts, proxyPort } from './hosts.ts'
import { type DelayProxy, startDelayProxy } from './measuring/delay-proxy.ts'

/** Puts a delay proxy before each host; the targets are where contestants find them then. */
export async function openProxies(
  hosts: Pick<BenchHosts, 'targets' | 'gateway'>,
  roundTripMs: number,
): Promise<{ readonly proxy: DelayProxy; readonly targets: readonly Target[] }> {
  const targets = hosts.targets.map(({ name }, index) => ({ name, address: hosts.gateway, port: proxyPort(index) }))
  const routes = targets.flatMap(({ address, port }, index) => {
    const to = hosts.targets[index]
    return to ? [{ listen: { address, port }, to: { address: to.address, port: to.port } }] : []
  })
  return { proxy: await startDelayProxy(routes, roundTripMs), targets }
}
