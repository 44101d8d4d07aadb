// A MySQL or MariaDB server: installed, configured for GTID replication over TLS, read-only unless it is the primary, which also gets the
// databases and accounts. Replication is started by mysqlReplica, in a later play, when the primary is ready.
import { apt, assert, mysql as db, file, flush, type Host, handler, role, systemd, type Tasks, tls } from 'hostwright'
import {
  addressOf,
  bindOf,
  type Checked,
  clientsOf,
  flavourOf,
  params,
  serverIdOf,
  type Topology,
  topologyOf,
} from './mysql-parameters.ts'
import { watcherTasks } from './mysql-watcher.ts'

export { databaseHosts, type MysqlParams } from './mysql-parameters.ts'
export { mysqlReplica } from './mysql-replica.ts'

const opener = '/usr/local/sbin/mysql-open-primary'

/**
 * The database servers: `play({ hosts: 'db', roles: [mysql()] })`, then `play({ hosts: 'db', roles: [mysqlReplica()] })`.
 * @example play({ hosts: 'db', roles: [mysql({ databases: [{ name: 'shop' }], users: [{ name: 'shop', grants: { 'shop.*': 'ALL' } }] })] })
 */
export const mysql = role(
  'mysql',
  {
    params,
    openings: (given, host) => {
      const from = clientsOf(given, host)
      return from.length === 0 ? [] : [{ port: 3306, from, comment: 'database from apps and replicas' }]
    },
    verify: (given, host) => {
      const { isPrimary } = topologyOf(given, host)
      return [
        assert({
          name: isPrimary ? 'the primary takes writes' : 'the replica takes no writes',
          that: `echo 'SELECT @@GLOBAL.read_only;' | ${flavourOf(given, host)} --batch --skip-column-names`,
          expect: { stdout: isPrimary ? '0' : '1' },
        }),
      ]
    },
  },
  (given, host) => {
    const flavour = flavourOf(given, host)
    const unit = flavour === 'mysql' ? 'mysql.service' : 'mariadb.service'
    const topology = topologyOf(given, host)
    const address = addressOf({ connection: { address: host.address }, vars: host.vars })
    const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: `restart ${flavour}` })
    return [
      db.flavour({ flavour }),
      // configured first, started then: once, and never with Debian's defaults
      apt.package({
        pkg: flavour === 'mysql' ? 'mysql-server' : ['mariadb-server', 'mariadb-client'],
        startServices: false,
      }),
      tls.internal({
        directory: '/etc/mysql/tls',
        subject: host.name,
        ...(/^[0-9a-f.:]+$/i.test(address) ? { addresses: [address] } : { names: [...new Set([host.name, address])] }),
        group: 'mysql',
        ca: given.ca,
        notify: restart,
      }),
      db.config({ flavour, settings: settingsOf(given, host, flavour), notify: restart }),
      // The primary is opened below, so the restart cannot wait for the end of the play.
      flush(),
      systemd.service({ unit, state: 'started', enabled: true }),
      file.template({
        src: 'mysql/replication-client.cnf.ejs',
        dest: '/etc/mysql/replication-client.cnf',
        mode: '0600',
        owner: 'root',
        group: 'root',
        vars: { flavour, user: given.replicationUser, password: given.replicationPassword },
      }),
      topology.isPrimary ? primaryTasks(given, topology, flavour, unit) : replicaTasks(),
      topology.isPrimary && watcherTasks(host, flavour),
    ]
  },
)

/** GTID, binary log and TLS on all; read-only on all, so that a server that comes back from a crash is harmless. */
function settingsOf(given: Checked, host: Host, flavour: 'mysql' | 'mariadb') {
  const common = {
    server_id: serverIdOf(given, host),
    bind_address: bindOf(given, host, clientsOf(given, host)),
    report_host: addressOf({ connection: { address: host.address }, vars: host.vars }),
    log_bin: 'binlog',
    binlog_expire_logs_seconds: 604_800,
    sync_binlog: 1,
    innodb_flush_log_at_trx_commit: 1,
    relay_log: 'relay-bin',
    relay_log_recovery: true,
    skip_name_resolve: true,
    ssl_ca: '/etc/mysql/tls/ca.pem',
    ssl_cert: '/etc/mysql/tls/server.pem',
    ssl_key: '/etc/mysql/tls/server.key',
  }
  return flavour === 'mysql'
    ? {
        ...common,
        mysqlx: false,
        gtid_mode: true,
        enforce_gtid_consistency: true,
        super_read_only: true,
        plugin_load_add: 'mysql_clone.so',
        clone: 'FORCE_PLUS_PERMANENT',
        ...given.settings,
      }
    : {
        ...common,
        binlog_format: 'ROW',
        log_slave_updates: true,
        gtid_strict_mode: true,
        read_only: true,
        ...given.settings,
      }
}

function primaryTasks(given: Checked, topology: Topology, flavour: 'mysql' | 'mariadb', unit: string): Tasks {
  return [
    file.template({
      src: 'mysql/open-primary.sh.ejs',
      dest: opener,
      mode: '0755',
      vars: {
        flavour,
        client: flavour,
        peers: topology.peers,
        wait: given.bootWait,
        openWithoutPeers: given.openWithoutPeers,
      },
    }),
    systemd.unit({
      name: 'mysql-primary.service',
      content: `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Open the primary database server for writes
After=${unit} network-online.target
Wants=network-online.target
Requisite=${unit}

[Service]
Type=oneshot
ExecStart=${opener} open
TimeoutStartSec=${given.bootWait + 120}

[Install]
WantedBy=${unit}
`,
    }),
    systemd.service({ unit: 'mysql-primary.service', enabled: true }),
    db.readOnly({ readOnly: false, guard: opener }),
    given.databases.map((entry) =>
      typeof entry === 'string'
        ? db.database({ database: entry })
        : db.database({
            database: entry.name,
            ...(entry.charset !== undefined && { charset: entry.charset }),
            ...(entry.collation !== undefined && { collation: entry.collation }),
          }),
    ),
    db.user({
      user: given.replicationUser,
      host: given.replicationFrom,
      password: given.replicationPassword,
      tls: 'ssl',
      grants: { '*.*': replicationPrivileges[flavour] },
    }),
    given.users.flatMap(({ name, hosts, password, auth, tls: required, grants }) =>
      hosts.map((from) =>
        db.user({
          user: name,
          host: from,
          ...(password !== undefined && { password }),
          ...(auth !== undefined && { auth }),
          tls: required ?? (from === 'localhost' || auth === 'socket' ? 'none' : 'ssl'),
          grants,
        }),
      ),
    ),
  ]
}

/** What a replica needs to follow, and to be seeded: the clone plugin's right, or those of a dump. */
const replicationPrivileges = {
  mysql: ['REPLICATION SLAVE', 'BACKUP_ADMIN'],
  mariadb: ['REPLICATION SLAVE', 'BINLOG MONITOR', 'SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'LOCK TABLES', 'RELOAD'],
}

/** A host that is not the primary must never open itself, whatever it was before. */
function replicaTasks(): Tasks {
  return [systemd.unit({ name: 'mysql-primary.service', state: 'absent' }), file.absent({ path: opener })]
}
