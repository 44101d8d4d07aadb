// The documentation of resources and roles, out of their TSDoc and their schemas: what a comment says is the sources', types
// and what is required are the schema's own. The sources are formatted, so that blocks are found by their indentation.
import { readdirSync, readFileSync } from 'node:fs'
import type { EntryDoc, OptionDoc } from '../src/cli/documentation.ts'
import { secretOrString } from '../src/core/schema.ts'

const root = new URL('..', import.meta.url)

interface Member {
  readonly key: string
  readonly comment: string
  /** From the key to the next one. */
  readonly text: string
}

interface Source {
  readonly path: string
  readonly text: string
  /** Objects at the top of the file, by name: schemas and parts of them. */
  readonly blocks: ReadonlyMap<string, string>
}

/** All resources that `hostwright` exports and all roles of `hostwright/roles`. */
export async function collectDocumentation(): Promise<readonly EntryDoc[]> {
  const sources = ['src/resources/', 'src/core/', 'roles/', 'roles/monitoring/'].flatMap((folder) =>
    readdirSync(new URL(folder, root))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readSource(folder + name)),
  )
  const resources = constructorsOf(await import('../src/index.ts')).map(({ name, schema }) => {
    const definition = new RegExp(`\\n +name: '${name.replaceAll('.', '\\.')}',\\n +(?:schema: )?(\\w+),`)
    const source = sources.find(({ text }) => definition.test(text))
    const found = source && definition.exec(source.text)
    if (!source || !found) throw new Error(`the source of ${name} was not found`)
    // one that a function makes is exported below it
    const start = found[0].startsWith('\n    ')
      ? source.text.indexOf('export const ', found.index)
      : source.text.lastIndexOf('export const ', found.index)
    return entryOf('resource', name, source, start, found[1] ?? 'schema', schema, sources)
  })
  const roles = rolesOf(await import('../roles/index.ts')).map(({ name, params }) => {
    const source = sources.find(
      ({ text, path }) => path.startsWith('roles/') && text.includes(`const ${name} = role(\n  '${name}'`),
    )
    if (!source) throw new Error(`the source of the role ${name} was not found`)
    const start = source.text.indexOf(`export const ${name} = role(\n`)
    const block = /^ {4}params(?:: (\w+))?,/m.exec(source.text.slice(start))?.[1] ?? 'params'
    return entryOf('role', name, source, start, block, params, sources)
  })
  const byName = (left: EntryDoc, right: EntryDoc) => left.name.localeCompare(right.name, 'en')
  return [...resources.sort(byName), ...roles.sort(byName)]
}

