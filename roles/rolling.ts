// Changing servers that are in service: one after the other, each out of the load balancers' rotation while it changes.
import { type Host, haproxy, wait } from 'hostwright'
import { atWebServers } from './rolling-app.ts'

export interface Rolling {
  /** Address that answers 200 when the server is well, as seen from the server itself. */
  readonly healthy: (host: Host) => string
  /** Seconds for the last requests to end before the change, and for the server to be well again after it. @default 60 */
  readonly patience?: number
  /** Cut requests that last longer, instead of stopping there. @default false */
  readonly cut?: boolean
  /** The servers in front, by group. @default 'lb' */
  readonly balancers?: string
  /** HAProxy's backend; its servers have the names of their hosts. @default 'web' */
  readonly backend?: string
}

/**
 * Options of a play that changes servers without a failed request: web servers behind the load balancers, and app servers behind
 * web servers on other hosts. Where nothing is to change neither is told. A
 * server that is not well after its change stays out of rotation and the play stops; the next run goes on with it.
 *
 * @example play({ hosts: 'web', roles: [nginx({ domains })], ...rolling({ healthy: () => 'http://127.0.0.1:8080/healthz' }) })
 */
export function rolling({ healthy, patience = 60, cut = false, balancers = 'lb', backend = 'web' }: Rolling) {
  /** The same on each load balancer that has the server behind it. */
  const atBalancers = (host: Host, state: 'drain' | 'ready') => {
    const { inventory } = host
    // a server that is alone has nobody to take over, and one that HAProxy does not have behind it gets no requests from it
    const isBehind = host.isIn(backend) && inventory.group(backend).length > 1 && inventory.hasGroup(balancers)
    if (!isBehind) return []
    return inventory.group(balancers).map((balancer) =>
      haproxy.server({
        backend,
        server: host.name,
        state,
        wait: patience,
        ...(state === 'drain' && { cut }),
        on: balancer.name,
      }),
    )
  }
  return {
    serial: 1,
    beforeChanges: (host: Host) => [...atBalancers(host, 'drain'), ...atWebServers(host, 'down', patience, cut)],
    afterChanges: (host: Host) => [
      wait.http({ name: `${host.name} is well`, url: healthy(host), timeout: patience }),
      ...atWebServers(host, 'up', patience, cut),
      ...atBalancers(host, 'ready'),
    ],
  }
}
