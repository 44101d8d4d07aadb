// unattended-upgrades: security updates every day. Never of databases and load balancers, whose upgrade is a step of its own: a
// database package writes into the database when it is upgraded, on a replica too, and two balancers must not stop at once.
import { apt, assert, file, type Host, systemd, type Tasks, v } from 'hostwright'

const pattern = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9^$.*+?|()[\]_-]+$/, 'expected a regular expression of package names'),
)
const origin = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_=,.:$ {}/*-]+$/, "expected a pattern such as 'origin=Debian,label=Debian-Security'"),
)
const clock = v.pipe(v.string(), v.regex(/^([01]\d|2[0-3]):[0-5]\d$/, "expected a time such as '03:30'"))

const ownSteps: readonly string[] = [
  ...['^mysql-', '^mariadb-', '^galera-', '^percona-', '^libmysqlclient'],
  ...['^haproxy$', '^keepalived$'],
]

export const upgradeParams = {
  /** Where upgrades may come from: `security`, `stable` (also Debian's point releases), or patterns. @default 'security' */
  origins: v.optional(v.union([v.picklist(['security', 'stable']), v.array(origin)]), 'security'),
  /** Packages that are never upgraded, as regular expressions of their names. @default databases, load balancers and what keeps them */
  blacklist: v.optional(v.array(pattern), [...ownSteps]),
  /**
   * Reboot when an upgrade asks for it: at `from`, each host of the inventory `apart` minutes after the one before, so that they never go together.
   * @default false
   */
  reboot: v.optional(
    v.union([
      v.literal(false),
      v.strictObject({ from: clock, apart: v.optional(v.pipe(v.number(), v.integer(), v.minValue(5)), 15) }),
    ]),
    false,
  ),
  /** Who gets a mail about changes; the host must be able to send mail. @default nobody */
  mail: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$|^root$/, 'expected a mail address'))),
}

type Given = v.InferOutput<v.StrictObjectSchema<typeof upgradeParams, undefined>>

/** Installs and configures unattended-upgrades. */
export function upgradeTasks(given: Given, host: Host): Tasks {
  return [
    given.mail !== undefined &&
      assert({
        that: 'PATH="$PATH:/usr/sbin" && { command -v sendmail || command -v mail; }',
        message: 'hardening.upgrades.mail: the host can send mail (install a mail server such as msmtp-mta first)',
      }),
    apt.package({ pkg: 'unattended-upgrades' }),
    file.template({
      src: 'hardening/unattended-upgrades.conf.ejs',
      // after the package's own 20auto-upgrades and 50unattended-upgrades, whose lists it clears
      dest: '/etc/apt/apt.conf.d/90provision-unattended-upgrades',
      mode: '0644',
      vars: {
        origins: given.origins,
        blacklist: given.blacklist,
        reboot: given.reboot === false ? '' : rebootTime(given.reboot, host),
        mail: given.mail ?? '',
      },
      validate: 'apt-config -c %s dump',
    }),
    ['apt-daily.timer', 'apt-daily-upgrade.timer'].map((unit) =>
      systemd.service({ unit, state: 'started', enabled: true }),
    ),
  ]
}

/** apt itself has read the lists and knows when to begin. */
export function upgradeVerify(given: Given): Tasks {
  return [
    assert({
      that: `apt-config dump APT::Periodic::Unattended-Upgrade | grep -qxF 'APT::Periodic::Unattended-Upgrade "1";'
systemctl is-active apt-daily-upgrade.timer`,
      message: 'upgrades are installed every day',
    }),
    assert({
      that: `apt-config dump Unattended-Upgrade::Package-Blacklist | grep -c '::Package-Blacklist:: '`,
      expect: { stdout: String(given.blacklist.length) },
      message: 'the packages that are never upgraded by themselves are those that were named',
    }),
  ]
}

/** When this host may reboot: hosts follow each other in the order of the inventory. */
export function rebootTime(
  { from, apart }: { readonly from: string; readonly apart: number },
  {
    name,
    inventory,
  }: { readonly name: string; readonly inventory: { readonly hosts: readonly { readonly name: string }[] } },
): string {
  const [hours = 0, minutes = 0] = from.split(':').map(Number)
  const place = inventory.hosts.findIndex((entry) => entry.name === name)
  const time = (hours * 60 + minutes + Math.max(0, place) * apart) % (24 * 60)
  return [Math.floor(time / 60), time % 60].map((part) => String(part).padStart(2, '0')).join(':')
}
