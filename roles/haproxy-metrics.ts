// HAProxy tells the monitors its counters itself, on port 8405, over TLS both ways. Without a group `monitor` there is no such port.
import { file, type Handler, type Host, type Opening, secret, type Tasks } from 'hostwright'
import { identityTasks } from './monitoring/identity.ts'
import { addressesOf, membersOf } from './site.ts'

const directory = '/etc/haproxy/metrics'

/** For the template: where the certificate is, or false where nobody watches. */
export function metricsVars(host: Host): { readonly directory: string } | false {
  return membersOf(host, 'monitor').length > 0 && { directory }
}

/** For `openings`. */
export function metricsOpenings(host: Host): Opening[] {
  const from = addressesOf(host, 'monitor')
  return from.length === 0 ? [] : [{ port: 8405, from, comment: 'counters of HAProxy, for the monitors' }]
}

/** The certificate of the port; HAProxy must have it before its configuration. */
export function metricsTasks(host: Host, reload: Handler): Tasks {
  if (!metricsVars(host)) return []
  return [
    identityTasks(host, secret('tls.ca'), { directory, group: 'root', notify: reload }),
    // where HAProxy looks for the key of server.pem
    file.link({ path: `${directory}/server.pem.key`, target: 'server.key' }),
  ]
}
