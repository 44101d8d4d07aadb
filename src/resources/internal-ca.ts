// An internal certificate authority without state: its key, and every certificate it has issued, follow from one secret.
// Ed25519 signatures are deterministic (RFC 8032), so the same secret and the same names give the same bytes in every run, and nothing
// needs to be kept but the secret. It also means that whoever has the secret has every key: rotate it to revoke. X.509: RFC 5280, RFC 8410.
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'

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
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** The certificate and key of a subject, and the CA to trust. The same input gives the same output. */
export function issueCertificate(secret: string, subject: CertificateSubject): IssuedCertificate {
  if (secret.length < 16)
    throw new TypeError(`the secret of an internal CA needs at least 16 characters, found ${secret.length}`)
  const authority = derivedKey(secret, 'ca')
  const authorityName = commonName('hostwright internal CA')
  const authorityId = keyIdentifier(authority)
  const ca = certificate({
    issuer: authorityName,
    signer: authority,
    subject: authorityName,
    key: authority,
    extensions: [
      extension('551d13', true, sequence(hex('0101ff'), hex('020100'))), // CA, and no CA below it
      extension('551d0f', true, hex('03020106')), // signs certificates and revocation lists
      extension('551d0e', false, tlv(0x04, authorityId)),
    ],
  })
  const key = derivedKey(secret, `host ${subject.name}`)
  const alternatives = [
    ...subject.names.map((name) => tlv(0x82, Buffer.from(name, 'ascii'))),
    ...subject.addresses.map((address) => tlv(0x87, addressBytes(address))),
  ]
  const host = certificate({
    issuer: authorityName,
    signer: authority,
    subject: commonName(subject.name),
    key,
    extensions: [
      extension('551d13', true, sequence()),
      extension('551d0f', true, hex('03020780')), // digital signature
      extension('551d25', false, sequence(hex('06082b06010505070301'), hex('06082b06010505070302'))), // server, client
      ...(alternatives.length > 0 ? [extension('551d11', false, sequence(...alternatives))] : []),
      extension('551d0e', false, tlv(0x04, keyIdentifier(key))),
      extension('551d23', false, sequence(tlv(0x80, authorityId))),
    ],
  })
  return {
    ca: pem('CERTIFICATE', ca),
    certificate: pem('CERTIFICATE', host),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** 1 January 2020 to 31 December 2049: fixed, so that the bytes are; an internal CA is rotated by its secret, not by the clock. */
const validity = sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x17, Buffer.from('491231235959Z')))

/** The algorithm Ed25519. */
const ed25519 = hex('300506032b6570')

interface CertificateParts {
  readonly issuer: Buffer
  readonly signer: KeyObject
  readonly subject: Buffer
  readonly key: KeyObject
  readonly extensions: readonly Buffer[]
}

function certificate({ issuer, signer, subject, key, extensions }: CertificateParts): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
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
