// Logs that daemons write to files of their own, past the system's log: they are followed and sent too.
import type { Host } from 'hostwright'
import { membersOf } from './site.ts'

/** A file that is followed. */
export interface LogFile {
  /** Absolute; `*` stands for any part of a name. */
  readonly path: string
  /** What its lines are filed under. */
  readonly program: string
}

/** What the roles of this host write to files. */
export function logFilesOf(host: Host): readonly LogFile[] {
  return [
    ...(host.isIn('web')
      ? [
          { path: '/var/log/nginx/*access.log', program: 'nginx' },
          { path: '/var/log/nginx/*error.log', program: 'nginx-error' },
          { path: '/var/log/nginx/modsec_audit*.json', program: 'nginx-waf' },
        ]
      : []),
    ...(membersOf(host, 'db').some((member) => member.name === host.name)
      ? [{ path: '/var/log/mysql/error.log', program: 'mysql' }]
      : []),
    ...(host.roles.includes('hardening')
      ? [
          { path: '/var/log/fail2ban.log', program: 'fail2ban' },
          { path: '/var/log/audit/audit.log', program: 'audit' },
          { path: '/var/log/unattended-upgrades/unattended-upgrades.log', program: 'unattended-upgrades' },
        ]
      : []),
  ]
}
