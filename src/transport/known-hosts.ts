// The known_hosts file as sshd(8) describes it (SSH_KNOWN_HOSTS FILE FORMAT): plain and hashed names, wildcards, ports,
// @revoked. @cert-authority lines are read and left alone: host certificates are not supported.
import { createHash, createHmac } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** One line of a known_hosts file. */
export interface KnownHost {
  readonly file: string
  readonly line: number
  readonly marker: 'revoked' | 'cert-authority' | undefined
  /** Patterns, or one hashed name. */
  readonly names: readonly string[]
  /** `ssh-ed25519`, … */
  readonly type: string
  /** The key, base64. */
  readonly key: string
}

/** What known_hosts says of a key that a server showed. */
export type Verdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown'; readonly hasAuthority: boolean }
  | { readonly kind: 'changed'; readonly known: readonly KnownHost[] }
  | { readonly kind: 'revoked'; readonly known: KnownHost }

/** Reads the lines of known_hosts files; a file that does not exist has none. */
export function loadKnownHosts(files: readonly string[]): readonly KnownHost[] {
  return files.flatMap((file) => {
    try {
      return parseKnownHosts(readFileSync(file, 'utf8'), file)
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return []
      throw error
    }
  })
}

/** The lines of a known_hosts file; comments and lines that are none are left out, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): readonly KnownHost[] {
  const found: KnownHost[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/)
    if (words[0] === undefined || words[0] === '' || words[0].startsWith('#')) continue
    const marker = words[0] === '@revoked' ? 'revoked' : words[0] === '@cert-authority' ? 'cert-authority' : undefined
    if (marker) words.shift()
    const [names, type, key] = words
    if (!names || names.startsWith('@') || !type || !key) continue
    found.push({ file, line: index + 1, marker, names: names.split(','), type, key })
  }
  return found
}

/** The name of a server in known_hosts: `host`, or `[host]:port` if the port is not 22. */
export function knownName(address: string, port: number): string {
  const host = address.toLowerCase()
  return port === 22 ? host : `[${host}]:${port}`
}

/** The lines about a server. */
export function linesOf(entries: readonly KnownHost[], name: string): readonly KnownHost[] {
  return entries.filter((entry) => matchesName(entry.names, name))
}

function matchesName(patterns: readonly string[], name: string): boolean {
  const [first] = patterns
  if (patterns.length === 1 && first?.startsWith('|1|')) return matchesHash(first, name)
  let matched = false
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(pattern.slice(1), name)) return false
    } else if (matchesPattern(pattern, name)) matched = true
  }
  return matched
}

function matchesHash(entry: string, name: string): boolean {
  const [, , salt = '', hash = ''] = entry.split('|')
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

/** Whether a name matches a pattern of ssh: `*` any characters, `?` one (ssh_config(5), PATTERNS). */
export function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern.toLowerCase().replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name.toLowerCase())
}

/**
 * Judges a key that a server showed. A server of which only keys of other types are known counts as changed: offering
 * another type is how an impostor without the key would try.
 */
export function judge(lines: readonly KnownHost[], type: string, key: string): Verdict {
  const revoked = lines.find((line) => line.marker === 'revoked' && line.key === key)
  if (revoked) return { kind: 'revoked', known: revoked }
  const plain = lines.filter((line) => line.marker === undefined)
  if (plain.some((line) => line.type === type && line.key === key)) return { kind: 'known' }
  if (plain.length > 0) return { kind: 'changed', known: plain }
  return { kind: 'unknown', hasAuthority: lines.some((line) => line.marker === 'cert-authority') }
}

/** `SHA256:…`, as ssh-keygen -l prints it. */
export function fingerprint(key: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`
}

/** Adds a line in one write, so that runs side by side do not mix theirs; makes the file if need be, readable by us only. */
export function appendKnownHost(file: string, name: string, type: string, key: string): void {
  if (!existsSync(file)) mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (linesOf(parseKnownHosts(before, file), name).some((line) => line.key === key)) return
  const start = before === '' || before.endsWith('\n') ? '' : '\n'
  appendFileSync(file, `${start}${name} ${type} ${key}\n`, { mode: 0o600 })
}

const algorithmsByType: Readonly<Record<string, readonly string[]>> = {
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
}
const allAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
] as const

/** A host key algorithm that we can check. */
export type HostKeyAlgorithm = (typeof allAlgorithms)[number]

/** The algorithms to ask for: those of the known keys first, so that a server shows the key that we know. */
export function preferredAlgorithms(lines: readonly KnownHost[]): HostKeyAlgorithm[] {
  const known = new Set(
    lines.filter((line) => line.marker === undefined).flatMap((line) => algorithmsByType[line.type] ?? [line.type]),
  )
  return [
    ...allAlgorithms.filter((algorithm) => known.has(algorithm)),
    ...allAlgorithms.filter((algorithm) => !known.has(algorithm)),
  ]
}
