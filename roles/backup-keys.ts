// What the hosts of a backup share without exchanging anything: every host's ssh key and every repository's password follow
// from one secret, so that a host needs no other host to be set up, and reruns write the same bytes. The price: whoever has
// the secret has all of them. Formats: RFC 8709 (public key), PROTOCOL.key of OpenSSH (private key).
import { createHash, createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto'
import { type Secret, secret } from 'hostwright'

const purpose = 'hostwright backup 1'

/** The private ssh key of a client, for its identity file. */
export function identityOf(key: string | Secret, host: string): Secret {
  return asSecret(key).map((value) => privateKeyFile(keyPair(value, host)))
}

/** The same host's public key, for `authorized_keys`. */
export function publicKeyOf(key: string | Secret, host: string): Secret {
  return asSecret(key).map((value) => `ssh-ed25519 ${publicBlob(keyPair(value, host).public).toString('base64')}`)
}

/** What a repository is encrypted with: 64 hexadecimal digits. */
export function repositoryPassword(key: string | Secret, repository: string): Secret {
  return asSecret(key).map((value) => derive(value, `repository ${repository}`).toString('hex'))
}

function asSecret(value: string | Secret): Secret {
  return typeof value === 'string' ? secret('').map(() => value) : value
}

function derive(value: string, what: string): Buffer {
  if (value.length < 16)
    throw new TypeError(`the secret of the backups needs at least 16 characters, found ${value.length}`)
  return Buffer.from(hkdfSync('sha256', value, purpose, what, 32))
}

interface KeyPair {
  readonly seed: Buffer
  readonly public: Buffer
}

function keyPair(value: string, host: string): KeyPair {
  const seed = derive(value, `ssh ${host}`)
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex') // PKCS #8 of an Ed25519 seed, RFC 8410
  const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return { seed, public: Buffer.from(x, 'base64url') }
}

function publicBlob(key: Buffer): Buffer {
  return Buffer.concat([text('ssh-ed25519'), text(key)])
}

function privateKeyFile(pair: KeyPair): string {
  const check = createHash('sha256').update(pair.public).digest().subarray(0, 4) // any number, twice: how a passphrase is checked
  const parts = [
    check,
    check,
    text('ssh-ed25519'),
    text(pair.public),
    text(Buffer.concat([pair.seed, pair.public])),
    text(''),
  ]
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, index) => index + 1))
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[text('none'), text('none'), text('')],
    Buffer.from([0, 0, 0, 1]),
    text(publicBlob(pair.public)),
    text(Buffer.concat([...parts, padding])),
  ])
  const lines = file.toString('base64').match(/.{1,70}/g) ?? []
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

/** A string of the ssh protocol: its length, then its bytes. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
