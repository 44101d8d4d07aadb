// Password hashes as the servers store them, computed here: the clear password never reaches a host, its logs or its binary log,
// and "is it the right password" is a comparison. MySQL: caching_sha2_password (SHA-256 crypt, https://www.akkadia.org/drepper/SHA-crypt.txt,
// with a 20-byte salt). MariaDB: mysql_native_password.
import { createHash, createHmac } from 'node:crypto'

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `mysql.user.authentication_string` of caching_sha2_password; the salt has 20 characters, rounds is a multiple of 1000. */
export function cachingSha2Hash(password: string, salt: string, rounds = 5000): string {
  if (Buffer.byteLength(salt) !== 20)
    throw new TypeError(`a caching_sha2_password salt has 20 bytes, found ${Buffer.byteLength(salt)}`)
  const thousands = (rounds / 1000).toString(16).toUpperCase().padStart(3, '0')
  return `$A$${thousands}$${salt}${shaCrypt256(Buffer.from(password), Buffer.from(salt), rounds)}`
}

/** `authentication_string` of mysql_native_password. */
export function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest()
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`
}

/** A salt that is always the same for one account and password, and tells nothing without the key. */
export function deterministicSalt(key: string, user: string, password: string): string {
  const digest = createHmac('sha256', key).update(`${user}\0${password}`).digest('base64')
  return digest.replace(/[+/=]/g, 'x').slice(0, 20)
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function repeat(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block)
}

function shaCrypt256(password: Buffer, salt: Buffer, rounds: number): string {
  const alternate = sha256(password, salt, password)
  const parts = [password, salt, repeat(alternate, password.length)]
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? alternate : password)
  let digest = sha256(...parts)
  const passwordBytes = repeat(sha256(...Array.from({ length: password.length }, () => password)), password.length)
  const saltBytes = repeat(sha256(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => salt)), salt.length)
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1
    const inputs = [odd ? passwordBytes : digest]
    if (round % 3 !== 0) inputs.push(saltBytes)
    if (round % 7 !== 0) inputs.push(passwordBytes)
    inputs.push(odd ? digest : passwordBytes)
    digest = sha256(...inputs)
  }
  return encode(digest)
}

/** The crypt alphabet, in the byte order that SHA-crypt prescribes. */
function encode(digest: Buffer): string {
  const order = [
    0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28, 8, 9, 19, 29,
  ]
  let text = ''
  const group = (high: number, middle: number, low: number, length: number): void => {
    let word = (high << 16) | (middle << 8) | low
    for (let index = 0; index < length; index++) {
      text += alphabet[word & 63] ?? ''
      word >>= 6
    }
  }
  const at = (index: number | undefined): number => (index === undefined ? 0 : (digest[index] ?? 0))
  for (let index = 0; index < order.length; index += 3)
    group(at(order[index]), at(order[index + 1]), at(order[index + 2]), 4)
  group(0, at(31), at(30), 3)
  return text
}
