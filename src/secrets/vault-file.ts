// The vault on disk: an armored age file. Every failure says which file, what is wrong with it and what to do.
import { readFileSync, statSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'
import { askAge } from './age.ts'
import { withFileLock } from './file-lock.ts'
import { parseVault, renderVault, type VaultContent } from './vault-text.ts'
import { writeWholeFile } from './whole-file.ts'

/** What a vault is encrypted with. */
export type VaultLock = 'recipients' | 'passphrase'

/** Gives the key of a vault: text with `AGE-SECRET-KEY-…` lines, or the passphrase. */
export type KeyOf = (lock: VaultLock) => string

/** A vault that was decrypted. */
export interface OpenVault {
  /** The file as it was. */
  readonly sealed: string
  readonly lock: VaultLock
  readonly key: string
  readonly content: VaultContent
}

/** The vault's file, still encrypted; undefined if it is not there. */
export function readSealed(file: string): string | undefined {
  if (!statSync(file, { throwIfNoEntry: false })) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.code : error
    throw new ProvisionError({ code: 'secret', message: `${file} cannot be read: ${why}`, cause: error })
  }
}

/** Reads and decrypts. */
export function openVault(file: string, keyOf: KeyOf): OpenVault {
  const sealed = readSealed(file)
  if (sealed !== undefined) return decryptVault(file, sealed, keyOf)
  throw new ProvisionError({
    code: 'secret',
    message: `${file} is not there, expected a vault`,
    hint: 'Make one: provision vault init',
  })
}

/** Decrypts what was read of a file. */
export function decryptVault(file: string, sealed: string, keyOf: KeyOf): OpenVault {
  const lock = lockOf(file, sealed)
  const key = keyOf(lock)
  if (lock === 'recipients' && identitiesIn(key).length === 0) throw brokenKey(file)
  const answer = askAge({
    ask: 'decrypt',
    text: sealed,
    ...(lock === 'passphrase' ? { passphrase: key } : { identities: identitiesIn(key) }),
  })
  switch (answer.problem) {
    case undefined:
      return { sealed, lock, key, content: parseVault(answer.text, `${file}, decrypted`) }
    case 'key':
      throw wrongKey(file, lock)
    case 'identity':
    case 'recipient':
      throw brokenKey(file)
    case 'damaged':
      throw damaged(file)
  }
}

/** The content encrypted: to its recipients, or with the passphrase if it has none. */
export function sealVault(file: string, content: VaultContent, passphrase: string | undefined): string {
  const recipients = content.recipients.map(({ recipient }) => recipient)
  if (recipients.length === 0 && passphrase === undefined)
    throw new ProvisionError({
      code: 'secret',
      message: `${file} has no recipient: nobody could decrypt it`,
      hint: "Add a line '@recipient age1… NAME': provision vault edit",
    })
  const answer = askAge({
    ask: 'encrypt',
    text: renderVault(content),
    ...(recipients.length > 0 ? { recipients } : { passphrase: passphrase ?? '' }),
  })
  if (answer.problem === undefined) return answer.text
  if (answer.text?.startsWith('ssh-'))
    throw new ProvisionError({
      code: 'secret',
      message: `recipient '${answer.text}' is an SSH key: expected a public key of age, 'age1…'`,
      hint: 'Its owner gets one with: provision vault key',
    })
  throw new ProvisionError({
    code: 'secret',
    message: `recipient '${answer.text}' is no public key of age: expected 'age1' and 58 more characters, all of them right`,
  })
}

/** Writes a sealed vault if the file is still as it was (undefined: not there); tells whether it wrote. */
export function replaceSealed(file: string, before: string | undefined, after: string): boolean {
  return withFileLock(file, () => {
    if (readSealed(file) !== before) return false
    writeWholeFile(file, after, 0o644)
    return true
  })
}

/** The `AGE-SECRET-KEY-…` lines of a key file. */
export function identitiesIn(key: string): readonly string[] {
  return key
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.startsWith('AGE-SECRET-KEY-'))
}

/** With what a file is encrypted, by its header, which is readable by all. */
export function lockOf(file: string, sealed: string): VaultLock {
  if (sealed.trim() === '') throw damaged(file, 'is empty')
  if (/^(<{7}|={7}|>{7})/m.test(sealed)) throw conflicting(file)
  const armored = /^-----BEGIN AGE ENCRYPTED FILE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END AGE ENCRYPTED FILE-----$/.exec(
    sealed.trim(),
  )
  const header = Buffer.from(armored?.[1] ?? '', 'base64').toString('latin1')
  if (!header.startsWith('age-encryption.org/v1\n')) throw damaged(file)
  return header.split('\n')[1]?.startsWith('-> scrypt ') ? 'passphrase' : 'recipients'
}

function damaged(file: string, what = 'was cut short or changed: it is no whole file of age any more'): ProvisionError {
  return new ProvisionError({
    code: 'secret',
    message: `${file} ${what}`,
    hint: `Take the last good one, from git (git checkout HEAD -- ${file}) or from a backup.`,
  })
}

function conflicting(file: string): ProvisionError {
  return new ProvisionError({
    code: 'secret',
    message: `${file} holds the marks of a merge conflict`,
    hint: `Take one side (git checkout --ours -- ${file}) and set what the other changed; docs/secrets.md has a merge driver that does it by itself.`,
  })
}

function wrongKey(file: string, lock: VaultLock): ProvisionError {
  if (lock === 'passphrase')
    return new ProvisionError({ code: 'secret', message: `the passphrase does not open ${file}` })
  return new ProvisionError({
    code: 'secret',
    message: `the key does not open ${file}: it is not encrypted to it`,
    hint: 'Let somebody who can open it add you (provision vault key prints your public key, provision vault recipients add takes it), or name another key: --vault-key-file FILE.',
  })
}

function brokenKey(file: string): ProvisionError {
  return new ProvisionError({
    code: 'secret',
    message: `the key for ${file} is not whole: expected AGE-SECRET-KEY-1 and 58 more characters`,
    hint: 'Copy it again, or take it from its backup.',
  })
}
