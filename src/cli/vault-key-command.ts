// The key of a vault: found, or made; never where it could be committed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { generateVaultKey, recipientsOfKey } from '../secrets/vault.ts'
import { keyFileOf, readIdentities } from '../secrets/vault-key.ts'
import { exitCode, type Io } from './io.ts'
import { keySources, type VaultOptions } from './vault-options.ts'

/** `provision vault key`: the own public key; makes a key if there is none. */
export async function keyCommand(io: Io, options: VaultOptions): Promise<number> {
  for (const recipient of await ownRecipients(io, options)) io.stdout.write(`${recipient}\n`)
  return exitCode.ok
}

/** The public keys of the key in use; a key file that is not there is made, with a word about it. */
export async function ownRecipients(io: Io, options: VaultOptions): Promise<readonly string[]> {
  const sources = keySources(io, options)
  if (options.vaultKeyFile === undefined && io.env.PROVISION_VAULT_KEY)
    return recipientsOfKey(io.env.PROVISION_VAULT_KEY)
  const file = resolve(io.cwd, keyFileOf(sources))
  if (statSync(file, { throwIfNoEntry: false })) return recipientsOfKey(readIdentities(file))
  refuseCommitted(file)
  const { identity, recipient } = await generateVaultKey()
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const text = `# key of provision vaults; who has it can read them. Its public key:\n# ${recipient}\n${identity}\n`
  writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
  io.stderr.write(`Made the key ${file}. Back it up: without it the secrets are lost. Never commit it.\n`)
  return [recipient]
}

function refuseCommitted(file: string): void {
  if (!isInGit(file) || isIgnored(file)) return
  throw new ProvisionError({
    code: 'secret',
    message: `the key file ${file} would be in git, with the secrets that it opens`,
    hint: 'Keep it outside of the project, or add it to .gitignore first.',
  })
}

function isInGit(file: string): boolean {
  let folder = dirname(file)
  while (!statSync(folder, { throwIfNoEntry: false }) && dirname(folder) !== folder) folder = dirname(folder)
  return git(folder, ['rev-parse', '--is-inside-work-tree']) === 'true'
}

/** Whether git leaves a file out. */
export function isIgnored(file: string): boolean {
  return git(dirname(file), ['check-ignore', file]) !== undefined
}

/** A question to git; undefined if it fails or there is no git. */
function git(folder: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}
