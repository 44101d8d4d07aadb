// Grants as sets: what the user wishes, what SHOW GRANTS prints, and the statements between them.
// MySQL spells ALL on *.* out as a long list, both servers have synonyms, schema names are patterns: all of that is
// brought to one form here, so that only real differences are ever granted or revoked.
import type { Flavour } from './mysql-client.ts'
import { identifier } from './mysql-sql.ts'

/** What privileges are on: `*.*`, a schema (a pattern: `_` and `%` match unless escaped), a table, a routine. */
export interface GrantObject {
  readonly kind: 'global' | 'schema' | 'table' | 'function' | 'procedure'
  readonly database: string
  readonly name: string
}

/** Privileges of one account on one object, in normal form; a column privilege is one entry for each column. */
export interface ObjectGrants {
  readonly object: GrantObject
  readonly privileges: ReadonlySet<string>
}

/** Grants by the object's key. */
export type Grants = ReadonlyMap<string, ObjectGrants>

/** Grants as users write them: `{ 'shop.*': ['SELECT', 'INSERT'], '*.*': 'PROCESS' }`. */
export type GrantsWish = Readonly<Record<string, string | readonly string[]>>

const everything = 'ALL'
const grantOption = 'GRANT OPTION'

/** The wish in normal form; throws a sentence for what cannot be read. */
export function parseGrantsWish(wish: GrantsWish, flavour: Flavour, patterns = true): Grants {
  const grants = new Map<string, ObjectGrants>()
  for (const [on, list] of Object.entries(wish)) {
    const object = parseObject(on, true, patterns)
    const texts = typeof list === 'string' ? [list] : list
    const privileges = new Set(texts.flatMap((text) => parsePrivileges(text, flavour)))
    if (privileges.has(everything)) {
      for (const privilege of privileges)
        if (privilege !== everything && privilege !== grantOption) privileges.delete(privilege)
    }
    if (privileges.size > 0) grants.set(keyOf(object), { object, privileges })
  }
  return grants
}

/** The rows of SHOW GRANTS in normal form. Roles, proxies and partial revokes are not ours and are left out. */
export function parseShowGrants(
  lines: readonly string[],
  flavour: Flavour,
  allPrivileges: readonly string[] = [],
): Grants {
  const grants = new Map<string, { object: GrantObject; privileges: Set<string> }>()
  for (const line of lines) {
    if (/^(REVOKE|SET DEFAULT ROLE|GRANT PROXY ON) /.test(line)) continue
    const words = tokenize(line)
    if (words[0]?.toUpperCase() !== 'GRANT') throw new TypeError(`not a row of SHOW GRANTS: '${line.slice(0, 60)}'`)
    const on = words.findIndex((word, index) => index > 0 && word.toUpperCase() === 'ON')
    const to = words.findIndex((word, index) => index > 0 && word.toUpperCase() === 'TO')
    if (to < 0) throw new TypeError(`not a row of SHOW GRANTS: '${line.slice(0, 60)}'`)
    if (on < 0 || on > to) continue // a role
    const object = parseObject(words.slice(on + 1, to).join(' '), false, false)
    const key = keyOf(object)
    const entry = grants.get(key) ?? { object, privileges: new Set<string>() }
    grants.set(key, entry)
    for (const privilege of parsePrivileges(words.slice(1, on).join(' '), flavour)) entry.privileges.add(privilege)
    const tail = words.slice(to + 1).map((word) => word.toUpperCase())
    const option = tail.indexOf('GRANT', Math.max(0, tail.indexOf('WITH')))
    if (tail.includes('WITH') && option >= 0 && tail[option + 1] === 'OPTION') entry.privileges.add(grantOption)
  }
  const all = allPrivileges.flatMap((privilege) => parsePrivileges(privilege, flavour))
  const global = grants.get('global')
  if (
    global &&
    all.length > 0 &&
    all.every((privilege) => privilege === grantOption || global.privileges.has(privilege))
  ) {
    const withOption = global.privileges.has(grantOption)
    global.privileges.clear()
    global.privileges.add(everything)
    if (withOption) global.privileges.add(grantOption)
  }
  for (const [key, { privileges }] of grants) if (privileges.size === 0) grants.delete(key)
  return grants
}

