// Nginx on the web servers: static files served directly, everything else proxied to the app.
import { createHash } from 'node:crypto'
import { apt, file, type Host, handler, role, shell, systemd, tls, v, wait } from 'hostwright'
import { isTunnelled, tunnelName, upstreamOf } from './app-tls.ts'
import { ddosProfileOf, unlimitedSources } from './ddos-profile.ts'
import { wafAfter, wafBefore, wafParams, wafVerify } from './nginx-waf.ts'
import { caChoice, isEncryptedInside, membersOf } from './site.ts'

const domainName = v.pipe(
  v.string(),
  v.regex(/^(?=.{1,253}$)([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/i, 'expected a domain name'),
)

const params = {
  /** The site's names. */
  domains: v.pipe(v.array(domainName), v.minLength(1, 'expected at least one domain')),
  /** Port that the load balancers connect to with TLS, if there are any; not open with `site.encryption: false`. @default 8443 */
  tlsPort: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)), 8443),
  /** Port without TLS: for this host alone where there is one with TLS. @default 8080 */
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)), 8080),
  /** Directory of the static files. @default '/srv/app/current/static' */
  root: v.optional(v.string(), '/srv/app/current/static'),
  /** `address:port` of the app servers. @default the app on this host, or all hosts of group `app` if this is none of them */
  upstream: v.optional(v.array(v.string())),
  /** Port of the app on this host, for the default of `upstream`. @default `port` of the inventory's `app`, or 3000 */
  appPort: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))),
  /** Path that is proxied to the app's health check. @default '/healthz' */
  healthPath: v.optional(v.string(), '/healthz'),
  /** Who may tell the client's address in X-Forwarded-For. @default the hosts of group `lb` */
  trustedProxies: v.optional(v.array(v.string())),
  /** Largest request body. @default '10m' */
  clientMaxBodySize: v.optional(v.pipe(v.string(), v.regex(/^\d+[kmg]?$/i, "expected a size such as '10m'")), '10m'),
  /** Requests a second from one client. @default as `site.ddosProtection` has it; not limited when that is off */
  requestsPerSecond: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Requests over the rate that are still served. @default as `site.ddosProtection` has it, else twice the rate */
  burst: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Connections at once from one client. @default as `site.ddosProtection` has it; not limited when that is off */
  connectionsPerClient: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  ...wafParams,
}

export type NginxParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    nginx?: Partial<NginxParams>
  }
}

const certificates = '/etc/nginx/tls'

/**
 * The web server.
 * @example play({ hosts: 'web', roles: [nginx({ domains: ['www.example.com'] })] })
 */
export const nginx = role(
  'nginx',
  {
    params,
    openings: ({ port, tlsPort }, host) => [
      {
        port: isEncrypted(host) ? tlsPort : port,
        from: addressesOf(host, 'lb'),
        comment: 'nginx from the load balancers',
      },
    ],
    verify: (given, host) => [
      wait.http({
        name: 'nginx runs the configuration that was written',
        url: 'http://127.0.0.1:8081/config',
        contains: configuration(given, host).fingerprint,
        timeout: 5,
      }),
      wait.http({
        name: 'the app answers through nginx',
        url: `http://127.0.0.1:${given.port}${given.healthPath}`,
        timeout: 10,
      }),
      isEncrypted(host) &&
        shell.command({
          name: 'nginx shows the load balancers its present certificate of the internal CA',
          run: `curl -sS -o /dev/null --cacert ${certificates}/ca.pem --connect-to ${host.name}:${given.tlsPort}:127.0.0.1:${given.tlsPort} https://${host.name}:${given.tlsPort}${given.healthPath}`,
          probe: true,
        }),
      wafVerify(given),
    ],
  },
  (given, host) => {
    const vars = configuration(given, host)
    const reload = handler(
      [
        systemd.service({ unit: 'nginx', state: 'reloaded' }),
        wait.http({ url: 'http://127.0.0.1:8081/config', contains: vars.fingerprint, timeout: 15 }),
      ],
      { name: 'reload nginx' },
    )
    return [
      apt.package({ pkg: ['nginx', 'curl'], startServices: false }),
      file.absent({ path: '/etc/nginx/sites-enabled/default', notify: reload }),
      (vars.encrypted || vars.tunnelled) &&
        tls.internal({ directory: certificates, subject: host.name, ...caChoice(host), notify: reload }),
      wafBefore(given, reload),
      file.template({
        src: 'nginx/site.conf.ejs',
        dest: '/etc/nginx/conf.d/site.conf',
        mode: '0644',
        vars,
        validate: 'nginx -t',
        notify: reload,
      }),
      wafAfter(given),
      systemd.service({ unit: 'nginx', state: 'started', enabled: true }),
    ]
  },
)

function addressesOf(host: Host, group: string): string[] {
  return host.inventory.hasGroup(group) ? host.inventory.group(group).map((entry) => entry.connection.address) : []
}

/** Load balancers come in with TLS; without any the port is for whoever is in front, or for nobody. */
function isEncrypted(host: Host): boolean {
  return isEncryptedInside(host) && host.inventory.hasGroup('lb')
}

/** What one client may do; 0 = as much as it likes. */
function limitsOf(given: Checked, host: Host) {
  const limits = ddosProfileOf(host)?.nginx
  const requestsPerSecond = given.requestsPerSecond ?? limits?.perSecond ?? 0
  return {
    requestsPerSecond,
    burst: given.burst ?? (given.requestsPerSecond === undefined ? limits?.burst : undefined) ?? 2 * requestsPerSecond,
    connectionsPerClient: given.connectionsPerClient ?? limits?.atOnce ?? 0,
  }
}

/** Apps elsewhere are reached over TLS, unless the inventory names servers of its own. */
function tunnelledFrom(given: Checked, host: Host): boolean {
  return given.upstream === undefined && !host.isIn('app') && isTunnelled(host)
}

function configuration(given: Checked, host: Host) {
  const tunnelled = tunnelledFrom(given, host)
  const vars = {
    ...given,
    name: host.name,
    encrypted: isEncrypted(host),
    tunnelled,
    tunnelName,
    certificates,
    unlimited: unlimitedSources(host),
    ...limitsOf(given, host),
    upstream:
      given.upstream ??
      (host.isIn('app')
        ? [`127.0.0.1:${given.appPort ?? host.vars.app?.port ?? 3000}`]
        : membersOf(host, 'app').map((server) => upstreamOf(host, server))),
    trustedProxies: given.trustedProxies ?? addressesOf(host, 'lb'),
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(vars)).digest('hex').slice(0, 16)
  return { ...vars, fingerprint }
}
