// The load balancer's own certificate of the internal CA: for nginx, which it asks over TLS, for the other balancers and for the monitors.
import { isIP } from 'node:net'
import { file, type Handler, type Host, type Tasks, tls } from 'hostwright'
import { caChoice } from './site.ts'

/** Where it is, with the CA to verify the others by. */
export const internalCertificates = '/etc/haproxy/tls'

/** HAProxy must have it before its configuration. */
export function certificateTasks(host: Host, reload: Handler): Tasks {
  const { name, address } = host
  return [
    tls.internal({
      directory: internalCertificates,
      subject: name,
      ...(isIP(address) > 0 ? { names: [name], addresses: [address] } : { names: [...new Set([name, address])] }),
      ...caChoice(host),
      notify: reload,
    }),
    // where HAProxy looks for the key of server.pem
    file.link({ path: `${internalCertificates}/server.pem.key`, target: 'server.key' }),
  ]
}
