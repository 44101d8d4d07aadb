// The application: releases beside each other, one link to the current one, a hardened systemd unit, healthy or rolled back.
import {
  apt,
  file,
  group,
  type Host,
  handler,
  release,
  role,
  type Secret,
  secretText,
  systemd,
  tls,
  user,
  v,
  wait,
} from 'hostwright'
import { appOpenings, isTunnelled, tunnelPort, tunnelTasks, tunnelVerify, webElsewhere } from './app-tls.ts'
import { caChoice } from './site.ts'

const word = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,30}$/, 'expected a short name (a-z, 0-9, -)'))
const variable = v.custom<string | number | Secret>(
  (value) => ['string', 'number', 'object'].includes(typeof value) && value !== null,
  'expected a text, a number or a secret',
)

const params = {
  /** Name of the app: its user, its unit, its directories. @default 'app' */
  name: v.optional(word, 'app'),
  /** Where the code comes from: a folder on the controller, or a git repository at a branch, tag or commit. */
  source: v.union(
    [v.strictObject({ directory: v.string() }), v.strictObject({ git: v.string(), version: v.string() })],
    'expected { directory } or { git, version }',
  ),
  /** Debian packages that it runs on. @default ['nodejs'] */
  packages: v.optional(v.array(v.string()), ['nodejs']),
  /** Command that starts it, from the release's directory; an absolute program. @default '/usr/bin/node server.js' */
  command: v.optional(v.string(), '/usr/bin/node server.js'),
  /** Port that it listens on, given as PORT. @default 3000 */
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024), v.maxValue(65535)), 3000),
  /** Port that web servers on other hosts connect to with TLS; not used with `site.encryption: false`. @default 3443 */
  tlsPort: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024), v.maxValue(65535)), tunnelPort),
  /** Environment, beside PORT, LISTEN, SERVER_NAME and RELEASE. Secrets are welcome. @default {} */
  env: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[A-Z_][A-Z0-9_]*$/, 'expected a name of an environment variable')), variable),
    {},
  ),
  /** Put the internal CA (`ca.pem`) and a certificate of it into `/etc/<name>/tls`. @default false */
  internalTls: v.optional(v.boolean(), false),
  /** Path that answers 200 when the app works. @default '/healthz' */
  healthPath: v.optional(v.string(), '/healthz'),
  /** Only the files of the release, for a web server without the app to serve the static ones: no user, no unit. @default false */
  filesOnly: v.optional(v.boolean(), false),
  /** Releases kept for rollback, the current one included. @default 5 */
  keepReleases: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2)), 5),
  /** It compiles code at run time (Node, Java, PyPy), so memory may be both writable and executable. @default true */
  jit: v.optional(v.boolean(), true),
}

export type AppParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    app?: Partial<AppParams>
  }
}

/**
 * The application server.
 * @example play({ hosts: 'web', roles: [app({ source: { git: 'https://git.example.com/shop.git', version: 'v1.4.2' } })] })
 */
export const app = role(
  'app',
  {
    params,
    openings: (given, host) => (given.filesOnly ? [] : appOpenings(given, host)),
    verify: (given, host) =>
      !given.filesOnly && [
        wait.http({ name: 'the app answers', url: `http://127.0.0.1:${given.port}${given.healthPath}`, timeout: 10 }),
        tunnelVerify(given, host),
      ],
    rollback: {
      look: ({ name }) => release.kept({ path: `/srv/${name}` }),
      tasks: (given, _, id) => release.current({ path: `/srv/${given.name}`, release: id, notify: restartOf(given) }),
    },
  },
  (given, host) => {
    const { name } = given
    const unit = `${name}.service`
    const restart = restartOf(given)
    const files = { path: `/srv/${name}`, source: given.source, keep: given.keepReleases, owner: 'root' }
    if (given.filesOnly) return release.deploy(files)
    return [
      apt.package({ pkg: [...given.packages, 'curl'], startServices: false }),
      group({ name, system: true }),
      user({ name, group: name, system: true, home: `/srv/${name}`, createHome: false, shell: '/usr/sbin/nologin' }),
      file.directory({ path: `/etc/${name}`, mode: '0755' }),
      given.internalTls &&
        tls.internal({
          directory: `/etc/${name}/tls`,
          subject: host.name,
          group: name,
          ...caChoice(host),
          notify: restart,
        }),
      file.file({
        dest: `/etc/${name}/${name}.env`,
        content: environmentFile(given, host),
        mode: '0600',
        owner: 'root',
        group: 'root',
        notify: restart,
      }),
      release.deploy({ ...files, group: name, notify: restart }),
      systemd.unit({ name: unit, content: unitFile(given), notify: restart }),
      systemd.service({ unit, state: 'started', enabled: true }),
      tunnelTasks(given, host),
    ]
  },
)

/** An active unit is no proof: only an answer is. */
function restartOf({ name, port, healthPath, filesOnly }: Checked) {
  if (filesOnly) return []
  return handler(
    [
      systemd.service({ unit: `${name}.service`, state: 'restarted' }),
      wait.http({ url: `http://127.0.0.1:${port}${healthPath}`, timeout: 30 }),
    ],
    { name: `restart ${name}` },
  )
}

/** Web servers elsewhere come in through the tunnel of this host, or, unencrypted, to the app itself. */
function listenOn(host: Host): string {
  return webElsewhere(host).length === 0 || isTunnelled(host) ? '127.0.0.1' : '0.0.0.0'
}

/** systemd reads it before it gives up root, so that the app's user cannot change it; see EnvironmentFile= in systemd.exec(5). */
function environmentFile({ port, env }: Checked, host: Host): Secret {
  const own = { PORT: port, LISTEN: listenOn(host), SERVER_NAME: host.name }
  return Object.entries({ ...own, ...env }).reduce(
    (text, [key, value]) => secretText`${text}${key}=${quoteSetting(value)}\n`,
    secretText``,
  )
}

/** Double quotes, where systemd knows `\\`, `\"` and `\$`. */
function quoteSetting(value: string | number | Secret): Secret {
  const quoted = (text: string) => `"${text.replace(/[\\"$`]/g, '\\$&')}"`
  return typeof value === 'object' ? value.map(quoted) : secretText`${quoted(String(value))}`
}

function unitFile({ name, command, jit }: Checked): string {
  return `# Written by provision (role app). Changes made here are undone by the next run.
[Unit]
Description=${name}
After=network-online.target
Wants=network-online.target

[Service]
User=${name}
Group=${name}
WorkingDirectory=/srv/${name}/current
EnvironmentFile=/etc/${name}/${name}.env
SyslogIdentifier=${name}
ExecStart=/bin/sh -c 'RELEASE=$(basename "$(readlink /srv/${name}/current)") exec ${command}'
Restart=on-failure
RestartSec=1
TimeoutStopSec=15
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
${jit ? '' : 'MemoryDenyWriteExecute=yes\n'}CapabilityBoundingSet=
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
UMask=0077

[Install]
WantedBy=multi-user.target
`
}
