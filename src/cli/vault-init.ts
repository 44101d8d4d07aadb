import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { ProvisionError } from '../core/error.ts'
import { readSecrets } from '../secrets/secrets-file.ts'
import { checkRecipients, createVault, valuesOf } from '../secrets/vault.ts'
import { parseVault } from '../secrets/vault-text.ts'
import { askPasswords } from './ask-password.ts'
import { exitCode, type Io } from './io.ts'
import { fileOf } from './open-site.ts'
import { isIgnored, ownRecipients } from './vault-key-command.ts'
import type { VaultOptions } from './vault-options.ts'

export interface VaultInitOptions extends VaultOptions {
  readonly vault: string
  readonly passphrase?: boolean
  readonly recipient?: readonly string[]
  readonly import?: string
}

/** `provision vault init`. */
export async function initCommand(io: Io, options: VaultInitOptions): Promise<number> {
  const file = fileOf(io, options.vault)
  const values = options.import === undefined ? {} : await importValues(io, options.import)
  if (options.passphrase) {
    if (options.recipient)
      throw new ProvisionError({ code: 'input', message: '--passphrase and --recipient: expected one of the two' })
    await createVault({ file, passphrase: await newPassphrase(io), values })
  } else {
    const others = options.recipient ?? []
    if (others.length > 0) checkRecipients(file, others) // before a key is made for nothing
    const recipients = [...(await ownRecipients(io, options)), ...others]
    await createVault({ file, recipients: [...new Set(recipients)], values })
  }
  const count = Object.keys(values).length
  io.stderr.write(`Made ${file}${count > 0 ? ` with ${count} secrets of ${options.import}` : ''}: commit it.\n`)
  if (isIgnored(resolve(io.cwd, file))) io.stderr.write(`! .gitignore leaves ${file} out: take that line away.\n`)
  return exitCode.ok
}

async function newPassphrase(io: Io): Promise<string> {
  if (io.env.PROVISION_VAULT_PASSPHRASE) return io.env.PROVISION_VAULT_PASSPHRASE
  const [first = '', second = ''] = await askPasswords(io, ['New passphrase: ', 'The same again: '])
  if (first === second) return first
  throw new ProvisionError({ code: 'input', message: 'the two passphrases differ; no vault was made' })
}

/** Secrets of a JSON file, or in the form that `vault view` prints. */
async function importValues(io: Io, source: string): Promise<Record<string, string>> {
  const path = resolve(io.cwd, source)
  if (source.endsWith('.json')) {
    const values = Object.fromEntries(readSecrets(path))
    if (Object.keys(values).length > 0) return values
    throw new ProvisionError({ code: 'secret', message: `${source} holds no secrets to import` })
  }
  try {
    if (source === '-') return valuesOf(parseVault(await text(io.stdin), 'stdin'))
    return valuesOf(parseVault(readFileSync(path, 'utf8'), source))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    throw new ProvisionError({ code: 'secret', message: `${source} is not there, expected secrets to import` })
  }
}
