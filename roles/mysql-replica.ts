// Replication: every host of the group but the primary follows it, seeded first if it is empty. The second half of the role mysql, by the same
// name and so with the same parameters: a play of its own, because a play waits for all its hosts and the primary must be ready.
import { assert, mysql as db, role } from 'hostwright'
import { memberTasks, verifyMember } from './mysql-group.ts'
import { flavourOf, params, topologyOf } from './mysql-parameters.ts'

/** Starts replication from the primary; does nothing on the primary itself. In a group: waits for the membership, and makes the accounts. */
export const mysqlReplica = role(
  'mysql',
  {
    params,
    verify: (given, host) => {
      if (given.topology === 'group') return verifyMember(given, host)
      const { isPrimary, primary } = topologyOf(given, host)
      if (isPrimary) return []
      const flavour = flavourOf(given, host)
      const status = flavour === 'mysql' ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS'
      const ask = `echo '${status};' | ${flavour} --vertical`
      return [
        assert({
          name: 'both threads of replication run',
          that: `${ask} | grep -cE '^ *(Replica|Slave)_(IO|SQL)_Running: Yes$'`,
          expect: { stdout: '2' },
        }),
        assert({
          name: `the replica is at most ${given.maxLag} seconds behind`,
          that: `${ask} | awk -v most=${given.maxLag} '$1 ~ /^Seconds_Behind_(Source|Master):$/ { lag = $2 } END { print lag; exit !(lag ~ /^[0-9]+$/ && lag + 0 <= most) }'`,
        }),
        assert({
          name: 'the primary answers over TLS with a certificate of the internal CA',
          that: `echo "SHOW STATUS LIKE 'Ssl_version';" | ${flavour} --defaults-extra-file=/etc/mysql/replication-client.cnf --protocol=TCP --host=${primary} --batch --skip-column-names`,
          expect: { matches: /^Ssl_version\tTLSv1\.[23]\s*$/ },
        }),
      ]
    },
  },
  (given, host) => {
    if (given.topology === 'group') return memberTasks(given, host)
    const { isPrimary, primary } = topologyOf(given, host)
    return (
      !isPrimary &&
      db.replication({
        source: primary,
        user: given.replicationUser,
        password: given.replicationPassword,
        ca: '/etc/mysql/tls/ca.pem',
        allowReseed: given.allowReseed,
      })
    )
  },
)
