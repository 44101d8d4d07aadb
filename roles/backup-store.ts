// A host that keeps the repositories: an account that can add to them and read them over ssh but never change what is there, and
// retention, which only this host can do. See rclone-serve-restic(1) and sshd(8), AUTHORIZED_KEYS FILE FORMAT.
import { apt, assert, file, group, type Host, role, type Secret, secretText, shell, user } from 'hostwright'
import { publicKeyOf, repositoryPassword } from './backup-keys.ts'
import {
  type Checked,
  checkName,
  clientsOf,
  folder,
  metrics,
  params,
  repositoriesOf,
  storeUser,
} from './backup-parameters.ts'
import { jobUnits } from './backup-units.ts'

const home = `/var/lib/${storeUser}`

/**
 * The other end of `backup`: `play({ hosts: 'backup', roles: [backupStore()] })`, before the play with `backup`. It reads the same variable.
 * @example play({ hosts: 'all', roles: (host) => [host.isIn('backup') && backupStore()] })
 */
export const backupStore = role(
  'backup',
  {
    params,
    verify: (given) => [
      assert({
        name: 'old backups are removed by a timer',
        that: 'systemctl is-active --quiet backup-retention.timer',
      }),
      assert({
        name: 'the repositories belong to their account alone',
        that: `stat -c '%a %U' ${given.storePath}/*/ | sort -u`,
        expect: { matches: new RegExp(`^(700 ${storeUser}\\n?)?$`) },
      }),
    ],
  },
  (given, host) => {
    const clients = clientsOf(host)
    const repositories = [...new Set(clients.flatMap(repositoriesOf))]
    for (const client of clients) checkName(client.name)
    return [
      apt.package({ pkg: ['restic', 'rclone', 'jq', 'openssh-server'] }),
      group({ name: storeUser, system: true }),
      // sshd runs a forced command by the account's shell, so it needs one
      user({ name: storeUser, group: storeUser, system: true, home, createHome: false, shell: '/bin/sh' }),
      [home, `${home}/.ssh`].map((path) => file.directory({ path, mode: '0755', owner: 'root', group: 'root' })),
      file.directory({ path: given.storePath, mode: '0755', owner: 'root', group: 'root' }),
      repositories.map((repository) =>
        file.directory({ path: `${given.storePath}/${repository}`, mode: '0700', owner: storeUser, group: storeUser }),
      ),
      file.directory({ path: folder, mode: '0755' }),
      file.template({
        src: 'backup/serve.sh.ejs',
        dest: `${folder}/serve`,
        mode: '0755',
        vars: { path: given.storePath },
      }),
      file.file({
        dest: `${home}/.ssh/authorized_keys`,
        content: authorizedKeys(given, host),
        mode: '0644',
        owner: 'root',
        group: 'root',
      }),
      file.directory({ path: '/etc/backup-store', mode: '0700', owner: 'root', group: 'root' }),
      repositories.map((repository) =>
        file.file({
          dest: `/etc/backup-store/${repository}`,
          content: secretText`${repositoryPassword(given.key, repository)}\n`,
          mode: '0600',
          owner: 'root',
          group: 'root',
        }),
      ),
      repositories.map((repository) =>
        shell.command({
          name: `repository ${repository}`,
          run: `cd / && RESTIC_PASSWORD=$(cat /etc/backup-store/${repository}) runuser -u ${storeUser} -- restic --no-cache --repo ${given.storePath}/${repository} init --quiet`,
          creates: `${given.storePath}/${repository}/config`,
        }),
      ),
      file.directory({ path: metrics, mode: '0755' }),
      file.template({
        src: 'backup/retention.sh.ejs',
        dest: `${folder}/retention`,
        mode: '0755',
        vars: {
          folder,
          target: 'store',
          path: given.storePath,
          repositories,
          keep: given.keep,
          checkShare: given.checkShare,
          figures: '/run/backup-retention/figures',
        },
      }),
      file.template({ src: 'backup/result.sh.ejs', dest: `${folder}/result`, mode: '0755', vars: { metrics } }),
      jobUnits({
        name: 'backup-retention',
        description: 'Remove old backups and check the repositories',
        command: `${folder}/retention`,
        schedule: given.retentionSchedule,
        given,
        writable: [given.storePath],
        figures: '/run/backup-retention/figures',
        service: [
          `User=${storeUser}`,
          `Group=${storeUser}`,
          'RuntimeDirectory=backup-retention',
          'CacheDirectory=backup-retention',
          ...repositories.map((repository) => `LoadCredential=${repository}:/etc/backup-store/${repository}`),
        ],
      }),
    ]
  },
)

/** A line for each client: its key, and that this key runs nothing but `serve` for the client's own repositories. */
function authorizedKeys({ key }: Checked, host: Host): Secret {
  return clientsOf(host).reduce(
    (text, client) =>
      secretText`${text}restrict,command="${folder}/serve ${repositoriesOf(client).join(' ')}" ${publicKeyOf(key, client.name)} ${client.name}\n`,
    secretText`# Managed by hostwright: changes are overwritten.\n`,
  )
}
