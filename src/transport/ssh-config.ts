// ~/.ssh/config as ssh_config(5) describes it, as far as we can follow it: Host, Match all/host/originalhost, Include, and
// the keywords of SshConfig. The first value found wins; IdentityFile adds up.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { matchesPattern } from './known-hosts.ts'

/** What the ssh configuration says about a host. */
export interface SshConfig {
  readonly hostName?: string
  readonly user?: string
  readonly port?: number
  readonly identityFiles: readonly string[]
  readonly identitiesOnly: boolean
  /** Path of the agent's socket, or `none`. */
  readonly identityAgent?: string
  /** Jump hosts, first to last. */
  readonly proxyJump?: readonly string[]
  readonly proxyCommand?: string
  readonly userKnownHostsFiles?: readonly string[]
  readonly hostKeyAlias?: string
}

export interface SshConfigPlace {
  readonly home: string
  readonly localUser: string
  /** @default ~/.ssh/config, then /etc/ssh/ssh_config */
  readonly files?: readonly string[]
}

const maximumDepth = 16

/** Reads the configuration for a host as it would be typed after `ssh`. */
export function loadSshConfig(host: string, place: SshConfigPlace): SshConfig {
  const values = new Map<string, string[][]>()
  const files = place.files ?? [join(place.home, '.ssh/config'), '/etc/ssh/ssh_config']
  for (const file of files) readInto(values, file, host, place, true, 0)
  return interpret(values, host, place)
}

function readInto(
  values: Map<string, string[][]>,
  file: string,
  host: string,
  place: SshConfigPlace,
  enclosing: boolean,
  depth: number,
): void {
  const text = readIfThere(file)
  if (text === undefined) return
  let active = enclosing
  for (const line of text.split('\n')) {
    const [keyword = '', ...words] = splitLine(line)
    const name = keyword.toLowerCase()
    if (name === '') continue
    if (name === 'host') active = enclosing && matchesHost(words, host)
    else if (name === 'match') active = enclosing && matchesMatch(words, host, values)
    else if (!active) continue
    else if (name === 'include') {
      if (depth >= maximumDepth) continue
      for (const pattern of words) {
        const path = absolute(expandHome(pattern, place), dirname(file))
        for (const included of expandGlob(path)) readInto(values, included, host, place, active, depth + 1)
      }
    } else {
      const list = values.get(name) ?? []
      list.push(words)
      values.set(name, list)
    }
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined
    throw error
  }
}

/** The words of a line: `Keyword value`, `Keyword=value`, double quotes keep spaces, `#` begins a comment. */
function splitLine(line: string): string[] {
  const trimmed = line.trim()
  if (trimmed === '' || trimmed.startsWith('#')) return []
  const found = /^([^\s=]+)(?:\s*=\s*|\s+|$)(.*)$/.exec(trimmed)
  if (!found) return []
  const words: string[] = [found[1] ?? '']
  for (const [, quoted, plain] of (found[2] ?? '').matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    if (plain?.startsWith('#')) break
    words.push(quoted ?? plain ?? '')
  }
  return words
}

function matchesHost(patterns: readonly string[], host: string): boolean {
  let matched = false
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(pattern.slice(1), host)) return false
    } else if (matchesPattern(pattern, host)) matched = true
  }
  return matched
}

/** Match blocks that need more than names (exec, user, …) do not apply. */
function matchesMatch(words: readonly string[], host: string, values: Map<string, string[][]>): boolean {
  for (let at = 0; at < words.length; at += 2) {
    const criterion = words[at]?.toLowerCase()
    if (criterion === 'all') {
      at -= 1
      continue
    }
    const patterns = words[at + 1]?.split(',') ?? []
    const name = criterion === 'host' ? (values.get('hostname')?.[0]?.[0] ?? host) : host
    if ((criterion !== 'host' && criterion !== 'originalhost') || !matchesHost(patterns, name)) return false
  }
  return words.length > 0
}

function interpret(values: Map<string, string[][]>, host: string, place: SshConfigPlace): SshConfig {
  const first = (name: string): string | undefined => values.get(name)?.[0]?.[0]
  const hostName = first('hostname')?.replace(/%[h%]/g, (token) => (token === '%%' ? '%' : host))
  const port = Number(first('port'))
  const user = first('user')
  const tokens: Readonly<Record<string, string>> = {
    '%%': '%',
    '%h': hostName ?? host,
    '%n': host,
    '%p': String(port || 22),
    '%r': user ?? place.localUser,
    '%u': place.localUser,
    '%d': place.home,
  }
  const expand = (text: string): string => text.replace(/%[a-z%]/gi, (token) => tokens[token] ?? token)
  const path = (text: string): string => expandHome(expand(text), place)
  const jump = first('proxyjump')
  const command = values.get('proxycommand')?.[0]?.join(' ')
  const agent = first('identityagent')
  const alias = first('hostkeyalias')
  const knownHosts = values.get('userknownhostsfile')?.[0]
  return {
    ...(hostName !== undefined && { hostName }),
    ...(user !== undefined && { user }),
    ...(port > 0 && { port }),
    identityFiles: (values.get('identityfile') ?? [])
      .map((words) => words[0] ?? 'none')
      .filter((file) => file !== 'none')
      .map(path),
    identitiesOnly: first('identitiesonly')?.toLowerCase() === 'yes',
    ...(agent !== undefined && { identityAgent: path(agent) }),
    ...(jump !== undefined && { proxyJump: jump === 'none' ? [] : jump.split(',').map(expand) }),
    ...(command !== undefined && command !== 'none' && { proxyCommand: command }),
    ...(knownHosts !== undefined && { userKnownHostsFiles: knownHosts.map(path) }),
    ...(alias !== undefined && { hostKeyAlias: alias }),
  }
}

/** `~` and `~/…` are the user's home. */
export function expandHome(path: string, place: { readonly home: string }): string {
  return path === '~' ? place.home : path.startsWith('~/') ? join(place.home, path.slice(2)) : path
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}

/** Files that a pattern with `*` and `?` in its last part names, sorted. */
function expandGlob(path: string): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (!/[*?]/.test(name)) return [path]
  const folder = dirname(path)
  try {
    return readdirSync(folder)
      .filter((file) => matchesPattern(name, file) && (name.startsWith('.') || !file.startsWith('.')))
      .sort()
      .map((file) => join(folder, file))
  } catch {
    return []
  }
}

/** The names that `Host` lines of ~/.ssh/config give, patterns left out, in order. */
export function hostsInSshConfig(home: string): readonly string[] {
  const names = new Set<string>()
  const read = (file: string, depth: number): void => {
    for (const line of (readIfThere(file) ?? '').split('\n')) {
      const [keyword = '', ...words] = splitLine(line)
      if (keyword.toLowerCase() === 'host') for (const word of words) if (!/[*?!]/.test(word)) names.add(word)
      if (keyword.toLowerCase() !== 'include' || depth >= maximumDepth) continue
      for (const pattern of words)
        for (const included of expandGlob(absolute(expandHome(pattern, { home }), dirname(file))))
          read(included, depth + 1)
    }
  }
  read(join(home, '.ssh/config'), 0)
  return [...names]
}
