// A scanner for object literals in TypeScript source: finds members by their path, without running or parsing the rest.

/**
 * The offset of the member at the end of a path of keys (or of texts in a list), in the first object literal at or after
 * `from`; the deepest member found if the path goes on into something that is no literal; undefined if none was found.
 */
export function findKey(source: string, from: number, path: readonly string[]): number | undefined {
  let at = skipTo(source, from, '{')
  let found: number | undefined
  for (const key of path) {
    const member = at === undefined ? undefined : findMember(source, at, key)
    if (!member && at !== undefined && source[at] === '[') continue // `web: ['web1']` is short for `web: { hosts: ['web1'] }`
    if (!member) break
    found = member.start
    at = member.value
  }
  return found
}

interface Member {
  readonly start: number
  /** Where its value begins. */
  readonly value: number
}

/** A member of the literal that begins at `open`: by key in an object, by text in a list. */
function findMember(source: string, open: number, key: string): Member | undefined {
  const bracket = source[open]
  if (bracket !== '{' && bracket !== '[') return undefined
  let at = skipBlank(source, open + 1)
  while (at < source.length && source[at] !== '}' && source[at] !== ']') {
    const name = readName(source, at)
    if (name) {
      const next = skipBlank(source, name.end)
      if (bracket === '[') {
        if (name.text === key) return { start: at, value: name.end }
      } else if (name.text === key && /[:,}]/.test(source[next] ?? '')) {
        return { start: at, value: source[next] === ':' ? skipBlank(source, next + 1) : name.end }
      }
    }
    at = skipBlank(source, skipTo(source, at, ',') ?? source.length)
    if (source[at] === ',') at = skipBlank(source, at + 1)
  }
  return undefined
}

function readName(source: string, at: number): { text: string; end: number } | undefined {
  const quote = source[at]
  if (quote === "'" || quote === '"') {
    const end = skipString(source, at)
    return { text: source.slice(at + 1, end - 1), end }
  }
  const word = /[\w$]+/y
  word.lastIndex = at
  const match = word.exec(source)
  return match ? { text: match[0], end: word.lastIndex } : undefined
}

/** The offset of a character at this level of nesting, or of the bracket that closes the level; undefined at the end. */
function skipTo(source: string, from: number, wanted: string): number | undefined {
  let depth = 0
  for (let at = skipBlank(source, from); at < source.length; at = skipBlank(source, at)) {
    const char = source[at] ?? ''
    if (depth === 0 && char === wanted) return at
    if (/['"`]/.test(char)) {
      at = skipString(source, at)
      continue
    }
    if (/[{[(]/.test(char) && !(wanted === '{' && char === '(')) depth++
    else if (/[}\])]/.test(char)) {
      if (depth === 0) return wanted === '{' ? undefined : at
      depth--
    }
    at++
  }
  return undefined
}

function skipString(source: string, from: number): number {
  const quote = source[from]
  for (let at = from + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === quote) return at + 1
    else if (quote === '`' && source[at] === '$' && source[at + 1] === '{')
      at = skipTo(source, at + 2, '}') ?? source.length
  }
  return source.length
}

/** Past blanks and comments. */
function skipBlank(source: string, from: number): number {
  const blank = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
  blank.lastIndex = from
  blank.exec(source)
  return Math.max(from, blank.lastIndex)
}
