// fail2ban: who fails to log in again and again is refused by the kernel for a while, who comes back for longer.
import { apt, assert, file, type Host, handler, shell, systemd, type Tasks, v } from 'hostwright'
import { ddosProfileOf } from './ddos-profile.ts'
import { trustedSources } from './trusted-sources.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(1))
const source = v.pipe(
  v.string(),
  v.regex(/^[0-9A-Fa-f.:]+(\/\d{1,3})?$/, "expected an address or a network such as '192.0.2.0/24'"),
)

export const banParams = {
  /** Failures that lead to a ban. @default by `site.ddosProtection`: 5 (standard), 3 (strict) */
  maxRetry: v.optional(count),
  /** Seconds within which they count. @default by `site.ddosProtection`: 600 (standard), 3600 (strict) */
  findTime: v.optional(count),
  /** Seconds of the first ban; each further one of the same address is longer. @default by `site.ddosProtection`: 3600 (standard), 86400 (strict) */
  banTime: v.optional(count),
  /** Never banned, beside the controllers and the hosts of the inventory. @default [] */
  ignore: v.optional(v.array(source), []),
}

type Given = v.InferOutput<v.StrictObjectSchema<typeof banParams, undefined>>

const longestBan = 7 * 86_400

/** Installs and configures fail2ban for ssh; nginx too where clients reach it without a load balancer between. Nothing at level `off`. */
export function banTasks(given: Given, host: Host): Tasks {
  const level = ddosProfileOf(host)?.bans
  if (!level) return []
  const reload = handler(
    [
      systemd.service({ unit: 'fail2ban', state: 'reloaded' }),
      shell.command({ name: 'fail2ban answers', run: 'fail2ban-client ping', probe: true, retry: { attempts: 30 } }),
    ],
    { name: 'reload fail2ban' },
  )
  return [
    // Debian's default jail reads a log file that hosts without rsyslog do not have: configured first, started then
    apt.package({ pkg: ['fail2ban', 'python3-systemd', 'nftables'], startServices: false }),
    file.template({
      src: 'hardening/jail.local.ejs',
      dest: '/etc/fail2ban/jail.d/10-provision.local',
      mode: '0644',
      vars: {
        maxRetry: given.maxRetry ?? level.failures,
        findTime: given.findTime ?? level.findSeconds,
        banTime: given.banTime ?? level.banSeconds,
        maxBanTime: Math.max(longestBan, given.banTime ?? level.banSeconds),
        ignored: ['127.0.0.0/8', '::1', ...trustedSources(host), ...given.ignore],
        sshPort: host.sshPort,
        // behind a load balancer the address of a connection is the balancer's: a ban by client would refuse nobody
        nginx: host.isIn('web') && !host.inventory.hasGroup('lb'),
      },
      validate: 'fail2ban-client -t',
      notify: reload,
    }),
    systemd.service({ unit: 'fail2ban', state: 'started', enabled: true }),
  ]
}

/** The running daemon has the jail and knows whom it must never ban. */
export function banVerify(host: Host): Tasks {
  return (
    ddosProfileOf(host) &&
    assert({
      that: `ignored=$(fail2ban-client get sshd ignoreip)
for address in ${trustedSources(host).join(' ')}; do
  printf '%s\\n' "$ignored" | grep -qF -- " $address" || { echo "$address could be banned"; exit 1; }
done`,
      message: 'fail2ban watches ssh and never bans the controllers and the hosts of the site',
    })
  )
}
