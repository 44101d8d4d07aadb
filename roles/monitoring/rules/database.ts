// One server that takes writes, all others behind it and close, or a group that is whole. MySQL and MariaDB name the same figures differently.
import type { Thresholds } from '../parameters.ts'
import type { Rule, Watched } from '../rules.ts'

const status = (mysql: string, mariadb: string) => [`mysql_slave_status_${mysql}`, `mysql_slave_status_${mariadb}`]
const threads = [
  ...status('replica_io_running', 'slave_io_running'),
  ...status('replica_sql_running', 'slave_sql_running'),
]
const lag = status('seconds_behind_source', 'seconds_behind_master')

export function databaseRules(thresholds: Thresholds, { databases, topology }: Watched): Rule[] {
  if (databases === 0) return []
  if (topology === 'group') return groupRules(thresholds, databases)
  return [
    databaseDown('Its unit and log on that host. If it was the primary and stays dead: provision db failover.'),
    noPrimary('provision db status; then start the primary, or provision db failover if it is dead.'),
    twoPrimaries(
      takesWrites,
      'Set read_only on the wrong one at once (provision db status shows which), then provision db rejoin.',
    ),
    ...(databases > 1 ? replicationRules(thresholds, databases - 1) : []),
  ]
}

const takesWrites = 'mysql_global_variables_read_only == 0'

function databaseDown(action: string): Rule {
  return {
    alert: 'DatabaseDown',
    expr: 'mysql_up == 0',
    for: '30s',
    severity: 'critical',
    summary: 'the database server on {{ $labels.host }} does not answer',
    action,
  }
}

function noPrimary(action: string): Rule {
  return {
    alert: 'NoPrimary',
    expr: `(count(${takesWrites}) or vector(0)) == 0`,
    for: '1m',
    severity: 'critical',
    summary: 'no database server takes writes',
    action,
  }
}

function twoPrimaries(each: string, action: string): Rule {
  return {
    alert: 'TwoPrimaries',
    expr: `count(${each}) > 1`,
    for: '15s',
    severity: 'critical',
    summary: '{{ $value }} database servers take writes',
    action,
  }
}

function replicationRules(thresholds: Thresholds, replicas: number): Rule[] {
  return [
    {
      alert: 'ReplicationStopped',
      expr: threads.map((name) => `${name} == 0`).join(' or '),
      for: '30s',
      severity: 'critical',
      summary: 'replication on {{ $labels.host }} has stopped',
      action: 'provision db status shows the error; provision repairs what it can without losing data.',
    },
    {
      alert: 'ReplicationLags',
      expr: lag.map((name) => `${name} > ${thresholds.replicationLag}`).join(' or '),
      for: '2m',
      severity: 'warning',
      summary: '{{ $labels.host }} is {{ $value | humanizeDuration }} behind the primary',
      action: 'Long writes on the primary, or a slow disk on the replica. Reads from it are old until it is through.',
    },
    {
      alert: 'ReplicaMissing',
      expr: `(count(count by (host) (${threads.slice(0, 2).join(' or ')})) or vector(0)) < ${replicas}`,
      for: '5m',
      severity: 'warning',
      summary: `only {{ $value }} of ${replicas} database servers follow the primary`,
      action: 'After a failover: provision db rejoin for the old primary. Else provision seeds the replica.',
    },
  ]
}

const member = 'mysql_perf_schema_replication_group_member_info'
/** When the transaction was committed that a member's worker is at; 0 for a worker that waits. */
const applying = 'mysql_perf_schema_applying_transaction_original_commit_timestamp_seconds'

/** How many seconds a member is behind its group. */
export const groupLag = `max by (host) (time() - (${applying}{channel_name="group_replication_applier"} > 0))`

/** They elect their primary and join by themselves: what there is to tell is who does not. Each member is asked how it sees the group. */
function groupRules(thresholds: Thresholds, members: number): Rule[] {
  const majority = Math.floor(members / 2) + 1
  const seesMajority = `(count by (host) (${member}{member_state="ONLINE"}) >= ${majority})`
  return [
    databaseDown('Its unit and log on that host. The others go on without it, and it joins by itself when it runs.'),
    noPrimary(
      `provision db status. ${majority} of the ${members} members must run and hear each other; then they elect one by themselves.`,
    ),
    // one that was cut off believes for some seconds that it is the primary still, but commits nothing
    twoPrimaries(
      `${takesWrites} and on (host) ${seesMajority}`,
      'provision db status; stop mysql-group and mysql on all but the one that most members follow.',
    ),
    {
      alert: 'GroupMemberOffline',
      expr: `mysql_up == 1 unless on (host) ${seesMajority}`,
      for: '1m',
      severity: 'critical',
      summary: 'the database server on {{ $labels.host }} runs, but not as a member of its group',
      action:
        'systemctl status mysql-group there says why it cannot join. For transactions that only it has see docs/roles/mysql-group.md.',
    },
    {
      alert: 'GroupMemberRecovers',
      expr: `max by (member_host) (${member}{member_state="RECOVERING"}) == 1`,
      for: '1h',
      severity: 'warning',
      summary: 'the database server {{ $labels.member_host }} has been joining its group for an hour',
      action: 'A copy of large databases takes its time. Else the log of mysql on that host says what it waits for.',
    },
    {
      alert: 'GroupMemberLags',
      expr: `${groupLag} > ${thresholds.replicationLag}`,
      for: '2m',
      severity: 'warning',
      summary: '{{ $labels.host }} is {{ $value | humanizeDuration }} behind its group',
      action:
        'A slow disk, a long write, or a lock that somebody holds there. Reads from it are old until it is through.',
    },
  ]
}
