// The lifetime of a host's certificates as metrics: the monitors warn by the share that remains, whether a certificate lives for a week or for years.
import { file, handler, systemd, type Tasks } from 'hostwright'

const script = '/usr/local/sbin/hostwright-certificate-metrics'
const unit = 'hostwright-certificate-metrics'

/** A script and a timer that writes `hostwright-certificates.prom` into a folder each hour. */
export function certificateMetrics(textfiles: string): Tasks {
  const now = handler(systemd.service({ unit: `${unit}.timer`, state: 'restarted' }), { name: 'look at certificates' })
  return [
    file.template({
      src: 'monitoring/certificate-metrics.sh.ejs',
      dest: script,
      mode: '0755',
      vars: { textfiles },
      notify: now,
    }),
    systemd.unit({
      name: `${unit}.service`,
      content: `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Lifetime of certificates as metrics

[Service]
Type=oneshot
ExecStart=${script}
NoNewPrivileges=yes
PrivateNetwork=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths=${textfiles}
`,
    }),
    systemd.unit({
      name: `${unit}.timer`,
      content: `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Lifetime of certificates as metrics, each hour

[Timer]
OnActiveSec=1s
OnUnitActiveSec=1h
AccuracySec=1s

[Install]
WantedBy=timers.target
`,
    }),
    systemd.service({ unit: `${unit}.timer`, state: 'started', enabled: true }),
  ]
}
