// What every host gets: name, peers, packages, clock, administrators, kernel parameters, a hardened ssh daemon.
import { isIP } from 'node:net'
import {
  apt,
  assert,
  authorizedKey,
  file,
  given,
  type Host,
  handler,
  hostname,
  hosts,
  role,
  shell,
  sshd,
  sysctl,
  systemd,
  type Task,
  user,
  v,
} from 'hostwright'
import { databaseEndpoint } from './database-endpoint.ts'
import { trustedSources } from './trusted-sources.ts'

const withoutDaemons = ['ca-certificates', 'curl', 'sudo']

/** Packages that start nothing can be installed by the same call as those whose daemons wait for their configuration. */
function startNothing(packages: readonly string[]): boolean {
  return packages.every((name) => withoutDaemons.includes(name))
}

const word = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/, 'expected a host name or an address'))
const accountName = v.pipe(v.string(), v.regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected a user name'))

const admin = v.strictObject({
  /** The login name. */
  name: accountName,
  /** Public keys, one line each. */
  keys: v.pipe(v.array(v.string()), v.minLength(1, 'expected at least one public key')),
  /** May become root without a password. @default true */
  sudo: v.optional(v.boolean(), true),
  /** Remove keys that are not listed. @default false */
  exclusive: v.optional(v.boolean(), false),
})

const ssh = v.strictObject({
  /** Let connections be forwarded: needed on jump hosts. @default false */
  allowTcpForwarding: v.optional(v.boolean(), false),
  /** Let users log in with a password. @default false */
  passwordAuthentication: v.optional(v.boolean(), false),
  /** Whether root may log in. @default 'prohibit-password': root with a key */
  permitRootLogin: v.optional(v.union([v.boolean(), v.literal('prohibit-password')]), 'prohibit-password'),
  /** Only these users may log in; the one that provision uses must be among them. @default everyone with a key */
  allowUsers: v.optional(v.pipe(v.array(accountName), v.minLength(1))),
  /**
   * Networks of controllers and monitors that sshd (from OpenSSH 9.8) never penalises for failed or idle connections. It must hold
   * the address that provision comes from. @default none; with the hardening role the controllers and all hosts of the inventory
   */
  exemptSources: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  /** Shown before login. @default nothing */
  banner: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Other keywords of sshd_config(5), or other values for those set here. @default {} */
  options: v.optional(
    v.custom<sshd.SshdOptions>((input) => typeof input === 'object' && input !== null),
    {},
  ),
})

const params = {
  /** The host's name; `false` leaves it alone. @default its name in the inventory */
  hostname: v.optional(v.union([word, v.literal(false)])),
  /** Write all hosts of the inventory to /etc/hosts. @default true */
  hosts: v.optional(v.boolean(), true),
  /** Packages to have. @default ca-certificates, curl, sudo */
  packages: v.optional(v.array(v.string()), [...withoutDaemons]),
  /** For example 'Europe/Vienna'. @default left alone */
  timezone: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_+/-]*$/, "expected a time zone such as 'Etc/UTC'")),
  ),
  /** What keeps the clock right; a container has its machine's clock and is left out. @default 'systemd-timesyncd' */
  timeSync: v.optional(v.union([v.picklist(['systemd-timesyncd', 'chrony']), v.literal(false)]), 'systemd-timesyncd'),
  /** Where the time comes from. @default Debian's pool */
  timeServers: v.optional(v.array(word), []),
  /** Users who administer the host. @default none */
  admins: v.optional(v.array(admin), []),
  /** Kernel parameters beside or instead of the role's; `false` leaves one of them, or all, alone. @default {} */
  sysctl: v.optional(
    v.union([v.record(v.string(), v.union([v.string(), v.number(), v.literal(false)])), v.literal(false)]),
    {},
  ),
  /** Settings of the ssh daemon; `false` leaves it alone. @default {} */
  ssh: v.optional(v.union([ssh, v.literal(false)]), {}),
}

export type BaseParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    base?: Partial<BaseParams>
  }
}

