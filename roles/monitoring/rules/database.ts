// One server that takes writes, all others behind it and close. MySQL and MariaDB name the same figures differently.
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
  return [
    {
      alert: 'DatabaseDown',
      expr: 'mysql_up == 0',
      for: '30s',
      severity: 'critical',
      summary: 'the database server on {{ $labels.host }} does not answer',
      action: 'Its unit and log on that host. If it was the primary and stays dead: provision db failover.',
    },
    {
      alert: 'NoPrimary',
      expr: '(count(mysql_global_variables_read_only == 0) or vector(0)) == 0',
      for: '1m',
      severity: 'critical',
      summary: 'no database server takes writes',
      action: 'provision db status; then start the primary, or provision db failover if it is dead.',
    },
    {
      alert: 'TwoPrimaries',
      expr: 'count(mysql_global_variables_read_only == 0) > 1',
      for: '15s',
      severity: 'critical',
      summary: '{{ $value }} database servers take writes',
      action: 'Set read_only on the wrong one at once (provision db status shows which), then provision db rejoin.',
    },
    ...(topology === 'group' ? groupRules() : databases > 1 ? replicationRules(thresholds, databases - 1) : []),
  ]
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

function groupRules(): Rule[] {
  return [
    {
      alert: 'GroupMemberOffline',
      expr: 'max by (host, member_host) (mysql_perf_schema_replication_group_member_info{member_state!~"ONLINE|RECOVERING"}) == 1',
      for: '30s',
      severity: 'critical',
      summary: '{{ $labels.host }} sees the group member {{ $labels.member_host }} offline',
      action: 'provision db status; a member with errant transactions needs provision db rejoin.',
    },
  ]
}