/** One object's difference: a sentence and the statements that remove it. */
export interface GrantDifference {
  readonly summary: string
  readonly statements: readonly string[]
}

/** What must be granted and revoked, object by object; nothing for what is equal. `to` is the quoted account. */
export function differGrants(present: Grants, wished: Grants, to: string): GrantDifference[] {
  const differences: GrantDifference[] = []
  for (const [key, { object, privileges }] of wished) {
    const has = present.get(key)?.privileges ?? new Set<string>()
    const add = [...privileges].filter((privilege) => !has.has(privilege))
    const drop = [...has].filter((privilege) => !privileges.has(privilege))
    if (add.length === 0 && drop.length === 0) continue
    const on = renderObject(object)
    const statements: string[] = []
    if (privileges.has(everything)) {
      // What else is there is part of ALL; only the right to grant is not.
      if (drop.includes(grantOption)) statements.push(`REVOKE GRANT OPTION ON ${on} FROM ${to}`)
    } else if (has.has(everything)) {
      statements.push(`REVOKE ALL PRIVILEGES ON ${on} FROM ${to}`)
      if (drop.includes(grantOption)) statements.push(`REVOKE GRANT OPTION ON ${on} FROM ${to}`)
    } else if (drop.length > 0) {
      const plain = drop.filter((privilege) => privilege !== grantOption)
      if (plain.length > 0) statements.push(`REVOKE ${renderPrivileges(plain)} ON ${on} FROM ${to}`)
      if (drop.includes(grantOption)) statements.push(`REVOKE GRANT OPTION ON ${on} FROM ${to}`)
    }
    if (add.length > 0 || has.has(everything)) {
      // MySQL keeps the grant option of each dynamic privilege apart, so a new grant option names them all again.
      const again = add.includes(grantOption) || has.has(everything)
      const names = (again ? [...privileges] : add).filter((privilege) => privilege !== grantOption)
      const option = privileges.has(grantOption) && (again || has.has(grantOption)) ? ' WITH GRANT OPTION' : ''
      statements.push(`GRANT ${names.length > 0 ? renderPrivileges(names) : 'USAGE'} ON ${on} TO ${to}${option}`)
    }
    differences.push({
      summary: summaryOf(on, add, privileges.has(everything) ? drop.filter((name) => name === grantOption) : drop),
      statements,
    })
  }
  for (const [key, { object, privileges }] of present) {
    if (wished.has(key)) continue
    const on = renderObject(object)
    const statements: string[] = []
    const names = [...privileges].filter((privilege) => privilege !== grantOption)
    // By name: MySQL was seen to refuse REVOKE ALL on a table (error 1147) whose grants it had just shown.
    if (names.length > 0) statements.push(`REVOKE ${renderPrivileges(names)} ON ${on} FROM ${to}`)
    if (privileges.has(grantOption)) statements.push(`REVOKE GRANT OPTION ON ${on} FROM ${to}`)
    differences.push({ summary: summaryOf(on, [], [...privileges]), statements })
  }
  return differences
}

function summaryOf(on: string, add: readonly string[], drop: readonly string[]): string {
  const parts = [
    ...(add.length > 0 ? [`+ ${renderPrivileges(add)}`] : []),
    ...(drop.length > 0 ? [`− ${renderPrivileges(drop)}`] : []),
  ]
  return `grants on ${on}: ${parts.join(', ')}`
}

function keyOf(object: GrantObject): string {
  return object.kind === 'global' ? 'global' : JSON.stringify([object.kind, object.database, object.name])
}

function renderObject({ kind, database, name }: GrantObject): string {
  if (kind === 'global') return '*.*'
  if (kind === 'schema') return `${identifier(database)}.*`
  const qualified = `${identifier(database)}.${identifier(name)}`
  return kind === 'table' ? qualified : `${kind.toUpperCase()} ${qualified}`
}

