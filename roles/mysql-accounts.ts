// The databases and accounts of a group of servers: made on the one that takes writes, they replicate.
import { mysql as db, type Tasks } from 'hostwright'
import { checker, checkerGrants } from './dbcheck.ts'
import type { Checked } from './mysql-parameters.ts'

/** Databases, the account by which the servers reach each other, the one of their checks, and those of the applications. */
export function accountTasks(given: Checked, flavour: 'mysql' | 'mariadb'): Tasks {
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
    db.user({
      user: given.replicationUser,
      host: given.replicationFrom,
      password: given.replicationPassword,
      tls: 'ssl',
      grants: { '*.*': replicationPrivileges[flavour] },
    }),
    db.user({ user: checker, auth: 'socket', grants: checkerGrants[flavour] }),
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

/** What a replica needs to follow, and to be seeded: the clone plugin's right, or those of a dump. */
const replicationPrivileges = {
  mysql: ['REPLICATION SLAVE', 'BACKUP_ADMIN'],
  mariadb: ['REPLICATION SLAVE', 'BINLOG MONITOR', 'SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'LOCK TABLES', 'RELOAD'],
}
