// What the database server of a host is, told over HTTP to those who must know: load balancers ask where to send writes and reads, the other
// database hosts ask who was made the primary last. On a host without a database (a load balancer) it is a witness: it tells the latter only.
import { posix } from 'node:path'
import {
  apt,
  file,
  type Host,
  handler,
  type Opening,
  type RoleExample,
  role,
  systemd,
  type Tasks,
  user,
  v,
  wait,
} from 'hostwright'
import { addressOf } from './mysql-parameters.ts'
import { membersOf } from './site.ts'

const params = {
  /** The inventory's group of database servers. @default 'db' */
  group: v.optional(v.string(), 'db'),
}

export type DbcheckParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    dbcheck?: Partial<DbcheckParams>
  }
}

/** Port of the answers. */
export const checkPort = 9201

/** The system's user that the answers come from, and the account of the database server that it logs in as, over the socket. */
export const checker = 'dbcheck'

/** What the account `dbcheck` must be allowed to. */
export const checkerGrants = {
  mysql: { '*.*': 'REPLICATION CLIENT', 'performance_schema.*': 'SELECT' },
  mariadb: { '*.*': 'SLAVE MONITOR' },
}

/** Where each database host and each witness keeps `<term> <name of the host that was made the primary then>`. */
export const termFile = '/var/lib/hostwright-database/term'

const program = '/usr/local/sbin/dbcheck'

/**
 * Makes a load balancer remember which database server was made the primary last, so that one that comes back alone does not take writes.
 * The database servers do so themselves, by the role `mysql`; there this role does nothing.
 * @example play({ hosts: 'lb', roles: [dbcheck()] })
 */
export const dbcheck = role(
  'dbcheck',
  {
    params,
    openings: ({ group }, host) => (host.isIn(group) ? [] : checkOpenings(group, host)),
    verify: () => [wait.http({ name: 'the witness answers', url: `http://127.0.0.1:${checkPort}/term`, timeout: 5 })],
  },
  ({ group }, host) => !host.isIn(group) && checkTasks({}),
)

/** Who asks: the other database servers, and the load balancers. */
export function checkOpenings(group: string, host: Host): Opening[] {
  const from = [...membersOf(host, group), ...membersOf(host, 'lb')]
    .filter((member) => member.name !== host.name)
    .map(addressOf)
  return [{ port: checkPort, from: [...new Set(from)], comment: 'role of the database server' }]
}

/** The program, its units, its user. Without a flavour it tells terms only. */
export function checkTasks({ flavour, maxLag = 0 }: { flavour?: 'mysql' | 'mariadb'; maxLag?: number }): Tasks {
  const restart = handler(systemd.service({ unit: 'dbcheck.service', state: 'restarted' }), { name: 'restart dbcheck' })
  return [
    apt.package({ pkg: 'curl', startServices: false }),
    user({ name: checker, system: true, shell: '/usr/sbin/nologin', createHome: false }),
    file.directory({ path: posix.dirname(termFile), mode: '0755', owner: 'root', group: 'root' }),
    file.template({
      src: 'dbcheck/dbcheck.pl.ejs',
      dest: program,
      mode: '0755',
      vars: { termFile, maxLag, client: flavour ? clients[flavour] : '', question: flavour ? questions[flavour] : '' },
      validate: 'perl -c %s',
      notify: restart,
    }),
    systemd.unit({ name: 'dbcheck.socket', content: socketUnit, notify: restart }),
    systemd.unit({ name: 'dbcheck.service', content: serviceUnit, notify: restart }),
    systemd.service({ unit: 'dbcheck.socket', state: 'started', enabled: true }),
  ]
}

/** One connection for all questions; it ends when the server does. */
const clients = {
  mysql: 'mysql --no-defaults --protocol=SOCKET --connect-timeout=1 --batch --vertical --unbuffered --skip-reconnect',
  mariadb:
    'mariadb --no-defaults --protocol=SOCKET --connect-timeout=1 --batch --vertical --unbuffered --skip-reconnect',
}

/** Read-only; whether both threads of replication run and how far behind; the state in a replication group, and how many members are out of reach. */
const questions = {
  mysql: `SELECT @@GLOBAL.read_only + 0 AS read_only,
  (SELECT SERVICE_STATE FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = '') AS io,
  (SELECT SERVICE_STATE FROM performance_schema.replication_applier_status WHERE CHANNEL_NAME = '') AS applier,
  (SELECT COALESCE(MAX(IF(APPLYING_TRANSACTION = '', 0, TIMESTAMPDIFF(SECOND, APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW()))), 0)
    FROM performance_schema.replication_applier_status_by_worker WHERE CHANNEL_NAME = '') AS seconds_behind,
  (SELECT MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@GLOBAL.server_uuid) AS member_state,
  (SELECT COUNT(*) FROM performance_schema.replication_group_members) AS members,
  (SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'UNREACHABLE') AS unreachable;`,
  mariadb: `SELECT @@GLOBAL.read_only AS read_only;
SHOW SLAVE STATUS;`,
}

const socketUnit = `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Role of the database server, for load balancers and peers

[Socket]
ListenStream=${checkPort}
Backlog=64

[Install]
WantedBy=sockets.target
`

/** It speaks HTTP to a socket that systemd opened, SQL to a socket of this host, and needs nothing else. */
const serviceUnit = `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Role of the database server, for load balancers and peers
Requires=dbcheck.socket
After=dbcheck.socket

[Service]
ExecStart=${program}
User=${checker}
Group=${checker}
Restart=always
RestartSec=1
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
MemoryMax=128M
TasksMax=16
UMask=0077
`

/** For `provision test dbcheck`: a witness. */
export const example: RoleExample = { roles: [dbcheck()] }
