// A certificate from an ACME certificate authority, by certbot. State is read from the certificate itself (openssl-x509(1))
// and from certbot's renewal file, which is cheaper than `certbot certificates` and takes no lock.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'

const domain = v.pipe(
  v.string(),
  v.regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i,
    'expected a domain name (no wildcard: HTTP-01 cannot prove one)',
  ),
)

const schema = {
  /** Name of the certificate: the directory below `/etc/letsencrypt/live`. @default the first domain */
  name: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]*$/i, 'expected a certificate name'))),
  /** Names in the certificate. It is issued again when they change. */
  domains: v.pipe(v.array(domain), v.minLength(1, 'expected at least one domain')),
  /** Address for expiry notices. @default none */
  email: v.optional(v.pipe(v.string(), v.includes('@', 'expected an e-mail address'))),
  /** `production` and `staging` are Let's Encrypt's; any other ACME directory by its URL. */
  directory: v.custom<string>(
    (value) =>
      value === 'production' || value === 'staging' || (typeof value === 'string' && value.startsWith('https://')),
    "expected 'production', 'staging' or an https:// URL",
  ),
  /** File on the host with the CA that signed the directory's own HTTPS certificate, for a private ACME server. */
  caFile: v.optional(v.pipe(v.string(), v.startsWith('/'))),
  /** Port of 127.0.0.1 on which certbot answers the challenge, behind the load balancer. @default 8888 */
  challengePort: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))),
  /** What kind of key the certificate has. @default 'ecdsa' */
  keyType: v.optional(v.picklist(['ecdsa', 'rsa'])),
}

export type CertificateArgs = ArgumentsOf<typeof schema>

/** What is installed. */
export interface CertificateState {
  readonly certbot: boolean
  /** Undefined = no certificate of this name. */
  readonly certificate:
    | {
        readonly domains: readonly string[]
        /** Seconds since 1970. */
        readonly notBefore: number
        readonly notAfter: number
        readonly now: number
        readonly server: string
        readonly keyType: string
      }
    | undefined
}

const directories: Readonly<Record<string, string>> = {
  production: 'https://acme-v02.api.letsencrypt.org/directory',
  staging: 'https://acme-staging-v02.api.letsencrypt.org/directory',
}

/**
 * A certificate with its renewal, by certbot's standalone HTTP-01 on a local port behind the load balancer.
 * The renewal itself is certbot's timer's work; a deploy hook in `/etc/letsencrypt/renewal-hooks/deploy` installs the result.
 * @example acme.certificate({ domains: ['www.foobar.com', 'foobar.com'], email: 'ops@foobar.com', directory: 'production' })
 */
export const certificate = defineResource<CertificateArgs, CertificateArgs, CertificateState>({
  name: 'acme.certificate',
  schema,
  describe: (args) => nameOf(args),
  probe: (wishes) => wishes.map(probeOne).join('\n'),
  parse: (stdout, wishes) => {
    const answers = stdout.split(/^== /m).slice(1)
    return wishes.map((_, index) => parseOne(answers[index] ?? ''))
  },
  plan: (state, wish) => {
    if (!state.certbot) return { unknown: 'certbot is not installed' }
    const reasons = reasonsToIssue(state, wish)
    const [summary, ...more] = reasons
    if (!summary) return { unchanged: `covers ${wish.domains.join(', ')}, ${daysLeft(state)} days left` }
    return {
      changes: [
        { summary: [summary, ...more].join('; '), steps: [{ script: issue(wish, state.certificate !== undefined) }] },
      ],
    }
  },
})

function nameOf(args: CertificateArgs): string {
  return args.name ?? args.domains[0] ?? ''
}

function serverOf(args: CertificateArgs): string {
  return directories[args.directory] ?? args.directory
}

function probeOne(args: CertificateArgs): string {
  const name = nameOf(args)
  return sh`echo "== certificate"
if command -v certbot >/dev/null; then echo certbot=yes; else echo certbot=no; fi
cert=/etc/letsencrypt/live/${name}/cert.pem; renewal=/etc/letsencrypt/renewal/${name}.conf
if [ -e "$cert" ]; then
  openssl x509 -in "$cert" -noout -dates -ext subjectAltName
  echo "now=$(date +%s)"
  for at in notBefore notAfter; do
    echo "$at.seconds=$(date +%s -d "$(openssl x509 -in "$cert" -noout -dates | sed -n "s/^$at=//p")")"
  done
  if [ -e "$renewal" ]; then sed -n 's/^server = /server=/p; s/^key_type = /key_type=/p' "$renewal"; fi
fi`
}

function parseOne(answer: string): CertificateState {
  const field = (key: string) => new RegExp(`^${key.replace('.', '\\.')}=(.*)$`, 'm').exec(answer)?.[1] ?? ''
  const certbot = field('certbot')
  if (certbot !== 'yes' && certbot !== 'no') throw new Error(`unexpected answer '${answer.slice(0, 60)}'`)
  const notAfter = Number(field('notAfter.seconds'))
  if (!notAfter) return { certbot: certbot === 'yes', certificate: undefined }
  return {
    certbot: certbot === 'yes',
    certificate: {
      domains: [...answer.matchAll(/DNS:([^,\s]+)/g)].map((match) => (match[1] ?? '').toLowerCase()),
      notBefore: Number(field('notBefore.seconds')),
      notAfter,
      now: Number(field('now')),
      server: field('server'),
      keyType: field('key_type'),
    },
  }
}

/** Certbot renews with a third of the lifetime left; a tenth left means that its timer does not work. */
function reasonsToIssue(state: CertificateState, wish: CertificateArgs): string[] {
  const have = state.certificate
  if (!have) return [`absent → certificate for ${wish.domains.join(', ')}`]
  const reasons: string[] = []
  const wanted = wish.domains.map((name) => name.toLowerCase()).sort()
  const present = [...have.domains].sort()
  if (wanted.join(' ') !== present.join(' ')) reasons.push(`names ${present.join(', ')} → ${wanted.join(', ')}`)
  if (have.server !== '' && have.server !== serverOf(wish)) reasons.push(`issued by ${have.server} → ${serverOf(wish)}`)
  const keyType = wish.keyType ?? 'ecdsa'
  if (have.keyType !== '' && have.keyType !== keyType) reasons.push(`key ${have.keyType} → ${keyType}`)
  const left = have.notAfter - have.now
  if (left < (have.notAfter - have.notBefore) / 10)
    reasons.push(left <= 0 ? 'expired → renewed' : `${daysLeft(state)} days left → renewed`)
  return reasons
}

function daysLeft(state: CertificateState): number {
  const have = state.certificate
  return have ? Math.floor((have.notAfter - have.now) / 86_400) : 0
}

function issue(wish: CertificateArgs, again: boolean): string {
  const email = wish.email ? sh`-m ${wish.email}` : '--register-unsafely-without-email'
  const domains = wish.domains.map((name) => sh`-d ${name}`).join(' ')
  return sh`${raw(wish.caFile ? sh`export REQUESTS_CA_BUNDLE=${wish.caFile}` : ':')}
certbot certonly --non-interactive --agree-tos --no-eff-email ${raw(email)} --server ${serverOf(wish)} --standalone --preferred-challenges http --http-01-address 127.0.0.1 --http-01-port ${wish.challengePort ?? 8888} --cert-name ${nameOf(wish)} --key-type ${wish.keyType ?? 'ecdsa'} --renew-with-new-domains ${raw(again ? '--force-renewal' : '--keep-until-expiring')} ${raw(domains)} 2>&1`
}
