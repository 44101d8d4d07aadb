// Package sources in deb822 form, sources.list(5), each with its own key in /etc/apt/keyrings.
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { Change, Plan, PrepareContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { resolveTemplate } from '../template/resolve.ts'
import { treeArea } from './areas.ts'
import { armorKey } from './pgp-armor.ts'
import {
  contentOf,
  fileDifferences,
  fileOf,
  parseTextFiles,
  type TextFile,
  textFilesProbe,
  writeTextFile,
} from './text-file.ts'

const word = v.pipe(v.string(), v.regex(/^[^\s#]+$/, 'expected a text without spaces'))
const words = v.union([word, v.pipe(v.array(word), v.minLength(1))])

const schema = {
  /** Names the files: `/etc/apt/sources.list.d/NAME.sources` and `/etc/apt/keyrings/NAME.asc`. */
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'expected a file name of letters, digits, - and _')),
  /** Where the repository is: one address or several. */
  uris: v.optional(words),
  /** Codenames, or a path that ends in `/` for a flat repository. */
  suites: v.optional(words),
  /** Its parts, `main` for example; none for a suite that ends in `/`. @default none, as a flat repository wants it */
  components: v.optional(words),
  /** Binary packages, source packages or both. @default 'deb' */
  types: v.optional(v.union([v.picklist(['deb', 'deb-src']), v.array(v.picklist(['deb', 'deb-src']))])),
  /** Only packages of these architectures. @default all of the host */
  architectures: v.optional(words),
  /** The signing key: armored text, or the path of a local key file (armored or binary), looked for like a template. */
  key: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** A keyring that is on the host already, instead of `key`. */
  signedBy: v.optional(absolutePath),
  /** `absent` removes the key too. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

export type AptRepositoryArgs = ArgumentsOf<typeof schema>

/**
 * A package source and its key. The next `apt.package` that installs something refreshes the package lists first.
 * @example apt.repository({ name: 'nodesource', uris: 'https://deb.example.org/node_20.x', suites: 'stable', components: 'main', key: '../files/nodesource.asc' })
 */
export const aptRepository = defineResource<AptRepositoryArgs, AptRepositoryArgs, ReadonlyMap<string, TextFile>>({
  name: 'apt.repository',
  schema,
  check: (args) => {
    if (args.state === 'absent') return undefined
    if (args.uris === undefined) return "option 'uris' is missing"
    if (args.suites === undefined) return "option 'suites' is missing"
    if (args.key !== undefined && args.signedBy !== undefined) return "expected either 'key' or 'signedBy', found both"
    const flat = listOf(args.suites).filter((suite) => suite.endsWith('/')).length
    if (flat === 0 && args.components === undefined)
      return "option 'components' is missing (only a suite that ends in / has none)"
    if (flat > 0 && args.components !== undefined) return "a suite that ends in / takes no 'components'"
    return undefined
  },
  describe: (args) => args.name,
  prepare: (args, context) =>
    args.key === undefined || args.state === 'absent' ? args : { ...args, key: readKey(args.key, context) },
  probe: (wishes) => textFilesProbe(wishes.flatMap((wish) => [sourcePath(wish.name), keyPath(wish.name)])),
  parse: (stdout, wishes) => {
    const files = parseTextFiles(stdout)
    return wishes.map(
      (wish) => new Map([sourcePath(wish.name), keyPath(wish.name)].map((path) => [path, fileOf(files, path)])),
    )
  },
  plan,
  footprint: () => ({ reads: [treeArea('/etc/apt')], alters: [treeArea('/etc/apt'), treeArea('/var/lib/apt')] }),
})

function plan(files: ReadonlyMap<string, TextFile>, wish: AptRepositoryArgs): Plan {
  const [source, key] = [sourcePath(wish.name), keyPath(wish.name)]
  const wanted: readonly { path: string; what: string; content: string | undefined }[] = [
    { path: key, what: 'key', content: wish.state === 'absent' ? undefined : wish.key },
    { path: source, what: 'source', content: wish.state === 'absent' ? undefined : renderSource(wish) },
  ]
  const changes: Change[] = []
  // The key comes before the source that names it, and goes after it.
  for (const { path, what, content } of wish.state === 'absent' ? [...wanted].reverse() : wanted) {
    const file = fileOf(files, path)
    if (file.kind === 'other') return { refused: `${path} is ${file.what}, expected a file` }
    const before = contentOf(file)
    if (content === undefined) {
      if (file.kind === 'absent' || wish.signedBy === path) continue
      const diff = { label: path, before, after: '' }
      changes.push({ summary: `${what} present → absent`, diff, steps: [{ script: sh`rm -f -- ${path}` }] })
      continue
    }
    const differences = fileDifferences(file, { content, mode: '0644' })
    if (differences.length === 0) continue
    changes.push({
      summary: `${what} ${differences.join(', ')}`,
      ...(before !== content && { diff: { label: path, before, after: content } }),
      steps: [writeTextFile({ path, content, mode: '0644' })],
    })
  }
  const [first, ...rest] = changes
  return first ? { changes: [first, ...rest] } : { unchanged: wish.state === 'absent' ? 'absent' : 'as wished' }
}

function renderSource(wish: AptRepositoryArgs): string {
  const fields: readonly (readonly [string, string | readonly string[] | undefined])[] = [
    ['Types', wish.types ?? 'deb'],
    ['URIs', wish.uris],
    ['Suites', wish.suites],
    ['Components', wish.components],
    ['Architectures', wish.architectures],
    ['Signed-By', wish.key === undefined ? wish.signedBy : keyPath(wish.name)],
  ]
  const lines = fields.flatMap(([field, value]) =>
    value === undefined ? [] : [`${field}: ${listOf(value).join(' ')}`],
  )
  return `# Made by provision; changes are lost.\n${lines.join('\n')}\n`
}

function readKey(key: string, { from, onRead }: PrepareContext): string {
  if (key.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) return key.endsWith('\n') ? key : `${key}\n`
  const path = resolveTemplate(key, from, 'key', onRead)
  const bytes = readFileSync(path)
  const text = bytes.toString('utf8')
  if (text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) return text.endsWith('\n') ? text : `${text}\n`
  // An OpenPGP packet has the first bit of its first byte set (RFC 9580, 4.2).
  if (((bytes[0] ?? 0) & 0x80) === 0)
    throw new ProvisionError({ code: 'input', message: `option 'key': ${path} holds no OpenPGP key` })
  return armorKey(bytes)
}

function sourcePath(name: string): string {
  return `/etc/apt/sources.list.d/${name}.sources`
}

function keyPath(name: string): string {
  return `/etc/apt/keyrings/${name}.asc`
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}
