// An internal certificate authority without state: its key, and every certificate it has issued, follow from one secret and the date.
// Ed25519 signatures are deterministic (RFC 8032), so the same secret, names and period give the same bytes in every run, and nothing
// needs to be kept but the secret. It also means that whoever has the secret has every key: rotate it to revoke. X.509: RFC 5280, RFC 8410.
// Which period it is: certificate-period.ts.
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { authorityPeriod, type Period, subjectPeriod } from './certificate-period.ts'

/** For whom a certificate is. */
export interface CertificateSubject {
  /** The common name; also derives the key. */
  readonly name: string
  /** DNS names by which it is reached. */
  readonly names: readonly string[]
  /** Addresses by which it is reached. */
  readonly addresses: readonly string[]
}

/** What a host needs, as PEM. */
export interface IssuedCertificate {
  /** The authorities to trust: the one that issued, then those that are on their way in or out. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
  /** When the certificate ends. */
  readonly expires: Date
}

/** When, and for how long. */
export interface IssueOptions {
  /** The day of issue. */
  readonly at: Date
  /** Days that a certificate is valid. @default 397 */
  readonly lifetimeDays?: number | undefined
}

/** Days that a certificate is valid, unless somebody says otherwise: what public authorities may give at most. */
export const defaultLifetimeDays = 397

/**
 * The certificate and key of a subject, and the CA to trust. The same input on a day of the same period gives the same output.
 * The secret may have several lines: the first one issues, all are trusted, so that one CA can follow another without an outage.
 */
export function issueCertificate(
  secret: string,
  subject: CertificateSubject,
  options: IssueOptions,
): IssuedCertificate {
  const [issuing = '', ...others] = secret
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  for (const line of [issuing, ...others]) {
    if (line.length < 16)
      throw new TypeError(`the secret of an internal CA needs at least 16 characters, found ${line.length}`)
  }
  const period = subjectPeriod(options.at, subject.name, options.lifetimeDays ?? defaultLifetimeDays)
  // by the certificate's beginning, not by today: so the two files change on the same day
  const validity = authorityPeriod(period.begins)
  const authority = makeAuthority(issuing)
  const key = derivedKey(issuing, `host ${subject.name} ${period.begins.toISOString()}`)
  const alternatives = [
    ...subject.names.map((name) => tlv(0x82, Buffer.from(name, 'ascii'))),
    ...subject.addresses.map((address) => tlv(0x87, addressBytes(address))),
  ]
  const host = certificate({
    issuer: authority.name,
    signer: authority.key,
    subject: commonName(subject.name),
    key,
    period,
    extensions: [
      extension('551d13', true, sequence()),
      extension('551d0f', true, hex('03020780')), // digital signature
      extension('551d25', false, sequence(hex('06082b06010505070301'), hex('06082b06010505070302'))), // server, client
      ...(alternatives.length > 0 ? [extension('551d11', false, sequence(...alternatives))] : []),
      extension('551d0e', false, tlv(0x04, keyIdentifier(key))),
      extension('551d23', false, sequence(tlv(0x80, keyIdentifier(authority.key)))),
    ],
  })
  return {
    ca: [authority, ...others.map(makeAuthority)].map((trusted) => authorityCertificate(trusted, validity)).join(''),
    certificate: pem('CERTIFICATE', host),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    expires: period.ends,
  }
}

interface Authority {
  readonly key: KeyObject
  readonly name: Buffer
}

/** Its name says which one it is, so that two of them can be trusted at once. */
function makeAuthority(secret: string): Authority {
  const key = derivedKey(secret, 'ca')
  return { key, name: commonName(`hostwright internal CA ${keyIdentifier(key).toString('hex').slice(0, 8)}`) }
}

/** Signed by itself; the next period's has the same key, so what one has issued verifies with the other too. */
function authorityCertificate({ key, name }: Authority, period: Period): string {
  const extensions = [
    extension('551d13', true, sequence(hex('0101ff'), hex('020100'))), // CA, and no CA below it
    extension('551d0f', true, hex('03020106')), // signs certificates and revocation lists
    extension('551d0e', false, tlv(0x04, keyIdentifier(key))),
  ]
  return pem('CERTIFICATE', certificate({ issuer: name, signer: key, subject: name, key, period, extensions }))
}

/** UTCTime, which RFC 5280 wants for years before 2050, and GeneralizedTime from then on. */
function time(at: Date): Buffer {
  const digits = at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')
  return at.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits))
}

/** The algorithm Ed25519. */
const ed25519 = hex('300506032b6570')

interface CertificateParts {
  readonly issuer: Buffer
  readonly signer: KeyObject
  readonly subject: Buffer
  readonly key: KeyObject
  readonly period: Period
  readonly extensions: readonly Buffer[]
}

function certificate({ issuer, signer, subject, key, period, extensions }: CertificateParts): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const validity = sequence(time(period.begins), time(period.ends))
  const rest = [ed25519, issuer, validity, subject, publicKey, tlv(0xa3, sequence(...extensions))]
  // A serial number of what is certified: other names, other number. The first byte keeps it positive and of full length.
  const serial = createHash('sha256').update(Buffer.concat(rest)).digest().subarray(0, 16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const body = sequence(tlv(0xa0, hex('020102')), tlv(0x02, serial), ...rest)
  return sequence(body, ed25519, tlv(0x03, Buffer.concat([hex('00'), sign(null, body, signer)])))
}

/** The PKCS #8 form of an Ed25519 key is a fixed head and its 32 bytes (RFC 8410, section 7). */
function derivedKey(secret: string, label: string): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', secret, 'hostwright internal CA', label, 32))
  const der = Buffer.concat([hex('302e020100300506032b657004220420'), seed])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

function keyIdentifier(key: KeyObject): Buffer {
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32)
  return createHash('sha1').update(raw).digest()
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(hex('0603550403'), tlv(0x0c, Buffer.from(name)))))
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(tlv(0x06, hex(oid)), ...(critical ? [hex('0101ff')] : []), tlv(0x04, value))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

/** Tag, length, value: DER's only form. */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), value])
  const bytes = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...bytes]), value])
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (!isIPv6(address) || address.includes('.') || address.includes('%'))
    throw new TypeError(`expected an IPv4 or IPv6 address, found '${address}'`)
  const [head = '', tail] = address.split('::')
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16))
  const before = words(head)
  const after = tail === undefined ? [] : words(tail)
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]))
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
