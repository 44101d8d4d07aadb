// HAProxy in front: HTTPS with redirect, health checks, one backend over the web servers.
import { createHash } from 'node:crypto'
import { apt, file, type Host, handler, type RoleExample, role, shell, systemd, v, wait } from 'hostwright'

const domainName = v.pipe(
  v.string(),
  v.regex(/^(?=.{1,253}$)([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/i, 'expected a domain name'),
)

const params = {
  /** The site's names; the first is sent as Host in health checks. */
  domains: v.pipe(v.array(domainName), v.minLength(1, 'expected at least one domain')),
  /** How requests are spread. @default 'roundrobin' */
  balance: v.optional(v.picklist(['roundrobin', 'leastconn', 'source']), 'roundrobin'),
  /** `active-passive`: only the first server serves while it is healthy. @default 'active-active' */
  mode: v.optional(v.picklist(['active-active', 'active-passive']), 'active-active'),
  /** Servers behind. @default the hosts of group `web` on port 8080 */
  servers: v.optional(v.array(v.strictObject({ name: v.string(), address: v.string(), port: v.number() }))),
  /** Path that answers 200 if nginx and the app are well. @default '/healthz' */
  healthPath: v.optional(v.string(), '/healthz'),
  /** Connections at once; HAProxy needs about two file descriptors for each. @default 4000 */
  maxConnections: v.optional(v.pipe(v.number(), v.integer(), v.minValue(10)), 4000),
  /** Strict-Transport-Security in seconds; 0 leaves the header out. @default 63072000 (two years) */
  hstsSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 63_072_000),
  /** Where certificate requests are answered. @default '127.0.0.1:8888', certbot on this host */
  acmeServer: v.optional(v.string(), '127.0.0.1:8888'),
}

export type HaproxyParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    haproxy?: Partial<HaproxyParams>
  }
}

const certificates = '/etc/haproxy/certs'

/**
 * The load balancer. Put `letsencrypt` after it for real certificates; until then it serves a self-signed one.
 * @example play({ hosts: 'lb', roles: [haproxy({ domains: ['www.example.com', 'example.com'], balance: 'leastconn' })] })
 */
export const haproxy = role(
  'haproxy',
  {
    params,
    openings: () => [
      { port: 80, comment: 'http (redirect and ACME)' },
      { port: 443, comment: 'https' },
    ],
    verify: (given, host) => [
      wait.http({
        name: 'haproxy runs the configuration that was written',
        url: 'http://127.0.0.1:8404/config',
        contains: configuration(given, host).fingerprint,
        timeout: 5,
      }),
      shell.command({
        name: 'every web server is up',
        run: `echo 'show stat' | socat - /run/haproxy/admin.sock | awk -F, '$1 == "web" && $2 != "BACKEND" && $18 !~ /^UP/ { print $2 " is " $18; bad = 1 } END { exit bad }'`,
        probe: true,
      }),
    ],
  },
  (given, host) => {
    const vars = configuration(given, host)
    // A reload that returned 0 is no proof: the old worker may still serve. Ask the process itself.
    const reload = handler(
      [
        systemd.service({ unit: 'haproxy', state: 'reloaded' }),
        wait.http({ url: 'http://127.0.0.1:8404/config', contains: vars.fingerprint, timeout: 15 }),
      ],
      { name: 'reload haproxy' },
    )
    return [
      apt.package({ pkg: ['haproxy', 'socat', 'openssl', 'curl'], startServices: false }),
      file.directory({ path: certificates, mode: '0700', owner: 'root', group: 'root' }),
      // HAProxy cannot listen on 443 without any certificate: a placeholder until the first real one is there.
      shell.command({
        name: 'placeholder certificate',
        run: `umask 077
dir=$(mktemp -d)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=placeholder.invalid -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
cat "$dir/cert" "$dir/key" >${certificates}/.placeholder
mv -f ${certificates}/.placeholder ${certificates}/00-placeholder.pem
rm -r "$dir"`,
        unless: `ls ${certificates}/*.pem`,
      }),
      file.template({
        src: 'haproxy/haproxy.cfg.ejs',
        dest: '/etc/haproxy/haproxy.cfg',
        mode: '0644',
        vars,
        validate: 'haproxy -c -q -dW -f %s',
        notify: reload,
      }),
      systemd.service({ unit: 'haproxy', state: 'started', enabled: true }),
    ]
  },
)

type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

/** The template's variables, with a fingerprint of them that the running process repeats. */
function configuration(given: Checked, host: Host) {
  const servers = (
    given.servers ??
    host.inventory.group('web').map((web) => ({ name: web.name, address: web.connection.address, port: 8080 }))
  ).map((server, index) => ({ ...server, backup: given.mode === 'active-passive' && index > 0 }))
  const vars = {
    ...given,
    domain: given.domains[0] ?? '',
    certificates,
    servers,
    passive: given.mode === 'active-passive',
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(vars)).digest('hex').slice(0, 16)
  return { ...vars, fingerprint }
}

/** For `provision test haproxy`: a load balancer with nothing behind it yet. */
export const example: RoleExample = { roles: [haproxy({ domains: ['www.example.org'], servers: [] })] }
