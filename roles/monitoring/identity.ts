// Who a host is to the monitors, and a monitor to the hosts: one certificate of the internal CA for everything that runs as user prometheus.
import { isIP } from 'node:net'
import { type Handler, type Host, type Secret, type Tasks, tls } from 'hostwright'
import { caChoice } from '../site.ts'

/** Where the certificate is, with its key and the CA. */
export const identity = '/etc/prometheus/tls'

interface Place {
  readonly directory: string
  /** Who may read the key. */
  readonly group: string
  readonly notify?: Handler
}

/** `ca.pem`, `server.pem` and `server.key` of a host. The exporters read theirs anew at each connection, and their packages make the group prometheus. */
export function identityTasks(
  host: Pick<Host, 'name' | 'address' | 'vars'>,
  ca: string | Secret,
  place: Place = { directory: identity, group: 'prometheus' },
): Tasks {
  const { name, address } = host
  return tls.internal({
    subject: name,
    ...(isIP(address) > 0 ? { names: [name], addresses: [address] } : { names: [...new Set([name, address])] }),
    ca,
    ...caChoice(host),
    ...place,
  })
}

/** What a daemon of the exporter toolkit reads: TLS, and nobody without a certificate of the internal CA. JSON is YAML. */
export const webConfiguration = json({
  tls_server_config: {
    cert_file: `${identity}/server.pem`,
    key_file: `${identity}/server.key`,
    client_ca_file: `${identity}/ca.pem`,
    client_auth_type: 'RequireAndVerifyClientCert',
    min_version: 'TLS12',
  },
})

/** How a monitor talks to them. */
export const clientConfiguration = {
  ca_file: `${identity}/ca.pem`,
  cert_file: `${identity}/server.pem`,
  key_file: `${identity}/server.key`,
}

/** `curl` with the host's own certificate, to itself by its name. Root may read the key. */
export function askSelf(host: Pick<Host, 'name'>, port: number, path: string): string {
  return `curl --silent --show-error --fail --max-time 10 --cacert ${identity}/ca.pem --cert ${identity}/server.pem --key ${identity}/server.key --connect-to ::127.0.0.1: 'https://${host.name}:${port}${path}'`
}

/** The text of a configuration file in JSON, which is YAML too. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
