// Backups of a host: a dump of the databases from a replica, files, into encrypted repositories on other hosts or outside, and a restore
// that is tried by a timer. What keeps the repositories is backupStore, by the same name and so with the same parameters.
import { apt, assert, file, type Host, role, secretText, shell, systemd, type Task, type Tasks } from 'hostwright'
import { identityOf, repositoryPassword } from './backup-keys.ts'
import { makeOutside, outsideEnvironment } from './backup-outside.ts'
import {
  type Checked,
  checkName,
  databaseRepository,
  filesRepository,
  folder,
  hasDatabase,
  metrics,
  params,
  repositoriesOf,
  restorePending,
  storeUser,
  type Target,
  targetsOf,
} from './backup-parameters.ts'
import { jobUnits } from './backup-units.ts'
import { flavourOf } from './mysql-parameters.ts'

export { type BackupParams, isBackedUp } from './backup-parameters.ts'
export { backupStore } from './backup-store.ts'

/**
 * What a host gives away: `play({ hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] })`, after the play with `backupStore`.
 * Its parameters come from the variable `backup`, because the stores read them too.
 * @example play({ hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] })
 */
export const backup = role(
  'backup',
  {
    params,
    verify: (given, host) => {
      const names = targetsOf(given, host).map(({ name }) => name)
      return [
        hasDatabase(host) && databaseChecks(given, names),
        given.paths.length > 0 &&
          names.map((target) =>
            freshness(
              target,
              filesRepository(host),
              'files',
              given.maxAge * 3600,
              `files: a backup in ${target} of the last ${given.maxAge} hours`,
            ),
          ),
      ]
    },
  },
  (given, host) => {
    const targets = targetsOf(given, host)
    for (const { name } of [host, ...targets]) checkName(name)
    const repositories = repositoriesOf(host)
    return [
      apt.package({ pkg: ['restic', 'jq', 'openssh-client'], startServices: false }),
      file.directory({ path: '/etc/backup', mode: '0700', owner: 'root', group: 'root' }),
      accessTasks(given, host, targets, repositories),
      file.directory({ path: '/var/cache/backup', mode: '0700', owner: 'root', group: 'root' }),
      file.directory({ path: metrics, mode: '0755' }),
      file.directory({ path: folder, mode: '0755' }),
      file.template({
        src: 'backup/restic.sh.ejs',
        dest: `${folder}/restic`,
        mode: '0755',
        vars: { folder, targets, storeUser },
      }),
      file.template({ src: 'backup/result.sh.ejs', dest: `${folder}/result`, mode: '0755', vars: { metrics } }),
      repositories.map((repository) => makeOutside(given, host, repository)),
      hasDatabase(host) && databaseTasks(given, host, targets),
      given.paths.length > 0 && filesTasks(given, host, targets),
      // a store removes old backups itself
      retentionTasks(given, host),
    ]
  },
)

/** Keys, passwords, and by which key each store must prove itself. */
function accessTasks(given: Checked, host: Host, targets: readonly Target[], repositories: readonly string[]): Tasks {
  const own = { mode: '0600', owner: 'root', group: 'root' } as const
  const stores = targets.filter(({ kind }) => kind === 'store')
  return [
    file.file({ dest: '/etc/backup/identity', content: identityOf(given.key, host.name), ...own }),
    file.file({
      dest: '/etc/backup/known_hosts',
      content: stores.map(({ name }) => `${name} ${host.factsOf(name).sshHostKey}\n`).join(''),
      ...own,
    }),
    repositories.map((repository) =>
      file.file({
        dest: `/etc/backup/${repository}.password`,
        content: secretText`${repositoryPassword(given.key, repository)}\n`,
        ...own,
      }),
    ),
    given.repository !== undefined &&
      file.file({ dest: '/etc/backup/external.env', content: outsideEnvironment(given), ...own }),
  ]
}

function databaseTasks(given: Checked, host: Host, targets: readonly Target[]): Tasks {
  const flavour = flavourOf({ flavour: host.vars.mysql?.flavour }, host)
  const scratch = flavour === 'mysql' ? '/var/lib/mysql-files/restore' : '/var/lib/mysql-restore'
  const vars = {
    host: host.name,
    repository: databaseRepository,
    flavour,
    client: `${flavour === 'mysql' ? 'mysql' : 'mariadb'} --no-defaults --user=root --default-character-set=utf8mb4 --batch --skip-column-names --unbuffered`,
    folder,
    metrics,
    scratch,
    unit: flavour === 'mysql' ? 'mysql.service' : 'mariadb.service',
    targets,
    patience: given.patience,
    restorePending,
    maxLag: given.maxLag,
    checksums: given.checksums,
  }
  const first = ['backup-database.service', 'backup-restore-test.service']
  return [
    file.template({ src: 'backup/database.sh.ejs', dest: `${folder}/database`, mode: '0755', vars }),
    file.template({ src: 'backup/restore.sh.ejs', dest: `${folder}/restore`, mode: '0755', vars }),
    jobUnits({
      name: 'backup-database',
      description: 'Back up the databases',
      command: `${folder}/database run`,
      schedule: given.schedule,
      given,
      writable: ['/var/backups', '/var/cache/backup', metrics],
      unit: ['After=mysql.service mariadb.service'],
    }),
    systemd.unit({ name: 'backup-scratch.service', content: scratchUnit(flavour, scratch, given.testMemory) }),
    jobUnits({
      name: 'backup-restore-test',
      description: 'Restore the newest backup of the databases into a server of its own',
      command: `${folder}/restore test`,
      schedule: given.testSchedule,
      given,
      writable: [flavour === 'mysql' ? '/var/lib/mysql-files' : '/var/lib', '/var/cache/backup', metrics],
      capabilities: ['CAP_DAC_OVERRIDE', 'CAP_CHOWN', 'CAP_FOWNER'],
      unit: ['After=mysql.service mariadb.service backup-database.service'],
    }),
    // not waited for: the first dump of a large database may take an hour
    shell.command({
      name: 'the first backup and the test of its restore begin',
      run: `systemctl start --no-block ${first.join(' ')}`,
      unless: `[ -e ${restorePending} ] || { [ -e ${metrics}/backup-database.prom ] && [ -e ${metrics}/backup-restore-test.prom ]; } || systemctl show --property=ActiveState ${first.join(' ')} | grep -qx ActiveState=activating`,
    }),
  ]
}

