// The machines: there, with room on disks and in memory, on time, no unit failed; and the certificates on them.
import type { Thresholds } from '../parameters.ts'
import type { Rule } from '../rules.ts'

/** File systems on disks. */
const disks = '{fstype=~"ext[234]|xfs|btrfs|zfs|f2fs|overlay"}'

export function hostRules(thresholds: Thresholds, ignoreUnits: string | undefined): Rule[] {
  return [
    {
      alert: 'HostDown',
      expr: 'max by (host) (up{job=~"node|mysql|nginx|haproxy"}) == 0',
      for: '1m',
      severity: 'critical',
      summary: 'nothing on {{ $labels.host }} answers',
      action: 'Its power, its network, its console. Alerts of what runs on it are held back meanwhile.',
    },
    {
      alert: 'InstanceDown',
      expr: 'up == 0',
      for: '1m',
      severity: 'warning',
      summary: 'the {{ $labels.job }} metrics of {{ $labels.host }} ({{ $labels.instance }}) cannot be read',
      action: 'systemctl status of that exporter on the host; then provision --limit it.',
    },
    {
      alert: 'DiskFull',
      expr: `node_filesystem_avail_bytes${disks} / node_filesystem_size_bytes < 0.03`,
      for: '1m',
      severity: 'critical',
      summary: '{{ $labels.mountpoint }} on {{ $labels.host }} has {{ $value | humanizePercentage }} left',
      action: 'du -x on that mount point. Old releases, logs, and binary logs of the database are what grows.',
    },
    {
      alert: 'DiskLow',
      expr: `node_filesystem_avail_bytes${disks} / node_filesystem_size_bytes < ${thresholds.diskFree}`,
      for: '5m',
      severity: 'warning',
      summary: '{{ $labels.mountpoint }} on {{ $labels.host }} has {{ $value | humanizePercentage }} left',
      action: 'As for DiskFull, with more time.',
    },
    {
      alert: 'DiskFillsUp',
      expr: `predict_linear(node_filesystem_avail_bytes${disks}[6h], 86400) < 0 and node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.4`,
      for: '1h',
      severity: 'warning',
      summary: '{{ $labels.mountpoint }} on {{ $labels.host }} will be full within a day if it goes on like this',
      action: 'Find what writes (du -x, twice), before it is full.',
    },
    {
      alert: 'InodesLow',
      expr: `node_filesystem_files${disks} > 0 and node_filesystem_files_free / node_filesystem_files < ${thresholds.diskFree}`,
      for: '5m',
      severity: 'warning',
      summary: '{{ $labels.mountpoint }} on {{ $labels.host }} can hold few more files',
      action: 'du --inodes -x on that mount point: sessions, caches, mail queues.',
    },
    {
      alert: 'DiskReadOnly',
      expr: 'node_filesystem_readonly{fstype=~"ext[234]|xfs|btrfs",mountpoint=~"/|/var.*|/srv.*|/home.*"} == 1',
      for: '1m',
      severity: 'critical',
      summary: '{{ $labels.mountpoint }} on {{ $labels.host }} has become read-only',
      action: 'The disk had errors: dmesg. Move what runs there away before anything else.',
    },
    {
      alert: 'MemoryLow',
      expr: `node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < ${thresholds.memoryFree}`,
      for: '5m',
      severity: 'warning',
      summary: '{{ $labels.host }} has {{ $value | humanizePercentage }} of its memory left',
      action: 'ps --sort=-rss on the host. The kernel will end the largest program when nothing is left.',
    },
    {
      alert: 'KilledForMemory',
      expr: 'increase(node_vmstat_oom_kill[10m]) > 0',
      for: '0s',
      severity: 'warning',
      summary: 'the kernel of {{ $labels.host }} ended a program because memory ran out',
      action: 'journalctl -k names it. systemd has started it again if it is a service.',
    },
    {
      alert: 'ClockWrong',
      expr: `abs(node_time_seconds - timestamp(node_time_seconds)) > ${thresholds.clock}`,
      for: '2m',
      severity: 'warning',
      summary: 'the clock of {{ $labels.host }} is {{ $value | humanizeDuration }} from that of the monitor',
      action: 'timedatectl on both: who is not synchronized? Certificates, logs and replication rely on it.',
    },
    {
      alert: 'ClockUnsynchronised',
      expr: 'node_timex_sync_status == 0 and node_timex_maxerror_seconds >= 16',
      for: '30m',
      severity: 'warning',
      summary: 'nothing keeps the clock of {{ $labels.host }} right',
      action: 'timedatectl timesync-status, or chronyc sources: the firewall outside must let UDP 123 pass.',
    },
    {
      alert: 'UnitFailed',
      expr: `node_systemd_unit_state{state="failed"${ignoreUnits === undefined ? '' : `,name!~"${ignoreUnits}"`}} == 1`,
      for: '2m',
      severity: 'warning',
      summary: '{{ $labels.name }} on {{ $labels.host }} has failed',
      action: 'journalctl -u that unit; systemctl reset-failed when it is settled.',
    },
  ]
}

const notAfter = 'hostwright_certificate_not_after_timestamp_seconds'
/** What remains of a certificate's lifetime: the same rule for one of a week and one of years. */
const remaining = `(${notAfter} - time()) / (${notAfter} - hostwright_certificate_not_before_timestamp_seconds)`

export function certificateRules(): Rule[] {
  return [
    {
      alert: 'CertificateNotRenewed',
      // renewal is due when a third remains: a day later it should have happened
      expr: `${remaining} < 1/3`,
      for: '1d',
      severity: 'warning',
      summary:
        '{{ $labels.path }} on {{ $labels.host }} should have been renewed: {{ $value | humanizePercentage }} of its lifetime is left',
      action: 'certbot renew --dry-run on that host says what hinders it.',
    },
    {
      alert: 'CertificateExpires',
      expr: `${remaining} < 1/6`,
      for: '10m',
      severity: 'critical',
      summary: '{{ $labels.path }} on {{ $labels.host }} has {{ $value | humanizePercentage }} of its lifetime left',
      action: 'As for CertificateNotRenewed, today. Internal certificates: a new secret tls.ca and a run.',
    },
    {
      alert: 'ServedCertificateExpires',
      expr: 'probe_ssl_earliest_cert_expiry - time() < 86400',
      for: '10m',
      severity: 'critical',
      summary: 'the certificate that {{ $labels.instance }} serves ends in {{ $value | humanizeDuration }}',
      action: 'If the file on the host is newer, HAProxy was not reloaded: systemctl reload haproxy.',
    },
  ]
}
