// The decrypted form of a vault: one secret a line, sorted by name, so that it reads and merges well.
//
//   @recipient age1… Ann's laptop
//   # at the provider under "API"
//   dns.token = 8a41…
//   tls.key = "-----BEGIN PRIVATE KEY-----\nMIIE…\n"
import { ProvisionError } from '../core/error.ts'
import { isSecretName } from './secret-check.ts'

/** Who can decrypt. */
export interface VaultRecipient {
  /** `age1…` */
  readonly recipient: string
  /** Whose it is, for people. */
  readonly label: string
}

/** One secret; the comment lines above it stay with it. */
export interface VaultEntry {
  readonly value: string
  readonly comments: readonly string[]
}

/** What a vault holds. Without recipients it is locked with a passphrase. */
export interface VaultContent {
  readonly recipients: readonly VaultRecipient[]
  readonly entries: ReadonlyMap<string, VaultEntry>
  /** Comment lines below the last secret. */
  readonly comments: readonly string[]
}

export const emptyVault: VaultContent = { recipients: [], entries: new Map(), comments: [] }

/** Reads the decrypted form; `title` names it in errors. Messages tell line numbers and names, never values. */
export function parseVault(text: string, title: string): VaultContent {
  const recipients: VaultRecipient[] = []
  const entries = new Map<string, VaultEntry>()
  let comments: string[] = []
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const fail = (message: string, hint?: string): never => {
      throw new ProvisionError({ code: 'secret', message: `${title}, line ${index + 1}: ${message}`, hint })
    }
    const line = raw.trim()
    if (line === '') continue
    if (line.startsWith('#')) {
      comments.push(line)
      continue
    }
    if (line.startsWith('@')) {
      const recipient = /^@recipient\s+(age1\S+)\s*(.*)$/.exec(line)
      if (!recipient) return fail("expected '@recipient age1… NAME' after an @")
      recipients.push({ recipient: recipient[1] ?? '', label: recipient[2] ?? '' })
      continue
    }
    const equals = line.indexOf('=')
    if (equals < 0)
      return fail('expected NAME = VALUE, found no =', 'A value of several lines is written as "one\\ntwo".')
    const name = line.slice(0, equals).trim()
    if (!isSecretName(name))
      return fail("expected a name of letters, digits, and . _ - / before the =, such as 'db.root'")
    if (entries.has(name)) return fail(`'${name}' is there twice`)
    const value = parseValue(line.slice(equals + 1).trim())
    if (value === undefined) return fail(`'${name}' begins with a " and is not a JSON text in quotes`)
    if (value.trim() === '') return fail(`'${name}' has no value`, 'Delete the line, or give it one.')
    entries.set(name, { value, comments })
    comments = []
  }
  return { recipients, entries, comments }
}

function parseValue(text: string): string | undefined {
  if (!text.startsWith('"')) return text
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined // the parser's message would quote the secret
  }
}

/** The decrypted form, sorted by name. */
export function renderVault(content: VaultContent): string {
  const lines = content.recipients.map(({ recipient, label }) => `@recipient ${recipient} ${label}`.trimEnd())
  const names = [...content.entries.keys()].sort()
  for (const name of names) {
    const entry = content.entries.get(name)
    if (entry) lines.push(...entry.comments, `${name} = ${renderValue(entry.value)}`)
  }
  return [...lines, ...content.comments].map((line) => `${line}\n`).join('')
}

function renderValue(value: string): string {
  const plain = value === value.trim() && !value.startsWith('"') && !/\p{Cc}/u.test(value)
  return plain ? value : JSON.stringify(value)
}

/** The content with secrets added or replaced. */
export function withValues(content: VaultContent, values: Readonly<Record<string, string>>): VaultContent {
  const entries = new Map(content.entries)
  for (const [name, value] of Object.entries(values))
    entries.set(name, { value, comments: entries.get(name)?.comments ?? [] })
  return { ...content, entries }
}
