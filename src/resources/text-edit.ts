// Edits of a text: pure. What is not edited stays to the byte: each line keeps its own ending, and a missing line break at the
// end of the file stays missing unless something comes after it.

/** Where a line goes that is not there yet; at the end if nothing matches. */
export interface Place {
  /** After the last line that matches. */
  readonly after?: RegExp | undefined
  /** Before the first line that matches. */
  readonly before?: RegExp | undefined
}

interface Line {
  readonly text: string
  /** `\n`, `\r\n`, or nothing for a last line that is not closed. */
  readonly ending: string
}

function cut(content: string): Line[] {
  return [...content.matchAll(/([^\n]*?)(\r?\n)|([^\n]+)$/g)].map(([, text, ending = '', last]) => ({
    text: last ?? text ?? '',
    ending,
  }))
}

function join(lines: readonly Line[]): string {
  return lines.map(({ text, ending }) => text + ending).join('')
}

/**
 * The line is there: the last line that matches becomes it; else, if it is not there yet, it is added.
 * An expression that does not match the line itself is tried only while the line is missing, so that a second run changes nothing.
 */
export function withLine(content: string, line: string, match: RegExp | undefined, place: Place): string {
  const lines = cut(content)
  const present = lines.some(({ text }) => text === line)
  if (present && !match?.test(line)) return content
  const at = match ? lines.findLastIndex(({ text }) => match.test(text)) : -1
  const found = lines[at]
  if (found) return join(lines.with(at, { ...found, text: line }))
  return present ? content : insert(lines, [line], place)
}

/** All lines that match, or without an expression all that equal the line, are gone. */
export function withoutLine(content: string, line: string | undefined, match: RegExp | undefined): string {
  return join(cut(content).filter(({ text }) => (match ? !match.test(text) : text !== line)))
}

/** The marked block holds this text; an empty one is removed with its markers. Throws for markers that do not pair. */
export function withBlock(
  content: string,
  block: string,
  markers: { begin: string; end: string },
  place: Place,
): string {
  const lines = cut(content)
  const placesOf = (marker: string) => lines.flatMap(({ text }, index) => (text === marker ? [index] : []))
  const [begin, ...otherBegins] = placesOf(markers.begin)
  const [end, ...otherEnds] = placesOf(markers.end)
  const wished = block === '' ? [] : [markers.begin, ...block.replace(/\r?\n$/, '').split(/\r?\n/), markers.end]
  if (begin === undefined && end === undefined) return wished.length === 0 ? content : insert(lines, wished, place)
  if (begin === undefined || end === undefined || end < begin || otherBegins.length > 0 || otherEnds.length > 0)
    throw new Error(`the lines '${markers.begin}' and '${markers.end}' must stand once each, in this order`)
  const ending = lines[begin]?.ending ?? '\n'
  const closing = lines[end]?.ending ?? ending
  const fresh = wished.map((text, index) => ({ text, ending: index === wished.length - 1 ? closing : ending }))
  return join([...lines.slice(0, begin), ...fresh, ...lines.slice(end + 1)])
}

function insert(lines: readonly Line[], added: readonly string[], { after, before }: Place): string {
  const expression = after ?? before
  const found = expression
    ? after
      ? lines.findLastIndex(({ text }) => expression.test(text))
      : lines.findIndex(({ text }) => expression.test(text))
    : -1
  const at = found < 0 ? lines.length : after ? found + 1 : found
  const neighbour = lines[Math.max(0, at - 1)]
  const ending = neighbour?.ending || lines[0]?.ending || '\n'
  const head = lines.slice(0, at)
  const last = head.at(-1)
  if (last && last.ending === '') head[head.length - 1] = { ...last, ending }
  return join([...head, ...added.map((text) => ({ text, ending })), ...lines.slice(at)])
}
