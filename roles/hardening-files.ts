// Modes of files that hold secrets or run as root, and the host's own RSA key.
import { type Host, handler, shell, systemd, type Task, wait } from 'hostwright'

const modes: Readonly<Record<string, readonly string[]>> = {
  '600': ['/etc/crontab', '/etc/at.deny', '/etc/cron.deny', '/etc/ssh/sshd_config'],
  '440': ['/etc/sudoers'],
  '700': ['/etc/cron.d', '/etc/cron.hourly', '/etc/cron.daily', '/etc/cron.weekly', '/etc/cron.monthly'],
  '750': ['/etc/sudoers.d'],
}

/** What exists of them belongs to root and is nobody else's to read; a file that is not there is not made. */
export function permissionTask(): Task {
  const pairs = Object.entries(modes).flatMap(([mode, paths]) => paths.map((path) => `${mode} ${path}`))
  const each = (body: string) => `while read -r mode path; do
  [ -e "$path" ] || continue
  ${body}
done <<END
${pairs.join('\n')}
END`
  return shell.command({
    name: 'modes of cron, sudo and sshd files',
    run: each(`[ "$(stat -c '%a' "$path")" = "$mode" ] || chmod "$mode" "$path"`),
    unless: each(`[ "$(stat -c '%a' "$path")" = "$mode" ] || exit 1`),
  })
}

/** sshd refuses RSA keys under 3072 bits (base sets RequiredRSASize), its own too: a short one is made anew. */
export function hostKeyTask({ sshPort }: Pick<Host, 'sshPort'>): Task {
  const key = '/etc/ssh/ssh_host_rsa_key'
  return shell.command({
    name: "length of the host's RSA key",
    run: `umask 077
rm -f ${key}.new ${key}.new.pub
ssh-keygen -q -t rsa -b 4096 -N '' -f ${key}.new
mv -f ${key}.new.pub ${key}.pub
chmod 0644 ${key}.pub
mv -f ${key}.new ${key}`,
    unless: `[ ! -e ${key}.pub ] || [ "$(ssh-keygen -lf ${key}.pub | cut -d ' ' -f 1)" -ge 3072 ]`,
    // a moment passes until the daemon listens again
    notify: handler([systemd.service({ unit: 'ssh', state: 'reloaded' }), wait.port({ port: sshPort })]),
  })
}
