// For every alert figures that make it fire, what it then says, and figures that must leave it quiet. `promtool test rules` judges them
// (test/production/monitoring.test.ts); that no alert is without a case is a unit test.
import type { Rule } from '../../../roles/monitoring/rules.ts'

/** Time series in promtool's notation: `0x8` is nine zeros, one each 15 seconds. */
type Series = Readonly<Record<string, string>>

export interface AlertCase {
  readonly alert: string
  readonly fires: Series
  /** Labels of the alert, beside its severity. */
  readonly labels: Readonly<Record<string, string>>
  readonly summary: string
  /** When it must have fired. Hours make figures of one each 5 minutes. @default 15m */
  readonly at?: string
  /** The topology whose rule is meant. @default 'replication' */
  readonly topology?: 'group'
  /** Much like `fires`, and no reason to wake anybody. @default no figures at all */
  readonly quiet?: Series
}

const always = (value: number | string) => `${value}x400`
const node = 'host="web1",instance="192.0.2.12:9100",job="node"'
const disk = `${node},fstype="ext4",mountpoint="/srv"`
const probe = (kind: string) =>
  `probe_success{kind="${kind}",host="lb1",domain="www.foobar.com",instance="https://192.0.2.11/healthz",job="probe"}`
const probed = (kind: string) => ({
  kind,
  host: 'lb1',
  domain: 'www.foobar.com',
  instance: 'https://192.0.2.11/healthz',
  job: 'probe',
})
const web1 = { host: 'web1', instance: '192.0.2.12:9100', job: 'node' }
const srv = { ...web1, fstype: 'ext4', mountpoint: '/srv' }
const holds = (host: string) => `node_network_address_info{address="192.0.2.100",host="${host}"}`
const readOnly = (host: string) => `mysql_global_variables_read_only{host="${host}"}`
/** How a member of a group sees all members. */
const sees = (host: string, ...states: readonly string[]): Series =>
  Object.fromEntries(
    states.map((state, index) => [
      `mysql_perf_schema_replication_group_member_info{host="${host}",member_host="192.0.2.${11 + index}",member_state="${state}"}`,
      always(1),
    ]),
  )
const applies = (host: string, worker: number) =>
  `mysql_perf_schema_applying_transaction_original_commit_timestamp_seconds{host="${host}",channel_name="group_replication_applier",member_id="${worker}"}`
const responses = (code: string) => `haproxy_frontend_http_responses_total{proxy="https",host="lb1",code="${code}"}`
const space = (available: number | string, files = always(500)): Series => ({
  [`node_filesystem_avail_bytes{${disk}}`]: typeof available === 'number' ? always(available) : available,
  [`node_filesystem_size_bytes{${disk}}`]: always(1000),
  [`node_filesystem_files{${disk}}`]: always(1000),
  [`node_filesystem_files_free{${disk}}`]: files,
})
const certificate = (from: number, until: number): Series => ({
  [`hostwright_certificate_not_before_timestamp_seconds{path="/etc/haproxy/certs/a.pem",${node}}`]: `${from}x400`,
  [`hostwright_certificate_not_after_timestamp_seconds{path="/etc/haproxy/certs/a.pem",${node}}`]: `${until}x400`,
})
const certified = { ...web1, path: '/etc/haproxy/certs/a.pem' }

