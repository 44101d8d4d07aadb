// What is done for the site at night: backups, tests of restoring them, and a look at whether the hosts are still as the playbook says.
import type { Thresholds } from '../parameters.ts'
import type { Rule, Watched } from '../rules.ts'

export function backupRules(thresholds: Thresholds, { backups }: Watched): Rule[] {
  if (!backups) return []
  const success = 'hostwright_backup_last_success_timestamp_seconds'
  const test = 'hostwright_backup_last_restore_test_timestamp_seconds'
  return [
    {
      alert: 'BackupOld',
      expr: `time() - max by (repository, target) (${success}) > ${thresholds.backupHours * 3600}`,
      for: '5m',
      severity: 'critical',
      summary:
        'the last good backup of {{ $labels.repository }} in {{ $labels.target }} is {{ $value | humanizeDuration }} old',
      action: 'journalctl of the backup unit on the host that makes it; then start the unit by hand.',
    },
    {
      alert: 'BackupMissing',
      expr: `absent(${success})`,
      for: `${Math.ceil(thresholds.backupHours)}h`,
      severity: 'critical',
      summary: 'no host tells of any backup',
      action: 'Start the backup unit by hand and see what it says.',
    },
    {
      alert: 'RestoreTestOld',
      expr: `time() - max by (repository, target) (${test}) > ${thresholds.restoreTestDays * 86400}`,
      for: '1h',
      severity: 'warning',
      summary:
        'no backup of {{ $labels.repository }} in {{ $labels.target }} was restored as a test for {{ $value | humanizeDuration }}',
      action: 'journalctl of the restore test: a backup that cannot be restored is none.',
    },
  ]
}

/** Fed by `provision watch --metrics`; without it these never fire. Each monitor has a copy of the same figures: they are judged once. */
export function driftRules(): Rule[] {
  return [
    {
      alert: 'ConfigurationDrift',
      expr: 'max by (host) (hostwright_drifted_tasks) > 0',
      for: '15m',
      severity: 'warning',
      summary: '{{ $value }} tasks of the playbook would change {{ $labels.host }}',
      action: 'provision --check --diff --limit that host: somebody changed it by hand, or the playbook was not run.',
    },
    {
      alert: 'ProvisionFails',
      expr: 'max by (host) (hostwright_failed_tasks) > 0 or min by (host) (hostwright_host_reachable) == 0',
      for: '15m',
      severity: 'warning',
      summary: 'provision watch cannot look at all of {{ $labels.host }}',
      action: 'provision --check --limit that host says why.',
    },
    {
      alert: 'NobodyLooksForDrift',
      expr: 'time() - max(hostwright_last_run_timestamp_seconds) > 1800 or min(hostwright_last_run_valid) == 0',
      for: '5m',
      severity: 'warning',
      summary: 'provision watch has stopped, or cannot read its playbook',
      action: 'The unit or terminal that runs provision watch.',
    },
  ]
}
