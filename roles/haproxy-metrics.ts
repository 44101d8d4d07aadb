// HAProxy tells the monitors its counters itself, on port 8405, over TLS both ways. Without a group `monitor` there is no such port.
import type { Host, Opening } from 'hostwright'
import { internalCertificates } from './haproxy-certificate.ts'
import { addressesOf, membersOf } from './site.ts'

/** For the template: where the certificate is, or false where nobody watches. */
export function metricsVars(host: Host): { readonly directory: string } | false {
  return membersOf(host, 'monitor').length > 0 && { directory: internalCertificates }
}

/** For `openings`. */
export function metricsOpenings(host: Host): Opening[] {
  const from = addressesOf(host, 'monitor')
  return from.length === 0 ? [] : [{ port: 8405, from, comment: 'counters of HAProxy, for the monitors' }]
}
