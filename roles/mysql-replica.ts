// The second half of the role mysql, by the same name and so with the same parameters: a play of its own, because a play waits for all its
// hosts, and who takes writes is for the servers to say when all of them are there. The primary is opened and gets databases and accounts;
// the others follow it, seeded first if they are empty. In a group the servers elect it themselves.
import { assert, block, mysql as db, handler, role, shell, given as when } from 'hostwright'
import { accountTasks } from './mysql-accounts.ts'
import { memberTasks, verifyMember } from './mysql-group.ts'
import { flavourOf, opener, params, topologyOf } from './mysql-parameters.ts'

/** Opens the primary, makes databases and accounts there, and starts replication on all others. In a group: waits for the membership. */
export const mysqlReplica = role(
  'mysql',
  {
    params,
    verify: (given, host) => {
      if (given.topology === 'group') return verifyMember(given, host)
      const flavour = flavourOf(given, host)
      const source =
        flavour === 'mysql'
          ? `echo "SELECT HOST FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = '';" | mysql --batch --skip-column-names`
          : "echo 'SHOW SLAVE STATUS;' | mariadb --vertical | sed -n 's/^ *Master_Host: //p'"
      return [
        assert({
          name: 'the source of a replica answers over TLS with a certificate of the internal CA',
          that: `source=$(${source})
[ -z "$source" ] || echo "SHOW STATUS LIKE 'Ssl_version';" | ${flavour} --defaults-extra-file=/etc/mysql/replication-client.cnf --protocol=TCP --host="$source" --batch --skip-column-names | grep -E 'TLSv1\\.[23]'`,
        }),
      ]
    },
  },
  (given, host) => {
    if (given.topology === 'group') return memberTasks(given, host)
    const { peers } = topologyOf(given, host)
    const primary = db.primary({ program: opener })
    // it is asked whenever the server starts: one that had no source yet was told to stay closed, and its unit failed
    const askAgain = handler(
      shell.command({
        name: 'mysql-primary.service knows that this server may be as it is',
        run: 'if systemctl is-failed mysql-primary.service; then systemctl start mysql-primary.service; fi',
        changedWhen: ({ stdout }) => stdout.trim() === 'failed',
      }),
      { name: 'ask mysql-primary.service again' },
    )
    const [first, ...others] = peers
    return [
      primary,
      block({
        name: 'on the primary',
        when: when(primary, (found) => found.role === 'primary', 'another server is the primary'),
        tasks: accountTasks(given, host, flavourOf(given, host)),
      }),
      first !== undefined &&
        db.replication({
          source: [first, ...others],
          user: given.replicationUser,
          password: given.replicationPassword,
          ca: '/etc/mysql/tls/ca.pem',
          allowReseed: given.allowReseed,
          when: when(primary, (found) => found.role === 'replica', 'this server is the primary'),
          notify: askAgain,
        }),
    ]
  },
)