function filesTasks(given: Checked, host: Host, targets: readonly Target[]): Tasks {
  const repository = filesRepository(host)
  const list = (of: readonly string[]) => of.map((entry) => `${entry}\n`).join('')
  return [
    file.file({ dest: '/etc/backup/paths', content: list(given.paths), mode: '0600' }),
    file.file({ dest: '/etc/backup/exclude', content: list(given.exclude), mode: '0600' }),
    file.template({
      src: 'backup/files.sh.ejs',
      dest: `${folder}/files`,
      mode: '0755',
      vars: { host: host.name, repository, folder, metrics, targets },
    }),
    jobUnits({
      name: 'backup-files',
      description: 'Back up files',
      command: `${folder}/files`,
      schedule: given.schedule,
      given,
      writable: ['/var/cache/backup', metrics],
    }),
    shell.command({
      name: 'the first backup of files begins',
      run: 'systemctl start --no-block backup-files.service',
      unless: `[ -e ${metrics}/backup-files.prom ] || systemctl show --property=ActiveState backup-files.service | grep -qx ActiveState=activating`,
    }),
  ]
}

/** The first host that uses a repository outside removes its old backups. */
function retentionTasks(given: Checked, host: Host): Tasks {
  const first = (repository: string) =>
    host.inventory.hosts.find((other) => repositoriesOf(other).includes(repository))?.name === host.name
  const repositories = repositoriesOf(host).filter(first)
  if (given.repository === undefined || !given.removeOutside || repositories.length === 0) return []
  const figures = '/run/backup-retention/figures'
  return [
    file.template({
      src: 'backup/retention.sh.ejs',
      dest: `${folder}/retention`,
      mode: '0755',
      vars: { folder, target: 'external', repositories, keep: given.keep, checkShare: given.checkShare, figures },
    }),
    jobUnits({
      name: 'backup-retention',
      description: 'Remove old backups and check the repositories',
      command: `${folder}/retention`,
      schedule: given.retentionSchedule,
      given,
      writable: ['/var/cache/backup'],
      figures,
      service: ['RuntimeDirectory=backup-retention'],
    }),
  ]
}

/** The server that a backup is restored into: cut off from every network, small, and the first to go when memory is short. */
function scratchUnit(flavour: 'mysql' | 'mariadb', scratch: string, memory: string): string {
  const program = flavour === 'mysql' ? '/usr/sbin/mysqld' : '/usr/sbin/mariadbd'
  const prepare =
    flavour === 'mysql'
      ? `${program} --defaults-file=${scratch}/my.cnf --initialize-insecure`
      : `/usr/bin/mariadb-install-db --defaults-file=${scratch}/my.cnf --skip-test-db --auth-root-authentication-method=socket --auth-root-socket-user=root`
  return `# Managed by hostwright: changes are overwritten.
[Unit]
Description=Scratch database server for the test of a backup

[Service]
Type=notify
User=mysql
Group=mysql
ExecStartPre=${prepare}
ExecStart=${program} --defaults-file=${scratch}/my.cnf
TimeoutSec=infinity
Restart=no
Nice=19
CPUWeight=5
IOWeight=5
MemoryMax=${memory}
OOMScoreAdjust=900
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${scratch}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=
SystemCallFilter=@system-service
SystemCallArchitectures=native
LimitNOFILE=10000
UMask=0077
`
}

function databaseChecks(given: Checked, targets: readonly string[]): Tasks {
  return [
    ['backup-database', 'backup-restore-test'].map((unit) =>
      assert({ name: `${unit} has a timer`, that: `systemctl is-active --quiet ${unit}.timer` }),
    ),
    targets.flatMap((target) => [
      freshness(
        target,
        databaseRepository,
        'database',
        given.maxAge * 3600,
        `databases: a backup in ${target} of the last ${given.maxAge} hours`,
      ),
      freshness(
        target,
        databaseRepository,
        'restore-test',
        given.maxTestAge * 86_400,
        `databases: a backup in ${target} was restored and found whole in the last ${given.maxTestAge} days`,
      ),
    ]),
  ]
}

/** Asks the repository itself. While the first one is being made it is waited for, five minutes at most. */
function freshness(target: string, repository: string, tag: string, seconds: number, message: string): Task {
  return assert({
    message,
    that: `end=$(($(date +%s) + 300))
while systemctl show --property=ActiveState 'backup-*.service' | grep -qx ActiveState=activating && [ "$(date +%s)" -lt "$end" ]; do sleep 1; done
newest=$(${folder}/restic ${target} ${repository} snapshots --no-lock --json --tag ${tag} | jq -r 'max_by(.time).time // empty')
[ -n "$newest" ] || { echo 'there is none: journalctl -u "backup-*"' >&2; exit 1; }
echo "the newest is of $newest"
[ $(($(date +%s) - $(date -d "$newest" +%s))) -le ${seconds} ]`,
  })
}