/** `SELECT`, `INSERT (a, b)`: columns are put together again. */
function renderPrivileges(privileges: readonly string[]): string {
  const columns = new Map<string, string[]>()
  const plain: string[] = []
  for (const privilege of privileges) {
    const match = /^([^(]+) \((.+)\)$/s.exec(privilege)
    if (!match) plain.push(privilege)
    else columns.set(match[1] ?? '', [...(columns.get(match[1] ?? '') ?? []), match[2] ?? ''])
  }
  return [...plain, ...[...columns].map(([name, list]) => `${name} (${list.join(', ')})`)].join(', ')
}

/** A list of privileges in normal form: capitals, one name for synonyms, a column each. USAGE is no privilege. */
function parsePrivileges(text: string, flavour: Flavour): string[] {
  const privileges: string[] = []
  let name = ''
  const words = tokenize(text)
  const flush = (): void => {
    if (name !== '' && name !== 'USAGE') privileges.push(canonical(name, flavour))
    name = ''
  }
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    if (word === ',') flush()
    else if (word === '(') {
      const end = words.indexOf(')', index)
      if (end < 0) throw new TypeError(`missing ')' in privileges '${text.slice(0, 60)}'`)
      for (const column of words.slice(index + 1, end)) {
        if (column !== ',') privileges.push(`${name} (${identifier(unquote(column))})`)
      }
      name = ''
      index = end
    } else name = name === '' ? word.toUpperCase() : `${name} ${word.toUpperCase()}`
  }
  flush()
  const odd = privileges.find((privilege) => !/^[A-Z][A-Z_ ]*( \(.+\))?$/s.test(privilege))
  if (odd !== undefined) throw new TypeError(`not a privilege: '${odd}'`)
  return privileges
}

function canonical(name: string, flavour: Flavour): string {
  if (name === 'ALL PRIVILEGES') return everything
  if (flavour === 'mysql') return name
  return mariadbSynonyms[name] ?? name
}

/** MariaDB accepts both words and prints the second. See https://mariadb.com/kb/en/grant/ */
const mariadbSynonyms: Readonly<Record<string, string>> = {
  'REPLICATION CLIENT': 'BINLOG MONITOR',
  'REPLICATION REPLICA': 'REPLICATION SLAVE',
  'REPLICATION REPLICA ADMIN': 'REPLICATION SLAVE ADMIN',
  'REPLICA MONITOR': 'SLAVE MONITOR',
  'READ ONLY ADMIN': 'READ_ONLY ADMIN',
  'DELETE VERSIONING ROWS': 'DELETE HISTORY',
}

/** `*.*`, `db.*`, `db.table`, `FUNCTION db.name`; names bare or in backticks. */
function parseObject(text: string, wish: boolean, escapePatterns: boolean): GrantObject {
  const words = tokenize(text)
  const first = words[0]?.toUpperCase()
  const kind =
    first === 'FUNCTION' || first === 'PROCEDURE' ? (first.toLowerCase() as 'function' | 'procedure') : undefined
  const [database, dot, name, ...rest] = kind || first === 'TABLE' ? words.slice(1) : words
  if (database === undefined || dot !== '.' || name === undefined || rest.length > 0)
    throw new TypeError(
      `expected '*.*', 'schema.*', 'schema.table' or 'FUNCTION schema.name', found '${text.slice(0, 60)}'`,
    )
  if (database === '*' && name === '*') return { kind: 'global', database: '', name: '' }
  if (database === '*') throw new TypeError(`a table needs its schema, found '${text.slice(0, 60)}'`)
  if (name === '*' && !kind) {
    const pattern = unquote(database)
    // Whoever writes % or \_ means a pattern; a bare _ is part of a name and must not match any character.
    const literalName = wish && escapePatterns && !/[%\\]/.test(pattern)
    return { kind: 'schema', database: literalName ? pattern.replaceAll('_', '\\_') : pattern, name: '' }
  }
  return { kind: kind ?? 'table', database: unquote(database), name: unquote(name) }
}

function unquote(word: string): string {
  return word.startsWith('`') ? word.slice(1, -1).replaceAll('``', '`') : word
}

/** Words, quoted identifiers and strings (whole, still quoted), and the marks `, ( ) . @ *`. */
function tokenize(text: string): string[] {
  return text.match(/`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|[,().@*]|[^\s,().@*`'"]+/gs) ?? []
}
