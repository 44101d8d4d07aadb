// Edits of a text: pure. Line endings and a missing line break at the end stay as they are.

/** Where a line goes that is not there yet. */
export interface Place {
  /** After the last line that matches. */
  readonly after?: RegExp | undefined
  /** Before the first line that matches. */
  readonly before?: RegExp | undefined
}

interface Text {
  readonly lines: readonly string[]
  readonly ending: string
  /** The last line has a line break. */
  readonly closed: boolean
}

function cut(text: string): Text {
  const ending = text.includes('\r\n') ? '\r\n' : '\n'
  if (text === '') return { lines: [], ending, closed: true }
  const closed = text.endsWith('\n')
  const lines = text.split(/\r?\n/)
  return { lines: closed ? lines.slice(0, -1) : lines, ending, closed }
}

function join(text: Text, lines: readonly string[], closed = text.closed): string {
  if (lines.length === 0) return ''
  return lines.join(text.ending) + (closed ? text.ending : '')
}

/** The line is there once where it belongs: the last line that matches becomes it, else it is added. */
export function withLine(content: string, line: string, match: RegExp | undefined, place: Place): string {
  const text = cut(content)
  const at = match ? text.lines.findLastIndex((entry) => match.test(entry)) : -1
  if (at >= 0) return join(text, text.lines.with(at, line))
  if (text.lines.includes(line)) return content
  return insert(text, [line], place)
}

/** All lines that match, or that equal the line, are gone. */
export function withoutLine(content: string, line: string | undefined, match: RegExp | undefined): string {
  const text = cut(content)
  return join(
    text,
    text.lines.filter((entry) => (match ? !match.test(entry) : entry !== line)),
  )
}

/** The marked block holds this; an empty one is removed with its markers. */
export function withBlock(
  content: string,
  block: string,
  markers: { begin: string; end: string },
  place: Place,
): string {
  const text = cut(content)
  const begin = text.lines.indexOf(markers.begin)
  const end = begin < 0 ? -1 : text.lines.indexOf(markers.end, begin)
  if (begin >= 0 && end < 0) throw new Error(`the line '${markers.begin}' has no '${markers.end}' after it`)
  const wished = block === '' ? [] : [markers.begin, ...block.replace(/\n$/, '').split('\n'), markers.end]
  if (begin >= 0) return join(text, [...text.lines.slice(0, begin), ...wished, ...text.lines.slice(end + 1)])
  return wished.length === 0 ? content : insert(text, wished, place)
}

function insert(text: Text, added: readonly string[], place: Place): string {
  const { before, after } = place
  let at = -1
  if (after) at = text.lines.findLastIndex((entry) => after.test(entry)) + 1 || -1
  else if (before) at = text.lines.findIndex((entry) => before.test(entry))
  if (at < 0) return join(text, [...text.lines, ...added], true)
  return join(text, [...text.lines.slice(0, at), ...added, ...text.lines.slice(at)])
}
