// The database account of the monitors' exporter: the system user prometheus comes in over the local socket, without a password.
import { mysql as db, type Host, type Tasks } from 'hostwright'
import { membersOf } from './site.ts'

/** Made on the primary where the inventory has a group `monitor`; replicas get it by replication. It reads figures, never data. */
export function watcherTasks(host: Host, flavour: 'mysql' | 'mariadb'): Tasks {
  if (membersOf(host, 'monitor').length === 0) return []
  return db.user({
    user: 'prometheus',
    auth: 'socket',
    grants:
      flavour === 'mysql'
        ? { '*.*': ['PROCESS', 'REPLICATION CLIENT'], 'performance_schema.*': 'SELECT' }
        : { '*.*': ['PROCESS', 'SLAVE MONITOR', 'BINLOG MONITOR'] },
  })
}
