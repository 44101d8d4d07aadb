import type { Suite } from './lab-host.ts'

/** One entry of an apt configuration: where packages come from. */
export interface AptSource {
  readonly uris: readonly string[]
  readonly suites: readonly string[]
  readonly components: readonly string[]
}

/** The places that may serve Debian, best first. */
export interface MirrorCandidates {
  readonly archive: readonly string[]
  readonly security: readonly string[]
}

/** Reads the binary-package entries of a deb822 file (`*.sources`, see sources.list(5)). */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = []
  const withoutComments = text.split('\n').filter((line) => !line.startsWith('#'))
  for (const stanza of withoutComments.join('\n').split(/\n\s*\n/)) {
    const fields = parseStanza(stanza)
    if (!fields.get('types')?.includes('deb')) continue
    if (/^(no|false|off|0)$/i.test(fields.get('enabled')?.[0] ?? 'yes')) continue
    sources.push({
      uris: fields.get('uris') ?? [],
      suites: fields.get('suites') ?? [],
      components: fields.get('components') ?? [],
    })
  }
  return sources
}

/** Reads the binary-package entries of a one-line-style file (`*.list`, see sources.list(5)). */
export function parseListSources(text: string): AptSource[] {
  const sources: AptSource[] = []
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line)
    if (!match) continue
    const [, uri = '', suite = '', components = ''] = match
    sources.push({ uris: [uri], suites: [suite], components: components.split(/\s+/).filter(Boolean) })
  }
  return sources
}

/** Picks the entries that look like a mirror of Debian itself, and not somebody's extra repository. */
export function chooseMirrors(sources: readonly AptSource[]): MirrorCandidates {
  const main = sources.filter((source) => source.components.includes('main'))
  const security = main.filter((source) => source.suites.some(isSecuritySuite))
  const archive = main.filter((source) => !security.includes(source) && source.suites.some(isDebianSuite))
  const archiveUris = rank(archive.flatMap(({ uris }) => uris))
  const besideArchive = archiveUris.filter((uri) => /\/debian$/.test(uri)).map((uri) => `${uri}-security`)
  return {
    archive: archiveUris,
    security: [...new Set([...rank(security.flatMap(({ uris }) => uris)), ...besideArchive])],
  }
}

/** Reads the first address of a `mirror+file:` list: one address a line, settings after a tab, `#` comments. */
export function parseMirrorList(text: string): string | null {
  for (const line of text.split('\n')) {
    const [address] = line.trim().split(/\s+/)
    if (address && !address.startsWith('#')) return address
  }
  return null
}

/** Keeps the lines of `apt-config dump` that say how this machine reaches its mirrors: proxies, certificates, checks. */
export function parseAptSettings(dump: string): string[] {
  const wanted =
    /^Acquire::(https?(::|\s)|Check-Valid-Until\s|Check-Date\s|ForceIPv[46]\s|Retries\s|Proxy-Auto-Detect)/i
  return dump.split('\n').filter((line) => wanted.test(line) && !/ "";$/.test(line) && !/:: "/.test(line))
}

/** The suites of a release beside its main one, and which of the two mirrors has them. */
export function extraSuites(suite: Suite): readonly { suite: string; mirror: 'archive' | 'security' }[] {
  if (suite === 'sid') return [] // unstable gets its fixes directly
  return [
    { suite: `${suite}-updates`, mirror: 'archive' },
    { suite: `${suite}-security`, mirror: 'security' },
  ]
}

function parseStanza(stanza: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  const unfolded = stanza.replaceAll(/\n[ \t]+/g, ' ')
  for (const line of unfolded.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0)
      fields.set(
        line.slice(0, colon).trim().toLowerCase(),
        line
          .slice(colon + 1)
          .trim()
          .split(/\s+/),
      )
  }
  return fields
}

function isSecuritySuite(suite: string): boolean {
  return /(-security|\/updates)$/.test(suite)
}

function isDebianSuite(suite: string): boolean {
  return /^(buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)$/.test(suite)
}

// An address that ends in /debian is more likely Debian's archive than any other repository that has a "stable main".
function rank(uris: readonly string[]): string[] {
  const plain = uris.map((uri) => uri.replace(/\/+$/, ''))
  const usable = plain.filter((uri) => /^(https?|mirror\+https?|mirror\+file):/.test(uri))
  const likely = usable.filter((uri) => /\/debian(-security)?$/.test(uri))
  return [...new Set([...likely, ...usable])]
}