function entryOf(
  kind: EntryDoc['kind'],
  name: string,
  source: Source,
  start: number,
  block: string,
  schema: Schemas,
  sources: readonly Source[],
): EntryDoc {
  const [text = '', ...examples] = commentBefore(source.text, start).split(/^@example[ \n]/m)
  const result = /^[^(]*<[^<>]*,\s*(\w+Result),?\s*>\(/.exec(source.text.slice(start))?.[1]
  return {
    kind,
    name,
    text: text.trim(),
    options: optionsOf(block, source, sources, schema, ''),
    returns: result === undefined ? [] : fieldsOf(result, sources),
    examples: examples.map((example) => example.trim()),
    source: source.path,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: schemas of valibot as data, whatever they are
type Schemas = Readonly<Record<string, any>>

/** The members of a block and of those spread into it, with the comments found there. */
function membersOf(block: string, source: Source, sources: readonly Source[]): readonly Member[] {
  const home = homeOf(block, source, sources)
  const text = home?.blocks.get(block)
  if (!home || text === undefined) return []
  const found: Member[] = []
  const pattern = /^ {2}(?:\.\.\.(\w+),|(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+)?(\w+)(?=[:,]))/gm
  const matches = [...text.matchAll(pattern)]
  for (const [index, match] of matches.entries()) {
    const [, spread, comment = '', key] = match
    if (spread) found.push(...membersOf(spread, home, sources))
    else if (key) found.push({ key, comment: plain(comment), text: text.slice(match.index, matches[index + 1]?.index) })
  }
  return found
}

/** The file that a name comes from: this one, or one beside it that is imported. */
function homeOf(name: string, source: Source, sources: readonly Source[]): Source | undefined {
  if (source.blocks.has(name)) return source
  const file = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '\\./([^']+)'`).exec(source.text)?.[1]
  const path = file && source.path.replace(/[^/]+$/, file)
  return sources.find((other) => other.path === path && other.blocks.has(name))
}

function optionsOf(
  block: string,
  source: Source,
  sources: readonly Source[],
  schema: Schemas,
  prefix: string,
): OptionDoc[] {
  const members = membersOf(block, source, sources)
  return Object.entries(schema).flatMap(([key, one]) => {
    const member = members.findLast((entry) => entry.key === key)
    const [text = '', usual] = (member?.comment ?? '').split(/@default /)
    const fallback = usual?.trim().replace(/\s+/g, ' ')
    const inner = innerEntries(one)
    const part = inner && innerBlock(member?.text ?? '', source, sources)
    const option: OptionDoc = {
      name: prefix + key,
      type: part ? typeOf(one).replace(/\{.*\}/, '{ … }') : typeOf(one), // what is in it follows
      required: !isOptional(one),
      ...(fallback && { default: fallback }),
      text: text.trim().replace(/\s+/g, ' '),
    }
    return [option, ...(part ? optionsOf(part, source, sources, inner, `${prefix}${key}.`) : [])]
  })
}

/** The name of a block that an option is made of: `v.strictObject(ruleSchema)`, `v.array(admin)`. */
function innerBlock(text: string, source: Source, sources: readonly Source[]): string | undefined {
  const words = [...text.replace(/\/\*\*[\s\S]*?\*\//, '').matchAll(/(?<![.\w'])([a-z]\w+)(?![\w(:'])/g)].map(
    ([, word = '']) => word,
  )
  return words.find((word) => homeOf(word, source, sources))
}

function innerEntries(schema: Schemas): Schemas | undefined {
  if (schema.wrapped) return innerEntries(schema.wrapped)
  if (schema.type === 'array') return innerEntries(schema.item)
  if (schema.type === 'union') return schema.options.map(innerEntries).find(Boolean)
  return schema.entries
}

function isOptional(schema: Schemas): boolean {
  return ['optional', 'nullish', 'exact_optional', 'undefinedable'].includes(schema.type)
}

/** A schema as a type that people write. */
function typeOf(schema: Schemas): string {
  const inner = (one: Schemas): string => (/ \| /.test(typeOf(one)) ? `(${typeOf(one)})` : typeOf(one))
  if (schema === secretOrString) return 'string | Secret'
  if (schema.wrapped) return typeOf(schema.wrapped)
  switch (schema.type) {
    case 'picklist':
      return schema.options.map(quoted).join(' | ')
    case 'literal':
      return quoted(schema.literal)
    case 'union':
      return [...new Set(schema.options.map(typeOf))].join(' | ')
    case 'array':
      return `${inner(schema.item)}[]`
    case 'record':
      return `{ [name]: ${typeOf(schema.value)} }`
    case 'object':
    case 'strict_object':
    case 'loose_object':
      return `{ ${Object.entries<Schemas>(schema.entries)
        .map(([key, one]) => `${key}${isOptional(one) ? '?' : ''}: ${typeOf(one)}`)
        .join('; ')} }`
    case 'custom':
      return customType(schema)
    case 'unknown':
    case 'any':
      return 'any'
    default:
      return schema.type
  }
}

/** A check by a function of its own says in its message what it expects. */
function customType(schema: Schemas): string {
  const message = typeof schema.message === 'string' ? schema.message : ''
  if (/octal/.test(message)) return "'0644'"
  if (/secret/.test(message)) return 'string | Secret'
  return /handler/.test(message) ? 'Handler' : 'object'
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** The fields of a result, with their comments. */
function fieldsOf(name: string, sources: readonly Source[]): EntryDoc['returns'] {
  for (const { text } of sources) {
    const body = new RegExp(`interface ${name} extends [^{]*{\\n([\\s\\S]*?)\\n}`).exec(text)?.[1]
    if (body === undefined) continue
    const fields = body.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+)?readonly (\w+)\??: (.*)/g)
    return [...fields].map(([, comment = '', field = '', type = '']) => ({
      name: field,
      type,
      text: plain(comment).replace(/\s+/g, ' ').trim(),
    }))
  }
  throw new Error(`the interface ${name} was not found`)
}

function readSource(path: string): Source {
  const text = readFileSync(new URL(path, root), 'utf8')
  const blocks = text.matchAll(
    /^(?:export )?const (\w+) = (?:v\.strictObject\()?\{\n([\s\S]*?)^\}(?:\)| satisfies .*| as const.*)?$/gm,
  )
  return { path, text, blocks: new Map([...blocks].map(([, name = '', body = '']) => [name, body])) }
}

/** The TSDoc right before a place. */
function commentBefore(text: string, at: number): string {
  const found = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, at))?.[1]
  return found === undefined ? '' : plain(found)
}

/** A comment without its stars. */
function plain(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
}

function constructorsOf(module: object): { name: string; schema: Schemas }[] {
  return Object.values(module).flatMap((value: unknown) => {
    if (typeof value === 'function' && 'resource' in value) return [value.resource as { name: string; schema: Schemas }]
    return typeof value === 'object' && value !== null && Symbol.toStringTag in value && !('strictObject' in value)
      ? constructorsOf(value)
      : []
  })
}

/** Roles under their own names: `mysqlReplica` is the second half of `mysql`. */
function rolesOf(module: object): { name: string; params: Schemas }[] {
  return Object.entries(module).flatMap(([exported, value]: [string, unknown]) =>
    typeof value === 'function' && 'definition' in value
      ? [value.definition as { name: string; params: Schemas }].filter(({ name }) => name === exported)
      : [],
  )
}
