// auditd: who changed accounts, rights, time and the ssh daemon, and who became root. See audit.rules(7).
import { apt, assert, file, given, handler, not, shell, systemd, type Task, type Tasks } from 'hostwright'

/** A container has the audit log of its machine, and some kernels keep none. */
function kernelAudits(): Task & ReturnType<typeof shell.command> {
  return shell.command({
    name: 'whether the kernel keeps an audit log here',
    run: 'PATH="$PATH:/usr/sbin"; auditctl -s >/dev/null 2>&1 && echo yes || echo no',
    probe: true,
  })
}

/** Installs auditd with rules; where the kernel keeps no audit log the rules wait and the daemon stays off. */
export function auditTasks(): Tasks {
  const kernel = kernelAudits()
  const audits = given(kernel, ({ stdout }) => stdout.trim() === 'yes', 'the kernel keeps no audit log here')
  const load = handler(
    shell.command({ name: 'load the audit rules', run: 'augenrules --load', onlyIf: 'auditctl -s' }),
    { name: 'load the audit rules' },
  )
  return [
    apt.package({ pkg: 'auditd', startServices: false }),
    file.template({
      src: 'hardening/audit.rules.ejs',
      dest: '/etc/audit/rules.d/50-provision.rules',
      mode: '0640',
      vars: {},
      notify: load,
    }),
    kernel,
    systemd.service({ unit: 'auditd', state: 'started', enabled: true, when: audits }),
    systemd.service({ unit: 'auditd', state: 'stopped', enabled: false, when: not(audits) }),
  ]
}

/** The kernel has the rules, where it keeps an audit log at all. */
export function auditVerify(): Tasks {
  return assert({
    that: 'PATH="$PATH:/usr/sbin"; ! auditctl -s >/dev/null 2>&1 || auditctl -l | grep -q identity',
    message: 'the kernel records changes of accounts, where it keeps an audit log',
  })
}
