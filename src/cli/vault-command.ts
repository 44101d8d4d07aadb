// provision vault view|get|set|rotate|recipients|merge; init, key and edit have files of their own.
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import { generateSecret, isGenerated } from '../secrets/generate.ts'
import { changeVault, checkValues, recipientsOfKey } from '../secrets/vault.ts'
import { decryptVault, openVault, replaceSealed, sealVault } from '../secrets/vault-file.ts'
import { makeKeyOf } from '../secrets/vault-key.ts'
import { mergeVaults } from '../secrets/vault-merge.ts'
import { emptyVault, renderVault, type VaultContent, withValues } from '../secrets/vault-text.ts'
import { askPasswords } from './ask-password.ts'
import { exitCode, type Io } from './io.ts'
import { fileOf } from './open-site.ts'
import { keySources, type VaultOptions } from './vault-options.ts'

export interface VaultCommandOptions extends VaultOptions {
  readonly vault: string
}

/** The file of the options and how to get its key. */
export function vaultOf(io: Io, options: VaultCommandOptions) {
  const file = fileOf(io, options.vault)
  return { file, keyOf: makeKeyOf(file, keySources(io, options)) }
}

/** `provision vault view`: the decrypted form on stdout, or the names alone. */
export async function viewCommand(
  io: Io,
  other: string | undefined,
  options: VaultCommandOptions & { readonly names?: boolean },
): Promise<number> {
  const { file, keyOf } = vaultOf(io, other === undefined ? options : { ...options, vault: other })
  const { content } = openVault(file, keyOf)
  const names = [...content.entries.keys()].sort()
  io.stdout.write(options.names ? names.map((name) => `${name}\n`).join('') : renderVault(content))
  return exitCode.ok
}

/** `provision vault get`: the value as it is; one line end is added if it has none. */
export async function getCommand(io: Io, name: string, options: VaultCommandOptions): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const value = secretIn(openVault(file, keyOf).content, name, file)
  io.stdout.write(value.endsWith('\n') ? value : `${value}\n`)
  return exitCode.ok
}

/** `provision vault set`: the value comes from stdin, or is asked for. */
export async function setCommand(io: Io, name: string, options: VaultCommandOptions): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const vault = openVault(file, keyOf)
  const value =
    io.stdin.isTTY === true
      ? ((await askPasswords(io, [`Value of ${name}: `]))[0] ?? '')
      : (await text(io.stdin)).replace(/\r?\n$/, '')
  checkValues({ [name]: value })
  const before = vault.content.entries.get(name)?.value
  if (before !== value) changeVault(file, keyOf, (content) => withValues(content, { [name]: value }), vault)
  io.stderr.write(
    `${file}: ${name} ${before === undefined ? 'added' : before === value ? 'is so already' : 'replaced'}\n`,
  )
  return exitCode.ok
}

/** `provision vault rotate`: new random values for secrets that were generated. */
export async function rotateCommand(
  io: Io,
  names: readonly string[],
  options: VaultCommandOptions & { readonly force?: boolean },
): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const vault = openVault(file, keyOf)
  for (const name of names) {
    if (isGenerated(secretIn(vault.content, name, file)) || options.force) continue
    throw new ProvisionError({
      code: 'secret',
      message: `secret '${name}' does not look generated: a random value in its place could break what it opens`,
      hint: `Set a new one: provision vault set ${name}. Or, if a random one is right: --force.`,
    })
  }
  const values = Object.fromEntries(names.map((name) => [name, generateSecret()]))
  changeVault(file, keyOf, (content) => withValues(content, values), vault)
  io.stderr.write(
    `${file}: ${names.join(', ')} rotated. Hosts have the old values until you run the playbooks that use them:\n` +
      '  provision --check --diff    what will change\n  provision\n',
  )
  return exitCode.ok
}

/** `provision vault recipients list`. */
export async function listRecipientsCommand(io: Io, options: VaultCommandOptions): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const { content, lock, key } = openVault(file, keyOf)
  if (lock === 'passphrase') io.stderr.write(`${file} is locked with a passphrase and so has no recipients\n`)
  const mine = lock === 'passphrase' ? [] : recipientsOfKey(key)
  for (const { recipient, label } of content.recipients) {
    const words = [recipient, label, mine.includes(recipient) ? '(you)' : '']
    io.stdout.write(`${words.filter(Boolean).join(' ')}\n`)
  }
  return exitCode.ok
}

/** `provision vault recipients add`. */
export async function addRecipientCommand(
  io: Io,
  recipient: string,
  label: readonly string[],
  options: VaultCommandOptions,
): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const entry = { recipient, label: label.join(' ').replace(/\s+/g, ' ') }
  changeVault(file, keyOf, (content) => ({
    ...content,
    recipients: [...content.recipients.filter((known) => known.recipient !== recipient), entry],
  }))
  io.stderr.write(`${file}: encrypted to ${recipient} too\n`)
  return exitCode.ok
}

/** `provision vault recipients remove`. */
export async function removeRecipientCommand(io: Io, who: string, options: VaultCommandOptions): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const vault = openVault(file, keyOf)
  const isMeant = ({ recipient, label }: { recipient: string; label: string }) => recipient === who || label === who
  const found = vault.content.recipients.filter(isMeant)
  const [one] = found
  if (!one || found.length > 1)
    throw new ProvisionError({
      code: 'secret',
      message: `${file} has ${one ? `${found.length} recipients` : 'no recipient'} '${who}'`,
      hint: 'provision vault recipients list shows them.',
    })
  const remove = (content: VaultContent): VaultContent => ({
    ...content,
    recipients: content.recipients.filter(({ recipient }) => recipient !== one.recipient),
  })
  changeVault(file, keyOf, remove, vault)
  io.stderr.write(
    `${file}: no longer encrypted to ${one.recipient}. Older versions in git still are: rotate what they could read.\n`,
  )
  return exitCode.ok
}

/** `provision vault merge`, for git: the base, ours and theirs; the result goes into ours. */
export async function mergeCommand(
  io: Io,
  files: readonly [base: string, ours: string, theirs: string],
  options: VaultCommandOptions,
): Promise<number> {
  const { keyOf } = vaultOf(io, options)
  const open = (path: string) => {
    const sealed = readFileSync(path, 'utf8')
    return sealed === '' ? undefined : decryptVault(path, sealed, keyOf)
  }
  const [base, ours, theirs] = [open(files[0]), open(files[1]), open(files[2])]
  if (!ours || !theirs)
    throw new ProvisionError({ code: 'secret', message: `${ours ? files[2] : files[1]} is empty, expected a vault` })
  const merged = mergeVaults(base?.content ?? emptyVault, ours.content, theirs.content)
  if (!merged.content)
    throw new ProvisionError({
      code: 'secret',
      message: `both sides changed ${merged.conflicts.join(', ')}`,
      hint: 'git keeps your side: set what should be otherwise (provision vault set NAME), then git add the vault.',
    })
  const sealed = sealVault(files[1], merged.content, ours.lock === 'passphrase' ? ours.key : undefined)
  replaceSealed(files[1], ours.sealed, sealed)
  return exitCode.ok
}

function secretIn(content: VaultContent, name: string, file: string): string {
  const value = content.entries.get(name)?.value
  if (value !== undefined) return value
  const near = nearest(name, [...content.entries.keys()])
  throw new ProvisionError({
    code: 'secret',
    message: `${file} has no secret '${name}'`,
    hint: near ? `Did you mean '${near}'?` : 'provision vault view --names lists them.',
  })
}
