// The key of plans: it signs them, encrypts their extra vars and keys their digests. It lies beside the records in
// `.provision`, never in a plan, so that a plan alone lets nobody guess a weak secret and try it against a digest.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  randomUUID,
  timingSafeEqual,
} from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ProvisionError } from '../core/error.ts'

/** What the key does. */
export interface PlanKey {
  /** Tells which key it is and nothing of it. */
  readonly name: string
  /** Of a text, of bytes, or of any plain value; `purpose` keeps digests of different things apart. */
  readonly digest: (purpose: string, value: unknown) => string
  readonly encrypt: (text: string) => string
  /** Throws for what was not encrypted with this key. */
  readonly decrypt: (sealed: string) => string
}

const keyLength = 32

/** The key of this project; undefined if it has none yet. */
export function readPlanKey(file: string): PlanKey | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined // an error of the file system has a code
    throw error
  }
  const mode = statSync(file).mode & 0o777
  if ((mode & 0o077) !== 0)
    throw new ProvisionError({
      code: 'input',
      message: `the plan key ${file} has mode 0${mode.toString(8)}, expected 0600: others may read it`,
      hint: `chmod 600 ${file}`,
    })
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new ProvisionError({
      code: 'input',
      message: `the plan key ${file}: expected 64 hexadecimal digits, found something else`,
      hint: 'Remove it; the next provision plan makes a new one, and older plans are refused.',
    })
  return makePlanKey(Buffer.from(text, 'hex'))
}

/** The key of this project, made if it has none yet. */
export function openPlanKey(file: string): PlanKey {
  const known = readPlanKey(file)
  if (known) return known
  const folder = dirname(file)
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined) writeFileSync(join(folder, '.gitignore'), '*\n')
  const temporary = `${file}.${randomUUID()}`
  try {
    writeFileSync(temporary, `${randomBytes(keyLength).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
    linkSync(temporary, file) // whole, and never over one that another plan made meanwhile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(temporary, { force: true })
  }
  const fresh = readPlanKey(file)
  if (!fresh) throw new ProvisionError({ code: 'input', message: `the plan key ${file} cannot be read` })
  return fresh
}

/** The key of these bytes. */
export function makePlanKey(secret: Buffer): PlanKey {
  const derive = (what: string) => Buffer.from(hkdfSync('sha256', secret, '', `hostwright plan ${what}`, keyLength))
  const [digesting, sealing] = [derive('digests'), derive('extra vars')]
  return {
    name: createHash('sha256').update(derive('name')).digest('hex').slice(0, 12),
    digest: (purpose, value) => {
      const hmac = createHmac('sha256', digesting).update(`${purpose}\0`)
      return hmac.update(Buffer.isBuffer(value) ? value : canonical(value)).digest('hex')
    },
    encrypt: (text) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce)
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },
    decrypt: (sealed) => {
      const bytes = Buffer.from(sealed, 'base64')
      const cipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, 12), { authTagLength: 16 })
      cipher.setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([cipher.update(bytes.subarray(28)), cipher.final()]).toString('utf8')
    },
  }
}

/** Whether two digests are the same, in a time that does not tell where they differ. */
export function isSameDigest(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** One text for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) => {
      if (inner instanceof Map) return [...inner]
      if (inner instanceof Set) return [...inner]
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
      return Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
    }) ?? 'undefined'
  )
}
