// A MySQL or MariaDB server: installed, configured for GTID replication over TLS, and read-only until the servers have said who the primary
// is: in a later play, by mysqlReplica, and at each boot by the program that it uses.
import { isIP } from 'node:net'
import {
  apt,
  assert,
  mysql as db,
  file,
  flush,
  type Host,
  handler,
  role,
  shell,
  systemd,
  type Tasks,
  tls,
} from 'hostwright'
import { endpointName } from './database-endpoint.ts'
import { checkOpenings, checkPort, checkTasks, termFile } from './dbcheck.ts'
import {
  checkDistribution,
  checkGroup,
  groupPort,
  groupProgram,
  groupSettings,
  groupTasks,
  restartInTurn,
} from './mysql-group.ts'
import {
  addressOf,
  bindOf,
  type Checked,
  clientsOf,
  flavourOf,
  opener,
  params,
  serverIdOf,
  topologyOf,
  votersElsewhere,
  witnessesOf,
} from './mysql-parameters.ts'
import { checkSemiSync, semiSyncPlugins, semiSyncSettings, verifySemiSync } from './mysql-semi-sync.ts'
import { caChoice } from './site.ts'

export { databaseHosts, type MysqlParams } from './mysql-parameters.ts'
export { mysqlReplica } from './mysql-replica.ts'

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
      const group = given.topology === 'group' ? topologyOf(given, host).peers : []
      return [
        ...(from.length === 0
          ? []
          : [{ port: 3306, from, comment: 'database from apps and replicas' }, ...checkOpenings(given.group, host)]),
        ...(group.length === 0 ? [] : [{ port: groupPort, from: group, comment: 'group of databases' }]),
      ]
    },
    verify: (given, host) => {
      if (given.topology === 'group') return []
      const ask = `curl --silent --fail --output /dev/null --max-time 5 --noproxy '*' http://127.0.0.1:${checkPort}`
      return [
        assert({ name: 'one server of the group takes writes', that: `${opener} count`, expect: { stdout: '1' } }),
        assert({
          name: `this server takes writes, or replicates and is at most ${given.maxLag} seconds behind`,
          that: `${ask}/primary || ${ask}/replica`,
        }),
        verifySemiSync(given, flavourOf(given, host)),
      ]
    },
  },
  (given, host) => {
    if (given.topology === 'group') checkGroup(given, host)
    checkSemiSync(given, host)
    const flavour = flavourOf(given, host)
    if (given.topology === 'group') checkDistribution(flavour, host)
    const unit = flavour === 'mysql' ? 'mysql.service' : 'mariadb.service'
    const address = addressOf({ connection: { address: host.address }, vars: host.vars })
    const restart =
      given.topology === 'group'
        ? restartInTurn()
        : handler(systemd.service({ unit, state: 'restarted' }), { name: `restart ${flavour}` })
    // connections that are open go on as they are; if the new files do not fit, the server keeps the old ones and says so
    const readCertificates = handler(
      shell.command({
        name: 'read the certificates anew',
        run: `if systemctl is-active --quiet ${unit}; then echo '${flavour === 'mysql' ? 'ALTER INSTANCE RELOAD TLS' : 'FLUSH LOCAL SSL'};' | ${flavour}; fi`,
      }),
      { name: `let ${flavour} read its certificates` },
    )
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
        ...certificateNames(host.name, address),
        group: 'mysql',
        ca: given.ca,
        ...caChoice(host),
        // the talk between members takes new certificates only when a member joins
        notify: given.topology === 'group' ? restart : readCertificates,
      }),
      given.topology === 'group' && groupProgram(given, host),
      db.config({ flavour, settings: settingsOf(given, host, flavour), notify: restart }),
      // The server is asked below, so the restart cannot wait for the end of the play.
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
      checkTasks({ flavour, maxLag: given.maxLag }),
      given.topology === 'group' ? [withoutOpener(), groupTasks(given)] : openerTasks(given, host, flavour, unit),
    ]
  },
)

/** By its own name, by the address that the others know, and by the name of the endpoint, whose ports lead to any of the servers. */
function certificateNames(name: string, address: string) {
  return isIP(address) === 0
    ? { names: [...new Set([name, address, endpointName])] }
    : { names: [name, endpointName], addresses: [address] }
}

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
        plugin_load_add: ['mysql_clone.so', ...semiSyncPlugins(given)],
        clone: 'FORCE_PLUS_PERMANENT',
        ...semiSyncSettings(given, flavour),
        ...(given.topology === 'group' && groupSettings(given, host)),
        ...given.settings,
      }
    : {
        ...common,
        binlog_format: 'ROW',
        log_slave_updates: true,
        gtid_strict_mode: true,
        read_only: true,
        ...semiSyncSettings(given, flavour),
        ...given.settings,
      }
}

/** What decides at boot and in each run whether this server takes writes. */
function openerTasks(given: Checked, host: Host, flavour: 'mysql' | 'mariadb', unit: string): Tasks {
  const { isPrimary, peers } = topologyOf(given, host)
  return [
    file.template({
      src: 'mysql/open-primary.sh.ejs',
      dest: opener,
      mode: '0755',
      vars: {
        flavour,
        self: host.name,
        hinted: isPrimary,
        peers: peers.map(inUrl),
        witnesses: witnessesOf(given, host).map(inUrl),
        elsewhere: votersElsewhere(given, host).map((addresses) => addresses.map(inUrl)),
        port: checkPort,
        termFile,
        replicationUser: given.replicationUser,
        wait: given.bootWait,
        openWithoutPeers: given.openWithoutPeers,
        semiSync: given.semiSync !== false,
      },
      validate: 'sh -n %s',
    }),
    systemd.unit({
      name: 'mysql-primary.service',
      content: `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Open the database server for writes if it is the primary
After=${unit} network-online.target
Wants=network-online.target
Requisite=${unit}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=${opener} open
TimeoutStartSec=${given.bootWait + 120}
# as long as most of the others are silent it asks again; when it has been told to stay closed it does not
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=3

[Install]
WantedBy=${unit}
`,
    }),
    systemd.service({ unit: 'mysql-primary.service', enabled: true }),
  ]
}

/** Members of a group are opened and closed by the group alone. */
function withoutOpener(): Tasks {
  return [systemd.unit({ name: 'mysql-primary.service', state: 'absent' }), file.absent({ path: opener })]
}

function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