/** Alerts of a site with everything: floating address, replication, backups, two monitors. */
export const cases: readonly AlertCase[] = [
  {
    alert: 'Watchdog',
    fires: {},
    labels: {},
    summary: 'always fires: whoever no longer hears it knows that the monitors are dead',
  },
  {
    alert: 'SiteDown',
    fires: { [probe('site')]: always(0) },
    labels: probed('site'),
    summary: 'www.foobar.com does not answer at https://192.0.2.11/healthz',
    quiet: { [probe('site')]: '1 1 0 1 1 0 1x100', [probe('balancer')]: always(0) },
  },
  {
    alert: 'BalancerDown',
    fires: { [probe('balancer')]: always(0) },
    labels: probed('balancer'),
    summary: 'lb1 would not serve www.foobar.com if it held the address',
    quiet: { [probe('balancer')]: always(1) },
  },
  {
    alert: 'RedirectBroken',
    fires: { [probe('redirect')]: always(0) },
    labels: probed('redirect'),
    summary: 'https://192.0.2.11/healthz does not redirect to https',
    quiet: { [probe('redirect')]: always(1) },
  },
  {
    alert: 'ProbeFailed',
    fires: { [probe('probe')]: always(0) },
    labels: probed('probe'),
    summary: 'https://192.0.2.11/healthz does not answer as it should',
    quiet: { [probe('probe')]: always(1) },
  },
  {
    alert: 'BackendDown',
    fires: { 'haproxy_server_status{proxy="web",state="DOWN",server="web1",host="lb1"}': always(1) },
    labels: { proxy: 'web', state: 'DOWN', server: 'web1', host: 'lb1' },
    summary: 'lb1 sends nothing to web1, which fails its health check',
    // a replica is rightly down for writes
    quiet: { 'haproxy_server_status{proxy="db_write",state="DOWN",server="db2",host="lb1"}': always(1) },
  },
  {
    alert: 'NoServerLeft',
    fires: { 'haproxy_backend_status{proxy="db_write",state="DOWN",host="lb1"}': always(1) },
    labels: { proxy: 'db_write', state: 'DOWN', host: 'lb1' },
    summary: 'lb1 has no server left for db_write',
    quiet: { 'haproxy_backend_status{proxy="db_write",state="DOWN",host="lb1"}': always(0) },
  },
  {
    alert: 'ManyErrors',
    fires: { [responses('5xx')]: '0+10x100', [responses('2xx')]: '0+90x100' },
    labels: { host: 'lb1' },
    summary: 'lb1 answers 10% of requests with an error of ours (5xx)',
    // a quarter fails, of hardly any
    quiet: { [responses('5xx')]: '0x40 1x60', [responses('2xx')]: '0x40 3x60' },
  },
  {
    alert: 'AddressHeldByNobody',
    fires: { 'node_network_address_info{address="192.0.2.11",host="lb1"}': always(1) },
    labels: { address: '192.0.2.100' },
    summary: "no host holds the site's address 192.0.2.100",
    quiet: { [holds('lb1')]: always(1) },
  },
  {
    alert: 'AddressHeldTwice',
    fires: { [holds('lb1')]: always(1), [holds('lb2')]: always(1) },
    labels: {},
    summary: "2 hosts hold the site's address 192.0.2.100",
    quiet: { [holds('lb1')]: always(1) },
  },
  {
    alert: 'DatabaseDown',
    fires: { 'mysql_up{host="db1"}': always(0) },
    labels: { host: 'db1' },
    summary: 'the database server on db1 does not answer',
    quiet: { 'mysql_up{host="db1"}': always(1) },
  },
  {
    alert: 'NoPrimary',
    fires: { [readOnly('db1')]: always(1), [readOnly('db2')]: always(1) },
    labels: {},
    summary: 'no database server takes writes',
    quiet: { [readOnly('db1')]: always(0), [readOnly('db2')]: always(1) },
  },
  {
    alert: 'TwoPrimaries',
    fires: { [readOnly('db1')]: always(0), [readOnly('db2')]: always(0) },
    labels: {},
    summary: '2 database servers take writes',
    quiet: { [readOnly('db1')]: always(0), [readOnly('db2')]: always(1) },
  },
  {
    alert: 'ReplicationStopped',
    fires: { 'mysql_slave_status_slave_sql_running{host="db2"}': always(0) },
    labels: { host: 'db2' },
    summary: 'replication on db2 has stopped',
    quiet: {
      'mysql_slave_status_replica_io_running{host="db2"}': always(1),
      'mysql_slave_status_replica_sql_running{host="db2"}': always(1),
    },
  },
  {
    alert: 'ReplicationLags',
    fires: { 'mysql_slave_status_seconds_behind_source{host="db2"}': always(90) },
    labels: { host: 'db2' },
    summary: 'db2 is 1m 30s behind the primary',
    quiet: { 'mysql_slave_status_seconds_behind_master{host="db2"}': always(20) },
  },
  {
    alert: 'ReplicaMissing',
    fires: { 'mysql_slave_status_replica_io_running{host="db1"}': '_x100' },
    labels: {},
    summary: 'only 0 of 1 database servers follow the primary',
    quiet: { 'mysql_slave_status_slave_io_running{host="db2"}': always(1) },
  },
  {
    alert: 'HostDown',
    fires: { 'up{job="node",host="web1"}': always(0), 'up{job="nginx",host="web1"}': always(0) },
    labels: { host: 'web1' },
    summary: 'nothing on web1 answers',
    quiet: { 'up{job="node",host="web1"}': always(0), 'up{job="nginx",host="web1"}': always(1) },
  },
  {
    alert: 'InstanceDown',
    fires: { 'up{job="node",host="web1",instance="192.0.2.12:9100"}': always(0) },
    labels: web1,
    summary: 'the node metrics of web1 (192.0.2.12:9100) cannot be read',
    quiet: { 'up{job="node",host="web1",instance="192.0.2.12:9100"}': '1 1 0 0 1x100' },
  },
  {
    alert: 'DiskFull',
    fires: space(20),
    labels: srv,
    summary: '/srv on web1 has 2% left',
    quiet: space(50),
  },
  {
    alert: 'DiskLow',
    fires: space(80),
    labels: srv,
    summary: '/srv on web1 has 8% left',
    quiet: {
      [`node_filesystem_avail_bytes{${node},fstype="tmpfs",mountpoint="/run"}`]: always(0),
      [`node_filesystem_size_bytes{${node},fstype="tmpfs",mountpoint="/run"}`]: always(1000),
    },
  },
  {
    alert: 'DiskFillsUp',
    fires: space('1000-5x400'),
    labels: srv,
    summary: '/srv on web1 will be full within a day if it goes on like this',
    at: '13h',
    quiet: space('1000-1x400'),
  },
  {
    alert: 'InodesLow',
    fires: space(500, always(50)),
    labels: srv,
    summary: '/srv on web1 can hold few more files',
    quiet: space(500),
  },
  {
    alert: 'DiskReadOnly',
    fires: { [`node_filesystem_readonly{${disk}}`]: always(1) },
    labels: srv,
    summary: '/srv on web1 has become read-only',
    quiet: { [`node_filesystem_readonly{${node},fstype="squashfs",mountpoint="/snap/x"}`]: always(1) },
  },
  {
    alert: 'MemoryLow',
    fires: {
      [`node_memory_MemAvailable_bytes{${node}}`]: always(4),
      [`node_memory_MemTotal_bytes{${node}}`]: always(100),
    },
    labels: web1,
    summary: 'web1 has 4% of its memory left',
    quiet: {
      [`node_memory_MemAvailable_bytes{${node}}`]: always(10),
      [`node_memory_MemTotal_bytes{${node}}`]: always(100),
    },
  },
  {
    alert: 'KilledForMemory',
    fires: { [`node_vmstat_oom_kill{${node}}`]: '3x40 4x60' },
    labels: web1,
    summary: 'the kernel of web1 ended a program because memory ran out',
    quiet: { [`node_vmstat_oom_kill{${node}}`]: always(4) },
  },
  {
    alert: 'ClockWrong',
    fires: { [`node_time_seconds{${node}}`]: '5+15x100' },
    labels: web1,
    summary: 'the clock of web1 is 5s from that of the monitor',
    quiet: { [`node_time_seconds{${node}}`]: '1+15x100' },
  },
  {
    alert: 'ClockUnsynchronised',
    fires: {
      [`node_timex_sync_status{${node}}`]: '0x400',
      [`node_timex_maxerror_seconds{${node}}`]: '16x400',
    },
    labels: web1,
    summary: 'nothing keeps the clock of web1 right',
    at: '40m',
    quiet: {
      [`node_timex_sync_status{${node}}`]: '0x400',
      [`node_timex_maxerror_seconds{${node}}`]: '0.5x400',
    },
  },
  {
    alert: 'UnitFailed',
    fires: { [`node_systemd_unit_state{${node},name="app.service",state="failed"}`]: always(1) },
    labels: { ...web1, name: 'app.service', state: 'failed' },
    summary: 'app.service on web1 has failed',
    quiet: { [`node_systemd_unit_state{${node},name="ignored.service",state="failed"}`]: always(1) },
  },
  {
    alert: 'CertificateNotRenewed',
    fires: certificate(-64 * 86400, 26 * 86400),
    labels: certified,
    summary: '/etc/haproxy/certs/a.pem on web1 should have been renewed: 27.69% of its lifetime is left',
    at: '26h',
    quiet: certificate(-40 * 86400, 50 * 86400),
  },
  {
    alert: 'CertificateExpires',
    fires: certificate(-80 * 86400, 10 * 86400),
    labels: certified,
    summary: '/etc/haproxy/certs/a.pem on web1 has 11.1% of its lifetime left',
    // one of six days, half of which remain
    quiet: certificate(-3 * 86400, 3 * 86400),
  },
  {
    alert: 'ServedCertificateExpires',
    fires: { 'probe_ssl_earliest_cert_expiry{instance="https://192.0.2.11/healthz"}': always(44100) },
    labels: { instance: 'https://192.0.2.11/healthz' },
    summary: 'the certificate that https://192.0.2.11/healthz serves ends in 12h 0m 0s',
    quiet: { 'probe_ssl_earliest_cert_expiry{instance="https://192.0.2.11/healthz"}': always(200_000) },
  },
  {
    alert: 'BackupOld',
    fires: {
      'hostwright_backup_last_success_timestamp_seconds{host="db2",repository="site",target="bak1"}': '-97200x100',
    },
    labels: { repository: 'site', target: 'bak1' },
    summary: 'the last good backup of site in bak1 is 1d 3h 15m 0s old',
    quiet: {
      'hostwright_backup_last_success_timestamp_seconds{host="db1",repository="site",target="bak1"}': '-97200x100',
      'hostwright_backup_last_success_timestamp_seconds{host="db2",repository="site",target="bak1"}': '-3600x100',
    },
  },
  {
    alert: 'BackupMissing',
    fires: { 'up{host="db1"}': '1x400' },
    labels: {},
    summary: 'no host tells of any backup',
    at: '27h',
    quiet: { 'hostwright_backup_last_success_timestamp_seconds{host="db2"}': '0x400' },
  },
  {
    alert: 'RestoreTestOld',
    fires: { 'hostwright_backup_last_restore_test_timestamp_seconds{repository="site",target="bak1"}': '-777600x100' },
    labels: { repository: 'site', target: 'bak1' },
    summary: 'no backup of site in bak1 was restored as a test for 9d 2h 0m 0s',
    at: '2h',
    quiet: { 'hostwright_backup_last_restore_test_timestamp_seconds{host="db2"}': '-86400x100' },
  },
  {
    alert: 'ConfigurationDrift',
    // each monitor has the figures: one alert
    fires: Object.fromEntries(
      ['mon1', 'mon2'].map((name) => [`hostwright_drifted_tasks{host="web1",instance="${name}:9100"}`, '2x200']),
    ),
    labels: { host: 'web1' },
    summary: '2 tasks of the playbook would change web1',
    at: '20m',
    quiet: { 'hostwright_drifted_tasks{host="web1"}': '2x20 0x200' },
  },
  {
    alert: 'ProvisionFails',
    fires: { 'hostwright_host_reachable{host="web1"}': '0x200' },
    labels: { host: 'web1' },
    summary: 'provision watch cannot look at all of web1',
    at: '20m',
    quiet: { 'hostwright_host_reachable{host="web1"}': '1x200', 'hostwright_failed_tasks{host="web1"}': '0x200' },
  },
  {
    alert: 'NobodyLooksForDrift',
    fires: { hostwright_last_run_timestamp_seconds: '0x400' },
    labels: {},
    summary: 'provision watch has stopped, or cannot read its playbook',
    at: '40m',
    quiet: { hostwright_last_run_timestamp_seconds: '0+15x400', hostwright_last_run_valid: '1x400' },
  },
  {
    alert: 'MonitorConfigurationBroken',
    fires: { 'prometheus_config_last_reload_successful{job="prometheus",host="mon1"}': always(0) },
    labels: { job: 'prometheus', host: 'mon1' },
    summary: 'prometheus on mon1 could not load its configuration and runs an old one',
    quiet: { 'alertmanager_config_last_reload_successful{job="alertmanager",host="mon1"}': always(1) },
  },
  {
    alert: 'RulesFail',
    fires: { 'prometheus_rule_evaluation_failures_total{host="mon1",rule_group="own"}': '0+1x100' },
    labels: { host: 'mon1', rule_group: 'own' },
    summary: 'Prometheus on mon1 cannot evaluate own',
    quiet: { 'prometheus_rule_evaluation_failures_total{host="mon1",rule_group="own"}': always(3) },
  },
  {
    alert: 'AlertmanagerMissing',
    fires: { 'prometheus_notifications_alertmanagers_discovered{host="mon1"}': always(1) },
    labels: { host: 'mon1' },
    summary: 'Prometheus on mon1 does not reach every Alertmanager',
    quiet: {
      'prometheus_notifications_alertmanagers_discovered{host="mon1"}': always(2),
      // the other monitor is dead, which HostDown tells
      'prometheus_notifications_errors_total{host="mon1"}': '0+1x100',
      'up{job="alertmanager",host="mon2"}': always(0),
    },
  },
  {
    alert: 'AlertsNotDelivered',
    fires: { 'alertmanager_notifications_failed_total{host="mon1",integration="email"}': '0+1x100' },
    labels: { host: 'mon1', integration: 'email' },
    summary: 'Alertmanager on mon1 cannot deliver to email',
    quiet: { 'alertmanager_notifications_failed_total{host="mon1",integration="email"}': always(5) },
  },
  {
    alert: 'ScriptMetricsBroken',
    fires: { [`node_textfile_scrape_error{${node}}`]: always(1) },
    labels: web1,
    summary: 'a .prom file on web1 cannot be read',
    quiet: { [`node_textfile_scrape_error{${node}}`]: always(0) },
  },
  {
    alert: 'AlertmanagersSplit',
    fires: { 'alertmanager_cluster_members{host="mon1"}': always(1) },
    labels: { host: 'mon1' },
    summary: 'Alertmanager on mon1 sees 1 of 2 members: alerts may come twice',
    quiet: {
      'alertmanager_cluster_members{host="mon1"}': always(2),
      'alertmanager_cluster_members{host="mon2"}': always(1),
      'up{job="alertmanager",host="mon1"}': always(0),
    },
  },
  {
    alert: 'TwoPrimaries',
    topology: 'group',
    fires: {
      [readOnly('db1')]: always(0),
      [readOnly('db2')]: always(0),
      ...sees('db1', 'ONLINE', 'ONLINE', 'UNREACHABLE'),
      ...sees('db2', 'ONLINE', 'ONLINE', 'ONLINE'),
    },
    labels: {},
    summary: '2 database servers take writes',
    // db1 was cut off, and has not given up its place yet
    quiet: {
      [readOnly('db1')]: always(0),
      [readOnly('db2')]: always(0),
      ...sees('db1', 'ONLINE', 'UNREACHABLE', 'UNREACHABLE'),
      ...sees('db2', 'UNREACHABLE', 'ONLINE', 'ONLINE'),
    },
  },
  {
    alert: 'GroupMemberOffline',
    topology: 'group',
    fires: {
      'mysql_up{host="db3",instance="192.0.2.13:9104",job="mysql"}': always(1),
      ...sees('db3', 'OFFLINE'),
    },
    labels: { host: 'db3', instance: '192.0.2.13:9104', job: 'mysql' },
    summary: 'the database server on db3 runs, but not as a member of its group',
    // db1 and db2 go on without it, and it is on its way back
    quiet: {
      'mysql_up{host="db1"}': always(1),
      'mysql_up{host="db3"}': always(1),
      ...sees('db1', 'ONLINE', 'ONLINE'),
      ...sees('db3', 'ONLINE', 'ONLINE', 'RECOVERING'),
    },
  },
  {
    alert: 'GroupMemberRecovers',
    topology: 'group',
    fires: { ...sees('db1', 'ONLINE', 'ONLINE', 'RECOVERING'), ...sees('db2', 'ONLINE', 'ONLINE', 'RECOVERING') },
    labels: { member_host: '192.0.2.13' },
    summary: 'the database server 192.0.2.13 has been joining its group for an hour',
    at: '2h',
    quiet: sees('db1', 'ONLINE', 'ONLINE', 'ONLINE'),
  },
  {
    alert: 'GroupMemberLags',
    topology: 'group',
    // the worker is at what was committed at the start; time in promtool begins at 0, which is a worker that waits
    fires: { [applies('db2', 1)]: always(1), [applies('db2', 2)]: always(0) },
    labels: { host: 'db2' },
    summary: 'db2 is 14m 59s behind its group',
    quiet: { [applies('db2', 1)]: '0+15x100', [applies('db2', 2)]: always(0) },
  },
]

