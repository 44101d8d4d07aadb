// topology: 'group': MySQL Group Replication with a single primary that the servers elect among themselves, so nothing here depends on which
// one it is. Group Replication is started by one program only, mysql-group, which also starts the group anew after a power failure.
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import {
  assert,
  block,
  mysql as db,
  file,
  type Host,
  handler,
  ProvisionError,
  shell,
  systemd,
  type Tasks,
  given as when,
} from 'hostwright'
import { accountTasks, replicationAccount } from './mysql-accounts.ts'
import { addressOf, type Checked } from './mysql-parameters.ts'

const program = '/usr/local/sbin/mysql-group'
const startFile = '/etc/mysql/group-start.sql'
/** Where members talk to each other. */
export const groupPort = 33_061

/** Throws for a group that cannot be: before any host is connected. */
export function checkGroup(given: Checked, host: Host): void {
  const refuse = (message: string, hint: string): never => {
    throw new ProvisionError({ code: 'playbook', message: `role mysql: ${message}`, hint })
  }
  const names = host.inventory.group(given.group).map((member) => member.name)
  if (names.length < 3 || names.length % 2 === 0 || names.length > 9) {
    refuse(
      `topology 'group' needs 3, 5, 7 or 9 servers, so that a majority is left when one fails; group ${given.group} has ${names.length} (${names.join(', ')})`,
      names.length === 2
        ? "Add a third member: a small server, or the load balancer's host, with vars: { mysql: { weight: 0 } }."
        : 'Add or remove one.',
    )
  }
  if (given.flavour === 'mariadb') {
    refuse(
      "topology 'group' is MySQL's Group Replication, which MariaDB does not have (its Galera is another thing, and not built here)",
      "Say flavour: 'mysql', or topology: 'replication'.",
    )
  }
  if (given.primary !== undefined) {
    refuse(
      `topology 'group' elects its primary, so primary: '${given.primary}' has no meaning`,
      'Leave it out; weight says who is preferred, and a switchover makes one the primary now.',
    )
  }
}

/** Throws for a host whose distribution has no MySQL: found when its facts are known. */
export function checkDistribution(flavour: 'mysql' | 'mariadb', host: Host): void {
  if (flavour === 'mysql') return
  const { id, version } = host.facts.os
  throw new ProvisionError({
    code: 'playbook',
    message: `role mysql: ${host.name} runs ${id} ${version}, which has no package mysql-server, and topology 'group' needs MySQL 8.4 or later`,
    hint: "Use Debian sid or Ubuntu for the members, or add a repository that has mysql-server and say flavour: 'mysql'.",
  })
}

/** Settings of a member, beside those of every MySQL server of the role. */
export function groupSettings(given: Checked, host: Host) {
  const peers = membersOf(given, host)
  return {
    plugin_load_add: ['mysql_clone.so', 'group_replication.so'],
    disabled_storage_engines: 'MyISAM,BLACKHOLE,FEDERATED,ARCHIVE,MEMORY',
    group_replication_group_name: given.groupName ?? nameOf(given.group),
    group_replication_single_primary_mode: true,
    group_replication_local_address: endpoint(selfOf(host)),
    group_replication_group_seeds: seedsOf(peers),
    group_replication_ip_allowlist: peers.join(','),
    group_replication_ssl_mode: 'VERIFY_IDENTITY',
    group_replication_recovery_use_ssl: true,
    group_replication_recovery_ssl_ca: '/etc/mysql/tls/ca.pem',
    group_replication_recovery_ssl_verify_server_cert: true,
    group_replication_member_weight: given.weight,
    // mysql-group starts it, so that no two things do
    group_replication_start_on_boot: false,
    group_replication_bootstrap_group: false,
    group_replication_autorejoin_tries: 0,
    // the others go on without a member 5 seconds after it went silent; any more is rounded up to some 20 by how often the server looks
    group_replication_member_expel_timeout: 0,
    // a member that cannot reach a majority gives up its writes and its place after so many seconds; else they would hang for ever
    group_replication_unreachable_majority_timeout: 10,
    // not OFFLINE_MODE: the others must be able to ask a member how it is
    group_replication_exit_state_action: 'READ_ONLY',
    // a new primary answers when it has applied all that the old one had committed
    group_replication_consistency: 'BEFORE_ON_PRIMARY_FAILOVER',
  }
}

