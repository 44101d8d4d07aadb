// The databases and accounts of a group of servers: made on the one that takes writes, they replicate.
import { mysql as db, type Host, type Tasks } from 'hostwright'
import { checker, checkerGrants } from './dbcheck.ts'
import type { Checked } from './mysql-parameters.ts'
import { watcherTasks } from './mysql-watcher.ts'

/** Databases, the account by which the servers reach each other, and those of the applications. */
export function accountTasks(given: Checked, host: Host, flavour: 'mysql' | 'mariadb'): Tasks {
  return [
    given.databases.map((entry) =>
      typeof entry === 'string'
        ? db.database({ database: entry })
        : db.database({
            database: entry.name,
            ...(entry.charset !== undefined && { charset: entry.charset }),
            ...(entry.collation !== undefined && { collation: entry.collation }),
          }),
    ),
    db.user(replicationAccount(given, flavour)),
    db.user({ user: checker, auth: 'socket', grants: checkerGrants[flavour] }),
    watcherTasks(host, flavour),
    given.users.flatMap(({ name, hosts, password, auth, tls: required, grants }) =>
      hosts.map((from) =>
        db.user({
          user: name,
          host: from,
          ...(password !== undefined && { password }),
          ...(auth !== undefined && { auth }),
          tls: required ?? (from === 'localhost' || auth === 'socket' ? 'none' : 'ssl'),
          grants,
        }),
      ),
    ),
  ]
}

/** The account by which the servers reach each other, always over TLS. */
export function replicationAccount(given: Checked, flavour: 'mysql' | 'mariadb') {
  return {
    user: given.replicationUser,
    host: given.replicationFrom,
    password: given.replicationPassword,
    tls: 'ssl' as const,
    grants: given.topology === 'group' ? groupPrivileges : { '*.*': replicationPrivileges[flavour] },
  }
}

/** What a replica needs to follow, and to be seeded: the clone plugin's right, or those of a dump. */
const replicationPrivileges = {
  mysql: ['REPLICATION SLAVE', 'BACKUP_ADMIN'],
  mariadb: ['REPLICATION SLAVE', 'BINLOG MONITOR', 'SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'LOCK TABLES', 'RELOAD'],
}

/** A member also tells the others how it is, and lets a joining one in while it is in offline mode. */
const groupPrivileges = {
  '*.*': ['REPLICATION SLAVE', 'BACKUP_ADMIN', 'CONNECTION_ADMIN', 'SHOW DATABASES'],
  'performance_schema.*': ['SELECT'],
}
