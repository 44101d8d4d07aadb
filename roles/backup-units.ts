// A job of the backup and its timer: sandboxed, out of the way of the host's real work, its end written down as a figure.
import { systemd, type Tasks } from 'hostwright'
import { type Checked, folder } from './backup-parameters.ts'

interface Job {
  /** Of its units, for example `backup-files`. */
  readonly name: string
  readonly description: string
  readonly command: string
  readonly schedule: string
  readonly given: Pick<Checked, 'delay' | 'onFailure'>
  /** Folders that it may write to. */
  readonly writable: readonly string[]
  /** Capabilities that it needs beside reading every file. @default none */
  readonly capabilities?: readonly string[]
  /** More lines of [Unit]. @default none */
  readonly unit?: readonly string[]
  /** More lines of [Service]. @default none */
  readonly service?: readonly string[]
  /** Where it leaves figures for `result` to publish; only for one that does not run as root. */
  readonly figures?: string
}

/** The units of a job; the timer is enabled and runs. */
export function jobUnits(job: Job): Tasks {
  const { name, schedule, given } = job
  return [
    systemd.unit({ name: `${name}.service`, content: serviceUnit(job) }),
    systemd.unit({
      name: `${name}.timer`,
      content: `# Managed by hostwright: changes are overwritten.
[Unit]
Description=When to run ${name}.service

[Timer]
OnCalendar=${schedule}
RandomizedDelaySec=${given.delay}
Persistent=true

[Install]
WantedBy=timers.target
`,
    }),
    systemd.service({ unit: `${name}.timer`, state: 'started', enabled: true }),
  ]
}

function serviceUnit({
  name,
  description,
  command,
  given,
  writable,
  capabilities = [],
  unit = [],
  service = [],
  figures,
}: Job): string {
  const lines = (of: readonly string[]) => of.map((line) => `${line}\n`).join('')
  return `# Managed by hostwright: changes are overwritten.
[Unit]
Description=${description}
Wants=network-online.target
After=network-online.target
${lines(unit)}${given.onFailure.length > 0 ? `OnFailure=${given.onFailure.join(' ')}\n` : ''}
[Service]
Type=oneshot
ExecStart=${command}
ExecStopPost=+${folder}/result ${name}${figures === undefined ? '' : ` ${figures}`}
TimeoutStartSec=infinity
${lines(service)}Nice=10
CPUWeight=20
IOWeight=20
IOSchedulingClass=best-effort
IOSchedulingPriority=7
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${writable.join(' ')}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
CapabilityBoundingSet=${['CAP_DAC_READ_SEARCH', ...capabilities].join(' ')}
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
UMask=0077
`
}
