// Semi-synchronous replication: a commit is answered when a replica has received it too. Every server answers its source by its file; only
// the one that takes writes waits, from when it is opened (mysql-open-primary, provision db): a replica that waits for replicas of its own,
// which it does not have, would stand still for the whole timeout and then have given up waiting when it becomes the primary.
import { assert, type Host, ProvisionError, type Tasks } from 'hostwright'
import { type Checked, topologyOf } from './mysql-parameters.ts'

/** Throws where nobody could answer. */
export function checkSemiSync(given: Checked, host: Host): void {
  if (given.semiSync === false) return
  const refuse = (message: string, hint: string): never => {
    throw new ProvisionError({ code: 'playbook', message: `role mysql: ${message}`, hint })
  }
  if (given.topology === 'group')
    refuse(
      "semiSync is for topology 'replication': in a group every commit waits for a majority anyway",
      'Leave semiSync out.',
    )
  if (topologyOf(given, host).peers.length === 0)
    refuse(`semiSync needs a replica, and group ${given.group} has one server`, 'Add a server, or leave semiSync out.')
}

/** Libraries that MySQL loads for it; in MariaDB it is built in. */
export function semiSyncPlugins({ semiSync }: Checked): string[] {
  return semiSync === false ? [] : ['semisync_source.so', 'semisync_replica.so']
}

/** Options of the server, the same on all. */
export function semiSyncSettings({ semiSync }: Checked, flavour: 'mysql' | 'mariadb') {
  if (semiSync === false) return {}
  const { timeout = 10 } = semiSync === true ? {} : semiSync
  const milliseconds = Math.round(timeout * 1000)
  // the wait comes before the commit is seen: nobody reads a row that a failover takes back (MariaDB's default is after)
  return flavour === 'mysql'
    ? {
        loose_rpl_semi_sync_replica_enabled: true,
        loose_rpl_semi_sync_source_enabled: false,
        loose_rpl_semi_sync_source_timeout: milliseconds,
        loose_rpl_semi_sync_source_wait_point: 'AFTER_SYNC',
      }
    : {
        rpl_semi_sync_slave_enabled: true,
        rpl_semi_sync_master_enabled: false,
        rpl_semi_sync_master_timeout: milliseconds,
        rpl_semi_sync_master_wait_point: 'AFTER_SYNC',
      }
}

/** What it promises, asked of the running server. */
export function verifySemiSync({ semiSync }: Checked, flavour: 'mysql' | 'mariadb'): Tasks {
  if (semiSync === false) return []
  const [table, source, replica] =
    flavour === 'mysql'
      ? ['performance_schema.global_status', 'source', 'replica']
      : ['information_schema.GLOBAL_STATUS', 'master', 'slave']
  const value = (name: string) => `(SELECT VARIABLE_VALUE FROM ${table} WHERE VARIABLE_NAME = 'Rpl_semi_sync_${name}')`
  return assert({
    name: 'a commit waits for a replica, and a replica answers (semi-synchronous replication)',
    that: `${flavour} --batch --skip-column-names --execute="SELECT IF(@@GLOBAL.read_only, ${value(`${replica}_status`)} = 'ON', @@GLOBAL.rpl_semi_sync_${source}_enabled AND ${value(`${source}_clients`)} > 0)"`,
    expect: { stdout: '1' },
  })
}
