const widest = 160

/**
 * The line with its neighbours, numbered, and a caret under the column: evidence for an error about a text.
 * @example
 * //   1 | upstream app {
 * // > 2 |   server <%= adress %>;
 * //     |              ^
 */
export function excerpt(text: string, line: number, column?: number): string {
  const lines = text.split(/\r?\n/)
  const first = Math.max(1, line - 1)
  const last = Math.min(lines.length, line + 1)
  const width = String(last).length
  const rows: string[] = []
  for (let number = first; number <= last; number++) {
    const content = lines[number - 1] ?? ''
    if (number === lines.length && number !== line && content === '') continue
    const shown = content.length > widest ? `${content.slice(0, widest)}…` : content
    rows.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${shown}`.trimEnd())
    if (number === line && column !== undefined && column <= widest) {
      // tabs stay tabs, so that the caret stands under its column on any screen
      rows.push(`  ${' '.repeat(width)} | ${content.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`)
    }
  }
  return rows.join('\n')
}