/** From dev-sec's os_hardening, without what breaks hosts (disable_ipv6, tcp_timestamps, arp_ignore). */
const hardening: Readonly<Record<string, number>> = {
  'fs.protected_hardlinks': 1,
  'fs.protected_symlinks': 1,
  'fs.suid_dumpable': 0,
  'kernel.kptr_restrict': 2,
  'kernel.randomize_va_space': 2,
  'kernel.yama.ptrace_scope': 1,
  'net.ipv4.tcp_syncookies': 1,
  'net.ipv4.tcp_rfc1337': 1,
  'net.ipv4.icmp_echo_ignore_broadcasts': 1,
  'net.ipv4.icmp_ignore_bogus_error_responses': 1,
  ...Object.fromEntries(
    ['all', 'default'].flatMap((scope) => [
      [`net.ipv4.conf.${scope}.accept_redirects`, 0],
      [`net.ipv4.conf.${scope}.secure_redirects`, 0],
      [`net.ipv4.conf.${scope}.send_redirects`, 0],
      [`net.ipv4.conf.${scope}.accept_source_route`, 0],
      [`net.ipv4.conf.${scope}.rp_filter`, 1],
      [`net.ipv4.conf.${scope}.log_martians`, 1],
      [`net.ipv6.conf.${scope}.accept_redirects`, 0],
      [`net.ipv6.conf.${scope}.accept_source_route`, 0],
    ]),
  ),
}

/**
 * The ground that the other roles stand on.
 * @example play({ hosts: 'all', roles: [base({ timezone: 'Europe/Vienna', admins: [{ name: 'ann', keys: ['ssh-ed25519 AAAA… ann'] }] })] })
 */
export const base = role(
  'base',
  {
    params,
    verify: (given) => [
      given.ssh !== false &&
        assert({
          that: `PATH="$PATH:/usr/sbin" && sshd -T | grep -qix 'passwordauthentication ${given.ssh.passwordAuthentication ? 'yes' : 'no'}'`,
          message: 'the ssh daemon has the settings that were written',
        }),
      given.admins.length > 0 && assert({ that: 'visudo -c', message: 'the sudoers files are valid' }),
    ],
  },
  (given, host) => [
    given.packages.length > 0 &&
      apt.package({ pkg: given.packages, ...(startNothing(given.packages) && { startServices: false }) }),
    given.hostname !== false && hostname({ name: given.hostname ?? host.name }),
    given.hosts && hosts.entry({ block: 'inventory', entries: peersOf(host) }),
    given.timezone !== undefined && timezone(given.timezone),
    timeTasks(given),
    given.admins.map(adminTasks),
    given.sysctl !== false && sysctl({ name: 'kernel parameters', settings: parametersOf(given.sysctl) }),
    given.ssh !== false && sshTasks(given.ssh, host),
  ],
)

/** Hosts that the inventory knows by name only are found by whoever resolves that name. */
function peersOf(host: Host) {
  const peers = host.inventory.hosts
    .filter((peer) => isIP(peer.connection.address) !== 0)
    .map((peer) => ({ address: peer.connection.address, names: [peer.name] }))
  const endpoint = host.isIn('app') ? databaseEndpoint(host) : undefined
  return endpoint && isIP(endpoint.address) !== 0
    ? [...peers, { address: endpoint.address, names: [endpoint.name] }]
    : peers
}

function parametersOf(own: Readonly<Record<string, string | number | false>>): Record<string, string | number> {
  const all = Object.entries<string | number | false>({ ...hardening, ...own })
  return Object.fromEntries(all.filter((entry): entry is [string, string | number] => entry[1] !== false))
}

function timezone(zone: string): Task {
  return shell.command({
    name: `time zone ${zone}`,
    run: `if [ ! -e /usr/share/zoneinfo/${zone} ]; then echo 'error: there is no time zone ${zone}' >&2; exit 1; fi
timedatectl set-timezone ${zone}`,
    unless: `[ "$(readlink -f /etc/localtime)" = "$(readlink -f /usr/share/zoneinfo/${zone})" ]`,
  })
}

