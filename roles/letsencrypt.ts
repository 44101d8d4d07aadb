// Certificates from Let's Encrypt or another ACME authority, answered through HAProxy, installed and renewed for it.
import { acme, apt, file, flush, role, shell, systemd, v } from 'hostwright'

const params = {
  /** Names in the certificate; all must resolve to the load balancer. */
  domains: v.pipe(v.array(v.string()), v.minLength(1, 'expected at least one domain')),
  /** Address for expiry notices. @default none */
  email: v.optional(v.string()),
  /** `production`, `staging`, or the URL of another ACME directory. @default 'staging' */
  directory: v.optional(v.string(), 'staging'),
  /** Local file with the CA of a private ACME directory's own HTTPS certificate. @default the system's CAs */
  caFile: v.optional(v.string()),
  /** Port of 127.0.0.1 where certbot answers; haproxy's `acmeServer` points there. @default 8888 */
  challengePort: v.optional(v.pipe(v.number(), v.integer()), 8888),
}

export type LetsencryptParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    letsencrypt?: Partial<LetsencryptParams>
  }
}

const certificates = '/etc/haproxy/certs'
const hook = '/etc/letsencrypt/renewal-hooks/deploy/provision-haproxy'
const privateCa = '/etc/letsencrypt/provision-ca.pem'

/**
 * The certificate of the site; put it after `haproxy` on the load balancer.
 * @example play({ hosts: 'lb', roles: [letsencrypt({ domains: ['www.example.com'], email: 'ann@example.com' })] })
 */
export const letsencrypt = role(
  'letsencrypt',
  {
    params,
    verify: ({ domains }) => [
      shell.command({
        name: 'the certificate that is served covers every name',
        run: `names=$(openssl s_client -connect 127.0.0.1:443 -servername ${domains[0]} </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)
for name in ${domains.join(' ')}; do case $names in *"DNS:$name"*) ;; *) echo "error: $name is not in the certificate that is served" >&2; exit 1 ;; esac; done`,
        probe: true,
      }),
      shell.command({
        name: 'the renewal timer is active',
        run: 'systemctl is-active --quiet certbot.timer',
        probe: true,
      }),
    ],
  },
  ({ domains, email, directory, caFile, challengePort }) => {
    const name = domains[0] ?? ''
    return [
      apt.package({ pkg: ['certbot', 'openssl'], startServices: false }),
      file.directory({ path: '/etc/letsencrypt/renewal-hooks/deploy', mode: '0755' }),
      file.template({ src: 'letsencrypt/deploy-hook.ejs', dest: hook, mode: '0755', vars: { name, certificates } }),
      caFile && [
        file.file({ dest: privateCa, src: caFile, mode: '0644' }),
        // the renewal timer runs without our environment
        systemd.unit({
          name: 'certbot.service.d/provision-ca.conf',
          content: `[Service]\nEnvironment=REQUESTS_CA_BUNDLE=${privateCa}\n`,
        }),
      ],
      // the challenge comes in through haproxy, which must run the configuration that forwards it
      flush(),
      acme.certificate({
        domains,
        directory,
        challengePort,
        ...(email && { email }),
        ...(caFile && { caFile: privateCa }),
      }),
      // certbot runs the hook itself; this covers a certificate that is older than the hook
      shell.command({
        name: 'install the certificate for haproxy',
        run: `RENEWED_LINEAGE=/etc/letsencrypt/live/${name} ${hook}`,
        unless: `cat /etc/letsencrypt/live/${name}/fullchain.pem /etc/letsencrypt/live/${name}/privkey.pem | cmp -s - ${certificates}/${name}.pem`,
      }),
      systemd.service({ unit: 'certbot.timer', state: 'started', enabled: true }),
    ]
  },
)
