// Load balancers tell each other what their stick tables hold, so that a limit that a client has reached holds on all of them, and stays
// when the floating address moves. One load balancer alone has no peers.
import { isIP } from 'node:net'
import { assert, file, type Handler, type Host, type Opening, type Tasks, tls } from 'hostwright'
import { addressesOf, membersOf } from './site.ts'

const directory = '/etc/haproxy/tls'
const port = 10_000

/** For the template: all load balancers, this host's own name and where the certificate is; false for a balancer alone. */
export function peersVars(host: Host) {
  const members = membersOf(host, 'lb').map(({ name, connection }) => ({ name, address: connection.address }))
  return members.length > 1 && host.isIn('lb') && { own: host.name, members, directory, port }
}

/** For `openings`. */
export function peersOpenings(host: Host): Opening[] {
  if (!peersVars(host)) return []
  return [{ port, from: addressesOf(host, 'lb'), comment: 'stick tables of the other load balancers' }]
}

/** The certificate of the link, for both ends of it; HAProxy must have it before its configuration. */
export function peersTasks(host: Host, reload: Handler): Tasks {
  if (!peersVars(host)) return []
  const { name, address } = host
  return [
    tls.internal({ directory, subject: name, ...(isIP(address) > 0 && { addresses: [address] }), notify: reload }),
    // where HAProxy looks for the key of server.pem
    file.link({ path: `${directory}/server.pem.key`, target: 'server.key' }),
  ]
}

/** For `verify`: HAProxy itself says with whom it exchanges its tables. */
export function peersChecks(host: Host): Tasks {
  const peers = peersVars(host)
  if (!peers) return []
  return peers.members
    .filter(({ name }) => name !== host.name)
    .map(({ name }) =>
      assert({
        name: `the stick tables are exchanged with ${name}`,
        // the connection lives in one of the directions only, and is made anew after a reload
        that: `tries=0
until echo 'show peers balancers' | socat - /run/haproxy/admin.sock | grep -A 3 'id=${name}(remote' | grep -q 'last_status=\\(ESTA\\|RECV\\)'; do
  tries=$((tries + 1))
  if [ "$tries" -gt 15 ]; then echo 'error: HAProxy has no session with ${name}' >&2; exit 1; fi
  sleep 1
done`,
      }),
    )
}
