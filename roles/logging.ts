// Central logging: each host sends all that it logs to the hosts of group `logs`, over RELP with TLS on both sides, and keeps what it
// could not send on its own disk. Collectors of other parties are targets beside them.
import { isIP } from 'node:net'
import {
  apt,
  assert,
  file,
  type Host,
  handler,
  role,
  type Secret,
  shell,
  systemd,
  type Tasks,
  tls,
  v,
} from 'hostwright'
import { logFilesOf } from './logging-files.ts'
import { addressesOf, caChoice, membersOf } from './site.ts'

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))
const hostWord = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9.:-]*$/, 'expected a host name or an address'))
const path = v.pipe(v.string(), v.regex(/^\/[A-Za-z0-9_.*/-]+$/, 'expected an absolute path without blanks'))

const target = v.strictObject({
  /** Where the collector listens. */
  host: hostWord,
  /** Its port. */
  port,
  /** How messages travel. @default 'tcp' */
  protocol: v.optional(v.picklist(['tcp', 'udp']), 'tcp'),
  /** Encrypt, and check the collector's certificate. @default true for tcp */
  tls: v.optional(v.boolean()),
  /** Name in its certificate. @default `host` */
  peer: v.optional(hostWord),
  /** Who may have signed its certificate. @default Debian's list of public authorities */
  caFile: v.optional(path, '/etc/ssl/certs/ca-certificates.crt'),
  /** `rfc5424`, or one JSON object a message. @default 'rfc5424' */
  format: v.optional(v.picklist(['rfc5424', 'json']), 'rfc5424'),
  /** What tells the collector whose messages these are: the structured data's name (RFC 5424), or the field `token` (JSON). */
  token: v.optional(
    v.custom<string | Secret>(
      (value) => ['string', 'object'].includes(typeof value) && value !== null,
      'expected a secret',
    ),
  ),
  /** Private enterprise number behind the token, as the collector says: `[TOKEN@41058]`. @default none */
  enterprise: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** How messages are told apart on the connection. @default 'newline' */
  framing: v.optional(v.picklist(['newline', 'octet-counted']), 'newline'),
})

const params = {
  /** Collectors beside the hosts of group `logs`. @default [] */
  targets: v.optional(v.array(target), []),
  /** Files followed beside those of the site's roles. @default [] */
  files: v.optional(
    v.array(
      v.strictObject({
        path,
        program: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'expected a name of a program')),
      }),
    ),
    [],
  ),
  /** Disk that unsent messages may take, for each receiver, in megabytes. What comes beyond is lost, and nothing waits for it. @default 1024 */
  queueMegabytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16)), 1024),
  /** Days that the log host keeps files. @default 30 */
  keepDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 30),
  /** Size in megabytes from which a file of the log host is put away before the day is over. @default 500 */
  maxMegabytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 500),
}

export type LoggingParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    logging?: Partial<LoggingParams>
  }
}

/** Whether the inventory chose central logging: by a group `logs`, or by collectors in `vars: { logging: { targets } }`. */
export function isLogged({ inventory, vars }: Pick<Host, 'inventory' | 'vars'>): boolean {
  return inventory.hasGroup('logs') || vars.logging !== undefined
}

/**
 * Logs in one place. All hosts get the role, those of group `logs` receive.
 * @example play({ hosts: 'all', roles: (host) => [isLogged(host) && logging()] })
 */
export const logging = role(
  'logging',
  {
    params,
    openings: (_, host) =>
      host.isIn('logs') ? [{ port: 6514, from: addressesOf(host, 'all'), comment: 'logs of the other hosts' }] : [],
    verify: (_, host) => [
      assert({ that: 'rsyslogd -N1 2>&1 >/dev/null', message: 'rsyslog takes its configuration' }),
      arrival(host),
    ],
  },
  (given, host) => {
    const receives = host.isIn('logs')
    const restart = handler(systemd.service({ unit: 'rsyslog', state: 'restarted' }), { name: 'restart rsyslog' })
    const address =
      isIP(host.address) > 0 ? { addresses: [host.address] } : { names: [...new Set([host.name, host.address])] }
    return [
      apt.package({
        pkg: ['rsyslog', 'rsyslog-openssl', 'rsyslog-relp', 'logrotate', 'ca-certificates'],
        startServices: false,
      }),
      tls.internal({
        directory: '/etc/rsyslog/tls',
        subject: host.name,
        ...address,
        ...caChoice(host),
        notify: restart,
      }),
      // rsyslog reads the journal itself; and journald's own limit (10000 lines in 30 seconds of one service) is too low for a busy one
      file.directory({ path: '/etc/systemd/journald.conf.d', mode: '0755' }),
      file.file({
        // after Debian's syslog.conf, which says the opposite
        dest: '/etc/systemd/journald.conf.d/zz-provision.conf',
        content:
          '# Written by provision (role logging).\n[Journal]\nForwardToSyslog=no\nRateLimitIntervalSec=30s\nRateLimitBurst=100000\n',
        mode: '0644',
        notify: handler(systemd.service({ unit: 'systemd-journald', state: 'restarted' })),
      }),
      receives && file.directory({ path: '/var/log/remote', mode: '0750', owner: 'root', group: 'adm' }),
      receives &&
        file.template({
          src: 'logging/logrotate.ejs',
          dest: '/etc/logrotate.d/provision-remote',
          mode: '0644',
          vars: { keepDays: given.keepDays, maxMegabytes: given.maxMegabytes },
          validate: 'logrotate --debug %s',
        }),
      file.template({
        src: 'logging/rsyslog.conf.ejs',
        dest: '/etc/rsyslog.d/10-provision.conf',
        // it may hold tokens of collectors
        mode: '0600',
        vars: configuration(given, host),
        validate: 'rsyslogd -N1',
        notify: restart,
      }),
      // a container has no log of the kernel: rsyslog would read an empty file again and again, as fast as it can
      host.facts.isContainer &&
        file.line({
          path: '/etc/rsyslog.conf',
          match: '^#?module\\(load="imklog"\\)',
          line: '#module(load="imklog")',
          notify: restart,
        }),
      systemd.service({ unit: 'rsyslog', state: 'started', enabled: true }),
      receives && systemd.service({ unit: 'logrotate.timer', state: 'started', enabled: true }),
    ]
  },
)

function configuration(given: Checked, host: Host) {
  const others = membersOf(host, 'logs').filter((member) => member.name !== host.name)
  return {
    receives: host.isIn('logs'),
    peers: host.inventory.hosts.map(({ name }) => name).filter((name) => name !== host.name),
    collectors: others.map(({ name, connection }) => ({ name, address: connection.address })),
    files: [...logFilesOf(host), ...given.files],
    queueMegabytes: given.queueMegabytes,
    targets: given.targets.map((entry) => ({
      ...entry,
      tls: entry.tls ?? entry.protocol === 'tcp',
      peer: entry.peer ?? entry.host,
    })),
  }
}

/** Says something here and looks for it on the log hosts. */
function arrival(host: Host): Tasks {
  const mark = `verify-${crypto.randomUUID()}`
  return [
    shell.command({ name: 'a message is said', run: `logger -t provision-verify ${mark}`, probe: true }),
    membersOf(host, 'logs').map(({ name }) =>
      shell.command({
        name: `what ${host.name} says is on ${name}`,
        run: `grep -qF ${mark} /var/log/remote/${host.name}/provision-verify.log`,
        probe: true,
        retry: { attempts: 60, delay: 1 },
        ...(name !== host.name && { on: name }),
      }),
    ),
  ]
}
