// Cuts an EJS template into its tags, so that errors can name the exact line and expression. What it hands to ejs is the
// same template, each printing tag numbered, and with `%>` outside of tags kept as text (ejs would swallow it).

/** A `<% … %>` of a template. */
export interface Tag {
  /** `print` for `<%=` and `<%-`, which mean the same here: nothing is HTML-escaped. */
  readonly kind: 'print' | 'code' | 'comment'
  readonly code: string
  /** Place of the opening delimiter, from 1. */
  readonly line: number
  readonly column: number
  readonly endLine: number
}

/** A mistake in the delimiters. */
export interface TagMistake {
  readonly mistake: string
  readonly line: number
  readonly column: number
}

const delimiter = /<%%|%%>|<%=|<%-|<%_|<%#|<%|%>|-%>|_%>/g

/** The tags of a template, and its text with `<%=` as `<%=INDEX,` (INDEX counts the printing tags). */
export function parseTags(text: string): { tags: readonly Tag[]; marked: string } | TagMistake {
  const tags: Tag[] = []
  let marked = ''
  let open: { kind: Tag['kind']; start: number; line: number; column: number; delimiter: string } | undefined
  let printed = 0
  let done = 0
  let line = 1
  let lineStart = 0
  for (const match of text.matchAll(delimiter)) {
    const [token] = match
    for (let at = text.indexOf('\n', done); at !== -1 && at < match.index; at = text.indexOf('\n', at + 1)) {
      line++
      lineStart = at + 1
    }
    marked += text.slice(done, match.index)
    done = match.index + token.length
    const column = match.index - lineStart + 1
    if (token === '<%%' || token === '%%>') marked += token
    else if (token.startsWith('<%')) {
      if (open) return { mistake: `${open.delimiter} is not closed before the next ${token}`, ...placeOf(open) }
      const kind = token === '<%=' || token === '<%-' ? 'print' : token === '<%#' ? 'comment' : 'code'
      open = { kind, start: done, line, column, delimiter: token }
      marked += kind === 'print' ? `<%=${printed++},` : token
    } else if (open) {
      const code = text.slice(open.start, match.index)
      if (open.kind === 'print' && code.trim() === '')
        return { mistake: `${open.delimiter} ${token} prints nothing: expected an expression`, ...placeOf(open) }
      tags.push({ kind: open.kind, code, line: open.line, column: open.column, endLine: line })
      open = undefined
      marked += token
    } else marked += token.replace('%>', '%%>')
  }
  if (open) return { mistake: `${open.delimiter} is never closed with %>`, ...placeOf(open) }
  return { tags, marked: marked + text.slice(done) }
}

function placeOf(open: { line: number; column: number }): { line: number; column: number } {
  return { line: open.line, column: open.column }
}
