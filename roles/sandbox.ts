// What systemd keeps each daemon from: a drop-in beside Debian's unit, as strict as the daemon was seen to bear with all that the site
// asks of it. The service comes before the score of `systemd-analyze security`. See systemd.exec(5).

/** A unit and how it is confined. */
export interface Confined {
  readonly unit: string
  readonly sandbox: Sandbox
  /** Only on hosts where the exporters watch this. @default on all hosts of the role */
  readonly watches?: 'mysql' | 'nginx'
}

/** How one unit is confined. */
export interface Sandbox {
  /** `full`: /usr, /boot and /etc are read-only; `strict`: everything but /dev, /proc, /sys and `writable`; `whole`: it sees the host as it is. @default 'full' */
  readonly system?: 'full' | 'strict' | 'whole'
  /** Paths that it may write in spite of `strict`. @default [] */
  readonly writable?: readonly string[]
  /** Capabilities that are left; the daemon gets no others even as root. @default left alone */
  readonly capabilities?: readonly string[]
  /** Families of sockets it may open. @default left alone */
  readonly addresses?: readonly string[]
  /** System calls beside `@system-service`. @default all calls are left */
  readonly systemCalls?: readonly string[]
  /** It never changes kernel parameters below /proc/sys and /sys. @default true */
  readonly tunables?: boolean
  /** None of its programs gets more rights by being run (setuid). @default true */
  readonly noNewPrivileges?: boolean
}

/** The drop-in's text. */
export function renderSandbox(sandbox: Sandbox): string {
  return `# Written by provision (role hardening): it counts from the unit's next start.
[Service]
${sandboxSettings(sandbox).join('\n')}
`
}

/** The lines of a unit's section `[Service]`. */
export function sandboxSettings(sandbox: Sandbox): string[] {
  const { system = 'full', writable = [], capabilities, addresses, systemCalls, tunables = true } = sandbox
  return [
    ...(system === 'whole' ? [] : [`ProtectSystem=${system}`]),
    ...(writable.length > 0 ? [`ReadWritePaths=${writable.join(' ')}`] : []),
    ...(system === 'whole' ? [] : ['ProtectHome=yes', 'PrivateTmp=yes', 'PrivateDevices=yes']),
    ...(tunables ? ['ProtectKernelTunables=yes'] : []),
    'ProtectKernelModules=yes',
    'ProtectKernelLogs=yes',
    'ProtectControlGroups=yes',
    ...(system === 'whole' ? [] : ['ProtectClock=yes']),
    'ProtectHostname=yes',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    ...((sandbox.noNewPrivileges ?? true) ? ['NoNewPrivileges=yes'] : []),
    ...(capabilities ? [`CapabilityBoundingSet=${capabilities.join(' ')}`] : []),
    ...(addresses ? [`RestrictAddressFamilies=${addresses.join(' ')}`] : []),
    ...(systemCalls
      ? [`SystemCallFilter=${['@system-service', ...systemCalls].join(' ')}`, 'SystemCallErrorNumber=EPERM']
      : []),
  ]
}

const internet = ['AF_UNIX', 'AF_INET', 'AF_INET6']

/** Programs that only answer over the network, as a user of their own, and write nothing. */
export const reader: Sandbox = { system: 'strict', capabilities: [], addresses: internet, systemCalls: [] }

/** Daemons of the site by the role that brings them; the role mysql brings mariadb where that is its flavour. */
export const sandboxes: Readonly<Record<string, readonly Confined[]>> = {
  // it starts as root, opens its ports, changes root to /var/lib/haproxy and becomes haproxy; the master stays root for reloads
  haproxy: [
    {
      unit: 'haproxy.service',
      sandbox: {
        capabilities: [
          ...['CAP_NET_BIND_SERVICE', 'CAP_SYS_CHROOT', 'CAP_SETUID', 'CAP_SETGID', 'CAP_SYS_RESOURCE'],
          ...['CAP_CHOWN', 'CAP_FOWNER', 'CAP_DAC_OVERRIDE', 'CAP_KILL'],
        ],
        addresses: [...internet, 'AF_NETLINK'],
        systemCalls: ['chroot'],
      },
    },
  ],
  // its checks of HAProxy run as a user of their own, and it ends one that takes too long
  keepalived: [
    {
      unit: 'keepalived.service',
      sandbox: {
        capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SETUID', 'CAP_SETGID', 'CAP_KILL'],
        addresses: [...internet, 'AF_NETLINK', 'AF_PACKET'],
        systemCalls: [],
      },
    },
  ],
  // memory that is both writable and executable stays allowed: the regular expressions of nginx and ModSecurity are compiled
  nginx: [
    {
      unit: 'nginx.service',
      sandbox: {
        capabilities: [
          ...[
            'CAP_NET_BIND_SERVICE',
            'CAP_SETUID',
            'CAP_SETGID',
            'CAP_CHOWN',
            'CAP_FOWNER',
            'CAP_DAC_OVERRIDE',
            'CAP_KILL',
          ],
        ],
        addresses: internet,
        systemCalls: [],
      },
    },
  ],
  // no filter of system calls: what a storage engine needs on the next kernel nobody knows today
  mysql: [{ unit: 'mysql.service', sandbox: { addresses: [...internet, 'AF_NETLINK'] } }],
  // Debian's unit has three capabilities left already
  mariadb: [{ unit: 'mariadb.service', sandbox: { addresses: [...internet, 'AF_NETLINK'] } }],
  logging: [
    {
      unit: 'rsyslog.service',
      sandbox: {
        capabilities: [
          ...[
            'CAP_BLOCK_SUSPEND',
            'CAP_CHOWN',
            'CAP_DAC_OVERRIDE',
            'CAP_LEASE',
            'CAP_NET_ADMIN',
            'CAP_NET_BIND_SERVICE',
          ],
          ...['CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE', 'CAP_SYSLOG'],
        ],
        addresses: internet,
        systemCalls: [],
      },
    },
  ],
  hardening: [
    {
      unit: 'fail2ban.service',
      sandbox: {
        system: 'strict',
        writable: ['/run/fail2ban', '/var/lib/fail2ban', '/var/log'],
        capabilities: ['CAP_AUDIT_READ', 'CAP_DAC_READ_SEARCH', 'CAP_NET_ADMIN', 'CAP_NET_RAW'],
        addresses: [...internet, 'AF_NETLINK'],
      },
    },
  ],
  // it is to tell of every mount of the host, so it sees them all, and of the clock, which it reads by the call that can set it
  exporters: [
    {
      unit: 'prometheus-node-exporter.service',
      sandbox: { system: 'whole', capabilities: [], addresses: [...internet, 'AF_NETLINK'], systemCalls: ['adjtimex'] },
    },
    { unit: 'prometheus-mysqld-exporter.service', sandbox: reader, watches: 'mysql' },
    { unit: 'prometheus-nginx-exporter.service', sandbox: reader, watches: 'nginx' },
  ],
  monitoring: [
    { unit: 'prometheus-blackbox-exporter.service', sandbox: reader },
    { unit: 'prometheus-alertmanager.service', sandbox: { ...reader, writable: ['/var/lib/prometheus'] } },
    { unit: 'prometheus.service', sandbox: { ...reader, writable: ['/var/lib/prometheus'] } },
  ],
}