/** Restarts a server: a member waits for its turn, so that a change for all of them does not stop all of them at once. */
export function restartInTurn() {
  return handler(
    shell.command({
      name: 'restart mysql in turn',
      run: `if [ -x ${program} ]; then ${program} restart; else systemctl restart mysql.service; fi`,
    }),
    { name: 'restart mysql in turn' },
  )
}

const unit = 'mysql-group.service'

/** The program that keeps a server in its group; it comes before the server's own settings, for it also restarts the server in turn. A running one takes up its new text by itself. */
export function groupProgram(given: Checked, host: Host): Tasks {
  const members = membersOf(given, host)
  return [
    file.template({
      src: 'mysql/group.sh.ejs',
      dest: program,
      mode: '0755',
      vars: { start: startFile, self: selfOf(host), members, seeds: seedsOf(members), interval: 3, patience: 900 },
      validate: 'sh -n %s',
    }),
  ]
}

/** In the first play: all that makes a server able to join. It joins by itself as soon as enough of the others are ready. */
export function groupTasks(given: Checked): Tasks {
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: 'restart mysql-group' })
  return [
    // before it can be asked by others; as a member it gets the group's
    db.user({ ...replicationAccount(given, 'mysql'), replicate: false }),
    file.template({
      src: 'mysql/group-start.sql.ejs',
      dest: startFile,
      mode: '0600',
      owner: 'root',
      group: 'root',
      vars: { user: given.replicationUser, password: given.replicationPassword },
    }),
    systemd.unit({
      name: unit,
      content: `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Keep the MySQL server in its group
After=mysql.service network-online.target
Wants=network-online.target

[Service]
ExecStart=${program} tend
Restart=always
RestartSec=5
RuntimeDirectory=mysql-group
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
`,
      notify: restart,
    }),
    systemd.service({ unit, state: 'started', enabled: true }),
  ]
}

/** In the second play: wait for the membership; the databases and accounts are made on whichever member is the primary. */
export function memberTasks(given: Checked, host: Host): Tasks {
  const member = db.groupMember({
    self: selfOf(host),
    user: given.replicationUser,
    password: given.replicationPassword,
    ca: '/etc/mysql/tls/ca.pem',
    allowReseed: given.allowReseed,
    program,
    wait: given.joinWait,
  })
  return [
    member,
    block({
      name: 'on the primary',
      when: when(member, ({ role }) => role === 'PRIMARY', 'another member is the primary'),
      tasks: accountTasks(given, host, 'mysql'),
    }),
  ]
}

/** What a member promises. */
export function verifyMember(given: Checked, host: Host): Tasks {
  const size = membersOf(given, host).length
  const ask = (sql: string) => `mysql --batch --skip-column-names --execute="${sql}"`
  const table = 'performance_schema.replication_group_members'
  return [
    assert({
      name: `all ${size} members of the group are ONLINE, and one is the primary`,
      that: ask(`SELECT SUM(MEMBER_STATE = 'ONLINE'), SUM(MEMBER_ROLE = 'PRIMARY') FROM ${table}`),
      expect: { stdout: `${size}\t1` },
    }),
    assert({
      name: 'this member takes writes if it is the primary, and none if not',
      that: ask(
        `SELECT @@GLOBAL.super_read_only = (MEMBER_ROLE <> 'PRIMARY') FROM ${table} WHERE MEMBER_ID = @@GLOBAL.server_uuid`,
      ),
      expect: { stdout: '1' },
    }),
    assert({
      name: 'the members agree, and each answers the others over TLS',
      that: `${program} members | awk -F '\t' '{ known[$5] = 1 } $2 != "ONLINE" { bad = 1 } END { for (one in known) count++; exit bad || NR != ${size} || count != 1 }'`,
    }),
    assert({
      name: 'the group is watched over',
      that: 'systemctl is-enabled --quiet mysql-group && systemctl is-active --quiet mysql-group',
    }),
  ]
}

/** The addresses of all members, in the inventory's order: the same list on all of them. */
function membersOf(given: Checked, host: Host): string[] {
  return host.inventory.group(given.group).map(addressOf)
}

function selfOf(host: Host): string {
  return addressOf({ connection: { address: host.address }, vars: host.vars })
}

function seedsOf(members: readonly string[]): string {
  return members.map(endpoint).join(',')
}

function endpoint(address: string): string {
  return isIPv6(address) ? `[${address}]:${groupPort}` : `${address}:${groupPort}`
}

/** A UUID that follows from the name of the inventory's group, and so stays when members come and go. */
function nameOf(group: string): string {
  const digest = createHash('sha256').update(`hostwright mysql group ${group}`).digest('hex')
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`
}
