// Where the key of a vault comes from; looked for only when a vault is opened, and once.
import { readFileSync, statSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { identitiesIn, type KeyOf, type VaultLock } from './vault-file.ts'

/** Where to look for a key. */
export interface KeySources {
  /** `PROVISION_VAULT_KEY`, `PROVISION_VAULT_KEY_FILE`, `PROVISION_VAULT_PASSPHRASE`, `XDG_CONFIG_HOME`, `HOME`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A key file named on the command line; wins over everything. */
  readonly keyFile?: string | undefined
  /** Asks somebody at a terminal, without echo. @default nobody is asked */
  readonly ask?: ((question: string) => string) | undefined
}

/** The usual key file of a user: `~/.config/provision/key`. */
export function usualKeyFile(env: KeySources['env']): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || '/', '.config'), 'provision', 'key')
}

/** The key file in use, whether it is there or not. */
export function keyFileOf({ keyFile, env }: KeySources): string {
  return keyFile ?? (env.PROVISION_VAULT_KEY_FILE || usualKeyFile(env))
}

/** How to find the key of a vault: it is read or asked for once. `found` is told of it, to hide it in output. */
export function makeKeyOf(file: string, sources: KeySources, found: (key: string) => void = () => undefined): KeyOf {
  const keys = new Map<VaultLock, string>()
  return (lock) => {
    const key =
      keys.get(lock) ?? (lock === 'passphrase' ? findPassphrase(file, sources) : findIdentities(file, sources))
    if (!keys.has(lock)) for (const secret of lock === 'passphrase' ? [key] : identitiesIn(key)) found(secret)
    keys.set(lock, key)
    return key
  }
}

function findIdentities(file: string, sources: KeySources): string {
  const { env, keyFile, ask } = sources
  if (keyFile === undefined && env.PROVISION_VAULT_KEY) {
    if (identitiesIn(env.PROVISION_VAULT_KEY).length > 0) return env.PROVISION_VAULT_KEY
    throw new ProvisionError({
      code: 'secret',
      message:
        'PROVISION_VAULT_KEY holds no key, expected AGE-SECRET-KEY-1… (the name of a file goes into PROVISION_VAULT_KEY_FILE)',
    })
  }
  const path = keyFileOf(sources)
  const named = keyFile !== undefined || Boolean(env.PROVISION_VAULT_KEY_FILE)
  if (named || statSync(path, { throwIfNoEntry: false })) return readIdentities(path)
  if (ask) return ask(`Key of ${file} (AGE-SECRET-KEY-…): `).trim()
  throw new ProvisionError({
    code: 'secret',
    message: `${file} is needed, and there is no key to open it`,
    hint: `Put the key into ${path} (mode 0600), or name it: PROVISION_VAULT_KEY_FILE, --vault-key-file FILE, or its text in PROVISION_VAULT_KEY.`,
  })
}

function findPassphrase(file: string, { env, keyFile, ask }: KeySources): string {
  if (keyFile === undefined && env.PROVISION_VAULT_PASSPHRASE) return env.PROVISION_VAULT_PASSPHRASE
  const path = keyFile ?? env.PROVISION_VAULT_KEY_FILE
  if (path) return readKeyFile(path).replace(/\r?\n$/, '')
  if (ask) return ask(`Passphrase of ${file}: `)
  throw new ProvisionError({
    code: 'secret',
    message: `${file} is needed, and there is no passphrase to open it`,
    hint: 'Set PROVISION_VAULT_PASSPHRASE, or put it into a file of mode 0600: --vault-key-file FILE. At a terminal it is asked for.',
  })
}

/** The key file's text; refused if others may read it. */
export function readIdentities(path: string): string {
  const text = readKeyFile(path)
  if (identitiesIn(text).length > 0) return text
  const found = text.includes('PRIVATE KEY-----')
    ? 'an SSH or TLS key'
    : text.startsWith('-----BEGIN AGE ENCRYPTED FILE')
      ? 'a key that is encrypted itself'
      : 'none'
  throw new ProvisionError({
    code: 'secret',
    message: `key file ${path}: expected a line AGE-SECRET-KEY-1…, found ${found}`,
    hint: 'Make a key: provision vault key',
  })
}

function readKeyFile(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status) throw new ProvisionError({ code: 'secret', message: `key file ${path} is not there` })
  const mode = status.mode & 0o777
  if (status.isFile() && (mode & 0o077) !== 0 && platform() !== 'win32')
    throw new ProvisionError({
      code: 'secret',
      message: `key file ${path} is open to other users (mode 0${mode.toString(8)}), expected 0600`,
      hint: `chmod 600 ${path}; if others could really read it: make a new key and rotate the secrets.`,
    })
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.code : error
    throw new ProvisionError({ code: 'secret', message: `key file ${path} cannot be read: ${why}`, cause: error })
  }
}
