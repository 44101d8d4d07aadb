// What a program does with a vault: makes one, reads it, changes it. The vault is one armored age file, so that the age
// tool can open it too; see vault-text.ts for the decrypted form.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { askAge } from './age.ts'
import { checkSecretLength, checkSecretName } from './secret-check.ts'
import { identitiesIn, type KeyOf, type OpenVault, openVault, replaceSealed, sealVault } from './vault-file.ts'
import { emptyVault, type VaultContent, type VaultRecipient, withValues } from './vault-text.ts'

/** What `createVault` makes: give recipients or a passphrase, one of the two. */
export interface NewVault {
  /** Path of the vault, `secrets.age` usually. */
  readonly file: string
  /** Public keys (`age1…`) of those who may open it; a name may follow, with a space between. */
  readonly recipients?: readonly string[]
  /** Opens it instead of a key. */
  readonly passphrase?: string
  /** The secrets by name. */
  readonly values: Readonly<Record<string, string>>
}

/**
 * Makes a vault. Throws a ProvisionError (`secret`) if the file is there already: a vault is never written over.
 *
 * @example
 * const { identity, recipient } = await generateVaultKey()
 * await createVault({ file: 'secrets.age', recipients: [recipient], values: { 'db.root': generateSecret() } })
 */
export async function createVault(vault: NewVault): Promise<void> {
  const { file, passphrase } = vault
  const recipients = (vault.recipients ?? []).map(parseRecipient)
  if (recipients.length > 0 === (passphrase !== undefined))
    throw new ProvisionError({
      code: 'secret',
      message: `${file}: expected recipients or a passphrase, found ${passphrase === undefined ? 'none' : 'both'}`,
    })
  if (passphrase !== undefined) checkPassphrase(passphrase)
  checkValues(vault.values)
  const sealed = sealVault(file, withValues({ ...emptyVault, recipients }, vault.values), passphrase)
  mkdirSync(dirname(file), { recursive: true })
  if (replaceSealed(file, undefined, sealed)) return
  throw new ProvisionError({
    code: 'secret',
    message: `${file} is there already; a vault is never written over`,
    hint: 'Change it: provision vault edit, or provision vault set NAME',
  })
}

/** @internal Throws if one of them is no public key of age. */
export function checkRecipients(file: string, recipients: readonly string[]): void {
  sealVault(file, { ...emptyVault, recipients: recipients.map(parseRecipient) }, undefined)
}

function parseRecipient(text: string): { recipient: string; label: string } {
  const [recipient = '', ...label] = text.trim().split(/\s+/)
  return { recipient, label: label.join(' ') }
}

/**
 * The secrets of a vault by name.
 *
 * @example const values = await readVault({ file: 'secrets.age', key: readFileSync(keyFile, 'utf8') })
 */
export async function readVault(vault: {
  readonly file: string
  /** Text with `AGE-SECRET-KEY-…` lines, or the passphrase. */
  readonly key: string
}): Promise<Record<string, string>> {
  return valuesOf(openVault(vault.file, () => vault.key).content)
}

/**
 * Adds secrets to a vault or replaces them; all others stay, also those that another process writes meanwhile.
 *
 * @example await writeVault({ file: 'secrets.age', key, values: { 'dns.token': token } })
 */
export async function writeVault(vault: {
  readonly file: string
  /** Text with `AGE-SECRET-KEY-…` lines, or the passphrase. */
  readonly key: string
  readonly values: Readonly<Record<string, string>>
}): Promise<void> {
  checkValues(vault.values)
  changeVault(
    vault.file,
    () => vault.key,
    (content) => withValues(content, vault.values),
  )
}

/**
 * A new key: `identity` is the secret part, to be kept outside of the project; `recipient` the public one.
 *
 * @example const { identity, recipient } = await generateVaultKey()
 */
export async function generateVaultKey(): Promise<{ identity: string; recipient: string }> {
  const { text: identity = '' } = askAge({ ask: 'generate' })
  return { identity, recipient: recipientOf(identity) }
}

/** The public keys of the `AGE-SECRET-KEY-…` lines of a key file. */
export function recipientsOfKey(key: string): readonly string[] {
  return identitiesIn(key).map(recipientOf)
}

/**
 * Changes a vault: decrypts, calls `change`, encrypts, and writes if nobody else wrote meanwhile; else begins again, so
 * that no change of two at once is lost. A result that is the same content writes nothing. Returns the vault as it is now.
 */
export function changeVault(
  file: string,
  keyOf: KeyOf,
  change: (content: VaultContent) => VaultContent,
  known?: OpenVault,
): OpenVault {
  for (let seen = known ?? openVault(file, keyOf); ; seen = openVault(file, keyOf)) {
    const content = change(seen.content)
    if (content === seen.content) return seen
    checkLock(file, seen, content)
    const sealed = sealVault(file, content, seen.lock === 'passphrase' ? seen.key : undefined)
    if (replaceSealed(file, seen.sealed, sealed)) return { ...seen, sealed, content }
  }
}

/** The secrets by name. */
export function valuesOf(content: VaultContent): Record<string, string> {
  return Object.fromEntries([...content.entries].map(([name, { value }]) => [name, value]))
}

/** The shortest passphrase that is taken. */
const shortestPassphrase = 12

/** Throws for a passphrase that somebody who has the file would guess. */
export function checkPassphrase(passphrase: string): void {
  if (passphrase.length >= shortestPassphrase) return
  throw new ProvisionError({
    code: 'secret',
    message: `the passphrase has ${passphrase.length} characters, expected at least ${shortestPassphrase}: the file is made to be committed, and who has it can try passphrases at leisure`,
  })
}

/** Throws for names and values that no secret can have. */
export function checkValues(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    checkSecretName(name, `secret '${name}'`)
    checkSecretLength(name, value)
  }
}

function recipientOf(identity: string): string {
  const answer = askAge({ ask: 'recipient', identity })
  if (answer.problem === undefined) return answer.text
  throw new ProvisionError({
    code: 'secret',
    message: 'a key is not whole: expected AGE-SECRET-KEY-1 and 58 more characters',
  })
}

/** Refuses recipients that would lock the one out who sets them, and recipients beside a passphrase. */
function checkLock(file: string, { lock, key, content: before }: OpenVault, { recipients }: VaultContent): void {
  if (lock === 'passphrase') {
    if (recipients.length === 0) return
    throw new ProvisionError({
      code: 'secret',
      message: `${file} is locked with a passphrase and so has no recipients`,
      hint: 'For recipients make a new vault: provision vault view | provision vault init --vault NEW.age --import -',
    })
  }
  if (recipients.length === 0 || sameRecipients(recipients, before.recipients)) return
  const mine = recipientsOfKey(key)
  if (recipients.some(({ recipient }) => mine.includes(recipient))) return
  throw new ProvisionError({
    code: 'secret',
    message: `${file}: your own key (${mine.join(', ')}) would not be among its recipients, and you could not open it any more`,
    hint: 'Let somebody else take you out, with a key that stays.',
  })
}

function sameRecipients(one: readonly VaultRecipient[], other: readonly VaultRecipient[]): boolean {
  return one.map(({ recipient }) => recipient).join() === other.map(({ recipient }) => recipient).join()
}
