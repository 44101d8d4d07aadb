// Load balancers tell each other what their stick tables hold, so that a limit that a client has reached holds on all of them, and stays
// when the floating address moves. One load balancer alone has no peers.
import { assert, type Host, type Opening, type Tasks } from 'hostwright'
import { internalCertificates } from './haproxy-certificate.ts'
import { addressesOf, membersOf } from './site.ts'

const port = 10_000

/** For the template: all load balancers, this host's own name and where the certificate is; false for a balancer alone. */
export function peersVars(host: Host) {
  const members = membersOf(host, 'lb').map(({ name, connection }) => ({ name, address: connection.address }))
  return members.length > 1 && host.isIn('lb') && { own: host.name, members, directory: internalCertificates, port }
}

/** For `openings`. */
export function peersOpenings(host: Host): Opening[] {
  if (!peersVars(host)) return []
  return [{ port, from: addressesOf(host, 'lb'), comment: 'stick tables of the other load balancers' }]
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
