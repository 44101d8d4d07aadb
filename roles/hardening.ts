// What a host gets beside the base role when it is to be defended: bans for who guesses passwords, security updates by themselves,
// an audit log, and the small settings that auditors ask for. Chosen in the inventory: `vars: { hardening: {} }`.
import { apt, assert, file, type Host, role, shell, sysctl, v } from 'hostwright'
import { auditTasks, auditVerify } from './hardening-audit.ts'
import { banParams, banTasks, banVerify } from './hardening-bans.ts'
import { hostKeyTask, permissionTask } from './hardening-files.ts'
import { sandboxTasks, sandboxVerify } from './hardening-sandboxes.ts'
import { upgradeParams, upgradeTasks, upgradeVerify } from './hardening-upgrades.ts'

const warning = `Authorised access only. This system is private property; its use is logged and monitored.
Unauthorised use is prohibited and may be prosecuted under law. Disconnect now if you are not authorised.`

const unused: readonly string[] = [
  ...['dccp', 'sctp', 'rds', 'tipc'],
  ...['cramfs', 'freevxfs', 'hfs', 'hfsplus', 'jffs2', 'udf'],
  ...['usb-storage', 'firewire-core'],
]

const moduleName = v.pipe(v.string(), v.regex(/^[a-z0-9_-]+$/, 'expected the name of a kernel module'))

const params = {
  /** Ban addresses that fail to log in, with fail2ban; `false` leaves it out. @default {} */
  bans: v.optional(v.union([v.strictObject(banParams), v.literal(false)]), {}),
  /** Install security updates every day, with unattended-upgrades; `false` leaves it out. @default {} */
  upgrades: v.optional(v.union([v.strictObject(upgradeParams), v.literal(false)]), {}),
  /** Keep an audit log (auditd), where the kernel does. @default true */
  audit: v.optional(v.boolean(), true),
  /** Confine the daemons of the site's roles by systemd, from their next start on. @default true */
  sandboxes: v.optional(v.boolean(), true),
  /** Keep account of every process (acct). @default false */
  accounting: v.optional(v.boolean(), false),
  /** Mode bits that new files of users who log in do not get. @default '027' */
  umask: v.optional(v.pipe(v.string(), v.regex(/^0?[0-7]{3}$/, "expected octal digits such as '027'")), '027'),
  /** Text in /etc/issue and /etc/issue.net. @default base's banner, or a warning */
  banner: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Kernel modules that are never loaded. @default protocols, file systems and buses that servers do not use */
  blockedModules: v.optional(v.array(moduleName), [...unused]),
  /** Kernel parameters beside base's. @default what lynis asks for and servers can bear */
  sysctl: v.optional(v.record(v.string(), v.union([v.string(), v.number()])), {
    'dev.tty.ldisc_autoload': 0,
    'fs.protected_fifos': 2,
    'fs.protected_regular': 2,
    'kernel.dmesg_restrict': 1,
    'kernel.perf_event_paranoid': 3,
    'kernel.sysrq': 0,
    'kernel.unprivileged_bpf_disabled': 1,
    'net.core.bpf_jit_harden': 2,
  }),
}

export type HardeningParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    /** Present (an empty object will do): the host gets the role. */
    hardening?: Partial<HardeningParams>
  }
}

/**
 * Defence of the host itself. It comes after `base`, which has the ssh daemon.
 * @example play({ hosts: 'all', roles: (host) => [base(), host.vars.hardening && hardening()] })
 */
export const hardening = role(
  'hardening',
  {
    params,
    verify: (given, host) => [
      given.bans !== false && banVerify(host),
      given.upgrades !== false && upgradeVerify(given.upgrades),
      given.audit && auditVerify(),
      given.sandboxes && sandboxVerify(host, given.bans !== false),
      assert({
        that: '[ ! -e /etc/ssh/ssh_host_rsa_key.pub ] || [ "$(ssh-keygen -lf /etc/ssh/ssh_host_rsa_key.pub | cut -d " " -f 1)" -ge 3072 ]',
        message: "the host's RSA key has 3072 bits or more",
      }),
    ],
  },
  (given, host) => {
    const banner = `${(given.banner ?? bannerOfBase(host) ?? warning).trimEnd()}\n`
    const packages = ['debsums', 'needrestart', ...(given.accounting ? ['acct'] : [])]
    return [
      given.sandboxes && sandboxTasks(host, given.bans !== false),
      given.bans !== false && banTasks(given.bans, host),
      given.upgrades !== false && upgradeTasks(given.upgrades, host),
      given.audit && auditTasks(),
      apt.package({ pkg: packages }),
      // it tells what runs old libraries; restarting a database or a load balancer is a person's decision
      file.file({
        dest: '/etc/needrestart/conf.d/50-provision.conf',
        content: "# Written by provision (role hardening).\n$nrconf{restart} = 'l';\n$nrconf{kernelhints} = 0;\n",
        mode: '0644',
      }),
      // a changed program of a package shows in the weekly mail of cron
      file.line({ path: '/etc/default/debsums', match: '^CRON_CHECK=', line: 'CRON_CHECK=weekly' }),
      sysctl({
        name: 'kernel parameters of the hardening',
        settings: given.sysctl,
        file: '/etc/sysctl.d/61-provision-hardening.conf',
      }),
      file.directory({ path: '/etc/modprobe.d', mode: '0755' }),
      file.template({
        src: 'hardening/modprobe.conf.ejs',
        dest: '/etc/modprobe.d/provision-hardening.conf',
        mode: '0644',
        vars: { modules: given.blockedModules },
      }),
      file.file({
        dest: '/etc/security/limits.d/50-provision.conf',
        content: '# Written by provision (role hardening): no core dumps.\n* hard core 0\nroot hard core 0\n',
        mode: '0644',
      }),
      Object.entries({ UMASK: given.umask, SHA_CRYPT_MIN_ROUNDS: '65536', SHA_CRYPT_MAX_ROUNDS: '65536' }).map(
        ([key, value]) =>
          file.line({ path: '/etc/login.defs', match: `^#?\\s*${key}\\s`, line: `${key}\t${value}`, tags: 'login' }),
      ),
      file.file({
        dest: '/etc/profile.d/provision-umask.sh',
        content: `# Written by provision (role hardening).\numask ${given.umask}\n`,
        mode: '0644',
      }),
      ['/etc/issue', '/etc/issue.net'].map((dest) => file.file({ dest, content: banner, mode: '0644' })),
      permissionTask(),
      hostKeyTask(host),
      given.accounting &&
        shell.command({ name: 'process accounting', run: 'accton on', unless: 'lastcomm | head -n 1 | grep -q .' }),
    ]
  },
)

/** The text that the ssh daemon shows, if base has one: both roles write /etc/issue.net. */
function bannerOfBase({ vars }: Host): string | undefined {
  const ssh = vars.base?.ssh
  return ssh === false ? undefined : ssh?.banner
}
