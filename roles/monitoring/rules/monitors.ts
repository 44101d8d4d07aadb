// Who watches the watchers: the monitors, each other.
import type { Rule, Watched } from '../rules.ts'

/** Of a monitor that is dead HostDown or InstanceDown tells; what the others miss because of it is no news. */
const unlessDown = 'unless on () (up{job="alertmanager"} == 0)'

export function monitorRules({ monitors }: Watched): Rule[] {
  return [
    {
      alert: 'Watchdog',
      expr: 'vector(1)',
      for: '0s',
      severity: 'none',
      summary: 'always fires: whoever no longer hears it knows that the monitors are dead',
      action: 'Nothing. If the heartbeat service alarms, look at the monitors themselves.',
    },
    {
      alert: 'MonitorConfigurationBroken',
      expr: 'prometheus_config_last_reload_successful == 0 or alertmanager_config_last_reload_successful == 0 or blackbox_exporter_config_last_reload_successful == 0',
      for: '1m',
      severity: 'critical',
      summary: '{{ $labels.job }} on {{ $labels.host }} could not load its configuration and runs an old one',
      action: 'provision --limit that host; promtool check config, amtool check-config there.',
    },
    {
      alert: 'RulesFail',
      expr: 'increase(prometheus_rule_evaluation_failures_total[5m]) > 0',
      for: '5m',
      severity: 'critical',
      summary: 'Prometheus on {{ $labels.host }} cannot evaluate {{ $labels.rule_group }}',
      action: 'journalctl -u prometheus: a rule of extraRules most likely.',
    },
    {
      alert: 'AlertmanagerMissing',
      expr: `(prometheus_notifications_alertmanagers_discovered < ${Math.max(monitors, 1)} or rate(prometheus_notifications_errors_total[5m]) > 0) ${unlessDown}`,
      for: '5m',
      severity: 'critical',
      summary: 'Prometheus on {{ $labels.host }} does not reach every Alertmanager',
      action: 'systemctl status prometheus-alertmanager on the monitors, and port 9093 between them.',
    },
    {
      alert: 'AlertsNotDelivered',
      expr: 'rate(alertmanager_notifications_failed_total[5m]) > 0',
      for: '5m',
      severity: 'critical',
      summary: 'Alertmanager on {{ $labels.host }} cannot deliver to {{ $labels.integration }}',
      action: 'journalctl -u prometheus-alertmanager: the mail server or the webhook refuses.',
    },
    {
      alert: 'ScriptMetricsBroken',
      expr: 'node_textfile_scrape_error == 1',
      for: '5m',
      severity: 'warning',
      summary: 'a .prom file on {{ $labels.host }} cannot be read',
      action: 'journalctl -u prometheus-node-exporter names the file.',
    },
    ...(monitors > 1
      ? [
          {
            alert: 'AlertmanagersSplit',
            expr: `alertmanager_cluster_members < ${monitors} ${unlessDown}`,
            for: '5m',
            severity: 'warning',
            summary: `Alertmanager on {{ $labels.host }} sees {{ $value }} of ${monitors} members: alerts may come twice`,
            action: 'Port 9094 between the monitors.',
          } as const,
        ]
      : []),
  ]
}
