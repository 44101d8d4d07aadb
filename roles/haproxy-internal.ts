// The certificate by which HAProxy is known inside the site, and the CA that it verifies others with: web servers behind it, other balancers.
import { isIP } from 'node:net'
import { type Handler, type Host, tls } from 'hostwright'

/** Where they are. */
export const internalCertificates = '/etc/haproxy/tls'

/** Puts them there; HAProxy must have them before its configuration. */
export function internalTls(host: Host, reload: Handler) {
  return tls.internal({
    directory: internalCertificates,
    subject: host.name,
    ...(isIP(host.address) > 0 && { addresses: [host.address] }),
    notify: reload,
  })
}
