// A command line of bash that is still being typed, as words: what readline hands over is the text, quotes and all.

export interface TypedLine {
  /** The whole words before the last one, without their quotes. */
  readonly words: readonly string[]
  /** The last word, without its quotes; empty behind a space. */
  readonly current: string
  /** The quote that is still open in it. */
  readonly quote: '"' | "'" | undefined
  /** What readline will leave standing of the last word: it replaces only what comes behind a break. */
  readonly standing: string
}

/** Characters that readline takes for the end of a word and a shell does not: they stand in host patterns and `--option=value`. */
const breaks = ':=@'

/** Splits as the shell would, up to the cursor. */
export function parseTypedLine(line: string): TypedLine {
  const words: string[] = []
  let current = ''
  let begun = false
  let quote: TypedLine['quote']
  let standing = ''
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? ''
    if (quote === undefined && /\s/.test(character)) {
      if (begun) words.push(current)
      current = ''
      standing = ''
      begun = false
      continue
    }
    begun = true
    if (character === quote) quote = undefined
    else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character
      standing = current
    } else if (character === '\\' && quote !== "'") current += line[++index] ?? ''
    else {
      current += character
      if (quote === undefined && breaks.includes(character)) standing = current
    }
  }
  return { words, current, quote, standing }
}

/** A candidate as bash wants it: without what stands already, quoted for the place where it goes. */
export function quoteForBash(candidate: string, { quote, standing }: TypedLine): string {
  const rest = candidate.startsWith(standing) ? candidate.slice(standing.length) : candidate
  if (quote === "'") return rest.replaceAll("'", "'\\''")
  if (quote === '"') return rest.replace(/["\\$`]/g, '\\$&')
  return rest.replace(/[^\w@%+=:,./~-]/g, '\\$&')
}
