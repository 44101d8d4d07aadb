// What the role haproxy is told, and what its templates (templates/haproxy) are given.
import { createHash } from 'node:crypto'
import { type Host, v } from 'hostwright'
import { endpointOfBalancer } from './database-endpoint.ts'
import { ddosLevelOf, ddosProfileOf, unlimitedSources } from './ddos-profile.ts'
import { internalCertificates } from './haproxy-certificate.ts'
import { metricsVars } from './haproxy-metrics.ts'
import { peersVars } from './haproxy-peers.ts'
import { isEncryptedInside, nearest } from './site.ts'

const domainName = v.pipe(
  v.string(),
  v.regex(/^(?=.{1,253}$)([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/i, 'expected a domain name'),
)
const word = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.:-]+$/, 'expected a name or an address'))

export const params = {
  /** The site's names; the first is sent as Host in health checks. */
  domains: v.pipe(v.array(domainName), v.minLength(1, 'expected at least one domain')),
  /** How requests are spread. @default 'roundrobin' */
  balance: v.optional(v.picklist(['roundrobin', 'leastconn', 'source']), 'roundrobin'),
  /** `active-passive`: only the first server serves while it is healthy. @default 'active-active' */
  mode: v.optional(v.picklist(['active-active', 'active-passive']), 'active-active'),
  /**
   * Servers behind; with `tls` their certificate must be of the internal CA and have their name.
   * @default the hosts of group `web` on port 8443 with TLS, or on 8080 with `site.encryption: false`
   */
  servers: v.optional(
    v.array(
      v.strictObject({
        name: word,
        address: word,
        port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
        tls: v.optional(v.boolean(), false),
      }),
    ),
  ),
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

/** Where the certificates are that clients see. */
export const certificates = '/etc/haproxy/certs'

export type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

/** The template's variables, with a fingerprint of them that the running process repeats. */
export function configuration(given: Checked, host: Host) {
  const tls = isEncryptedInside(host)
  const webs = given.servers ? [] : host.inventory.group('web')
  // those of another region wait until none of this one is well
  const near = nearest(host, webs).map(({ name }) => name)
  const servers = (
    given.servers ??
    webs.map((web) => ({ name: web.name, address: web.connection.address, port: tls ? 8443 : 8080, tls }))
  ).map((server, index) => ({
    ...server,
    backup: (given.mode === 'active-passive' && index > 0) || (!given.servers && !near.includes(server.name)),
  }))
  const floods = ddosProfileOf(host)
  const vars = {
    ...given,
    floods: floods && { ...floods, level: ddosLevelOf(host), unlimited: unlimitedSources(host) },
    domain: given.domains[0] ?? '',
    certificates,
    internalCertificates,
    servers,
    passive: given.mode === 'active-passive',
    database: endpointOfBalancer(host),
    peers: peersVars(host),
    metrics: metricsVars(host),
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(vars)).digest('hex').slice(0, 16)
  return { ...vars, fingerprint }
}