/** The cases of one of the two ways in which databases are kept alike. */
export function casesOf(topology: 'replication' | 'group'): AlertCase[] {
  return cases.filter((entry) => (entry.topology ?? 'replication') === topology)
}

/** The input of `promtool test rules` for a rule file; JSON is YAML. What takes hours is judged in larger steps, or it would take minutes to judge. */
export function promtoolTests(
  ruleFile: string,
  { rules, topology }: { readonly rules: readonly Rule[]; readonly topology: 'replication' | 'group' },
  span: 'minutes' | 'hours',
): object {
  const isLong = ({ at }: AlertCase) => at?.endsWith('h') ?? false
  const chosen = casesOf(topology).filter((entry) => isLong(entry) === (span === 'hours'))
  const known = chosen.flatMap((entry) =>
    rules.filter(({ alert }) => alert === entry.alert).map((rule) => ({ entry, rule })),
  )
  return {
    rule_files: [ruleFile],
    evaluation_interval: span === 'hours' ? '20m' : '1m',
    tests: known.flatMap(({ entry, rule }) => [
      test(entry.alert, entry.fires, entry.at, [
        {
          exp_labels: { ...entry.labels, severity: rule.severity },
          exp_annotations: { summary: entry.summary, action: rule.action },
        },
      ]),
      ...(entry.quiet ? [test(entry.alert, entry.quiet, entry.at, [])] : []),
    ]),
  }
}

function test(alert: string, series: Series, at: string | undefined, expected: readonly object[]): object {
  return {
    interval: at?.endsWith('h') ? '5m' : '15s',
    input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
    alert_rule_test: [{ eval_time: at ?? '15m', alertname: alert, exp_alerts: expected }],
  }
}
