// Hosts as people have them at hand: `web1 admin@192.0.2.11:2222`, `admin@192.0.2.11`, a plain address; one a line or with commas.
import { accountName } from '../core/schema.ts'
import { address, type HostAnswer, hostName, port, reasonOf } from './answers.ts'

/** What was understood, and why the rest was not. */
export interface HostLines {
  readonly hosts: readonly HostAnswer[]
  readonly problems: readonly string[]
}

/** Reads pasted hosts. One without a name gets the next of `names` that is not taken. */
export function parseHostLines(text: string, names: readonly string[], taken: readonly string[] = []): HostLines {
  const lines = text
    .split(/[\n,;]/)
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
  const used = new Set([...taken, ...lines.flatMap((line) => (line.includes(' ') ? [line.split(/\s+/)[0] ?? ''] : []))])
  const hosts: HostAnswer[] = []
  const problems: string[] = []
  for (const line of lines) {
    const words = line.split(/\s+/)
    if (words.length > 2) {
      problems.push(`'${line}': expected NAME USER@ADDRESS:PORT, found ${words.length} words`)
      continue
    }
    const place = parsePlace(words.at(-1) ?? '')
    const name = words.length === 2 ? (words[0] ?? '') : nextName(names, used)
    used.add(name)
    const reasons = [
      reasonOf(hostName, name),
      reasonOf(address, place.address),
      place.user === undefined || reasonOf(accountName, place.user),
      place.port === undefined || reasonOf(port, place.port),
      !hosts.some((other) => other.name === name) || 'the name is there twice',
    ].filter((reason) => reason !== true)
    if (reasons.length > 0) problems.push(`'${line}': ${reasons.join('; ')}`)
    else hosts.push({ name, ...place })
  }
  return { hosts, problems }
}

/** A host as `parseHostLines` reads it. */
export function renderHostLine(host: HostAnswer): string {
  const name = host.address?.includes(':') ? `[${host.address}]` : (host.address ?? '')
  return `${host.name} ${host.user ? `${host.user}@` : ''}${name}${host.port ? `:${host.port}` : ''}`
}

function parsePlace(word: string) {
  const [, user, bracketed, plain, digits] =
    /^(?:([^@]*)@)?(?:\[([^\]]*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(word) ?? []
  const found = bracketed ?? plain ?? word
  // an IPv6 address without brackets has no port
  const bare = bracketed === undefined && word.split(':').length > 2
  return {
    address: bare ? word.replace(/^[^@]*@/, '') : found,
    ...(user !== undefined && { user }),
    ...(digits !== undefined && !bare && { port: Number(digits) }),
  }
}

function nextName(names: readonly string[], used: ReadonlySet<string>): string {
  const free = names.find((name) => !used.has(name))
  if (free !== undefined) return free
  for (let number = 1; ; number++) if (!used.has(`host${number}`)) return `host${number}`
}