function timeTasks({ timeSync, timeServers }: Checked) {
  if (timeSync === false) return []
  const chrony = timeSync === 'chrony'
  const unit = chrony ? 'chrony' : 'systemd-timesyncd'
  const where = shell.command({
    name: 'whose clock this host has',
    run: 'systemd-detect-virt --container || true',
    probe: true,
  })
  const when = given(where, ({ stdout }) => stdout.trim() === 'none', 'a container has the clock of its machine')
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: `restart ${unit}` })
  return [
    where,
    apt.package({ pkg: unit, ...(chrony && { allowRemove: ['systemd-timesyncd'] }), when }),
    timeServers.length > 0 && !chrony && file.directory({ path: '/etc/systemd/timesyncd.conf.d', mode: '0755', when }),
    timeServers.length > 0 &&
      file.template({
        src: chrony ? 'base/chrony.sources.ejs' : 'base/timesyncd.conf.ejs',
        dest: chrony ? '/etc/chrony/sources.d/provision.sources' : '/etc/systemd/timesyncd.conf.d/10-provision.conf',
        mode: '0644',
        vars: { timeServers },
        when,
        notify: restart,
      }),
    systemd.service({ unit, state: 'started', enabled: true, when }),
  ]
}

function adminTasks({ name, keys, sudo, exclusive }: v.InferOutput<typeof admin>) {
  return [
    user({ name, shell: '/bin/bash' }),
    authorizedKey({ user: name, key: keys, exclusive }),
    sudo
      ? file.template({
          src: 'base/sudoers.ejs',
          dest: `/etc/sudoers.d/90-provision-${name}`,
          mode: '0440',
          owner: 'root',
          group: 'root',
          vars: { name },
          validate: 'visudo -cf %s',
        })
      : file.absent({ path: `/etc/sudoers.d/90-provision-${name}` }),
  ]
}

const exchanges = [
  'sntrup761x25519-sha512@openssh.com',
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
]
const signatures = ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256']
const certificates = [
  'ssh-ed25519-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
]

function sshTasks(given: v.InferOutput<typeof ssh>, host: Host) {
  const { passwordAuthentication, permitRootLogin, allowTcpForwarding, allowUsers, banner } = given
  const exemptSources = given.exemptSources ?? (host.roles.includes('hardening') ? trustedSources(host) : undefined)
  return [
    banner !== undefined && file.file({ dest: '/etc/issue.net', content: `${banner.trimEnd()}\n`, mode: '0644' }),
    sshd.config({
      options: {
        PermitRootLogin: permitRootLogin,
        PasswordAuthentication: passwordAuthentication,
        KbdInteractiveAuthentication: false,
        PubkeyAuthentication: true,
        ...(!passwordAuthentication && { AuthenticationMethods: ['publickey'] }),
        ...(allowUsers && { AllowUsers: allowUsers }),
        X11Forwarding: false,
        AllowTcpForwarding: allowTcpForwarding,
        AllowAgentForwarding: false,
        PermitTunnel: false,
        PermitUserEnvironment: false,
        MaxAuthTries: 3,
        MaxSessions: 10,
        MaxStartups: '10:30:60',
        LoginGraceTime: 30,
        ClientAliveInterval: 300,
        ClientAliveCountMax: 2,
        UseDNS: false,
        Compression: false,
        LogLevel: 'VERBOSE',
        TCPKeepAlive: false,
        DebianBanner: false,
        ...(banner !== undefined && { Banner: '/etc/issue.net' }),
        KexAlgorithms: exchanges,
        Ciphers: [
          'chacha20-poly1305@openssh.com',
          'aes256-gcm@openssh.com',
          'aes128-gcm@openssh.com',
          'aes256-ctr',
          'aes192-ctr',
          'aes128-ctr',
        ],
        MACs: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'umac-128-etm@openssh.com'],
        HostKeyAlgorithms: [...signatures, ...certificates],
        CASignatureAlgorithms: signatures,
        PubkeyAcceptedAlgorithms: [...signatures, ...certificates, 'sk-ssh-ed25519@openssh.com'],
        ...given.options,
      },
      newer: [
        { since: '9.1', options: { RequiredRSASize: 3072, ...given.options } },
        ...(exemptSources ? [{ since: '9.8', options: { PerSourcePenaltyExemptList: exemptSources } }] : []),
        {
          since: '9.9',
          options: {
            KexAlgorithms: ['mlkem768x25519-sha256', 'sntrup761x25519-sha512', ...exchanges],
            ...given.options,
          },
        },
      ],
    }),
  ]
}
