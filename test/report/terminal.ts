// A terminal for tests: what the live view writes becomes a screen. It knows the few sequences that the view uses and
// throws for any other.

export interface TestTerminal {
  readonly write: (text: string) => boolean
  columns: number
  rows: number
  readonly isTTY: true
  /** All lines that are or were on the screen, without those left empty at the end. */
  readonly lines: () => string[]
  /** The lines that are on the screen now. */
  readonly visible: () => string[]
  readonly cursorShown: () => boolean
  /** Line wrap is on. */
  readonly wraps: () => boolean
  /** Each write as it came. */
  readonly writes: readonly string[]
}

export function testTerminal(columns = 80, rows = 24): TestTerminal {
  const grid: string[][] = [[]]
  const writes: string[] = []
  let line = 0
  let column = 0
  let shown = true
  let wraps = true
  const newLine = (): void => {
    line++
    column = 0
    grid[line] ??= []
  }
  const put = (character: string): void => {
    if (column >= terminal.columns) {
      if (!wraps) return
      newLine()
    }
    const cells = grid[line] ?? []
    while (cells.length < column) cells.push(' ')
    cells[column++] = character
    grid[line] = cells
  }
  const top = (): number => Math.max(0, grid.length - terminal.rows)
  const control = (sequence: string): void => {
    const [, mark = '', number = '', letter = ''] = /^(\??)(\d*)([A-Za-z])$/.exec(sequence) ?? []
    const name = `${mark}${mark ? number : ''}${letter}`
    switch (name) {
      case 'm':
        return
      case 'A':
        // what has scrolled away cannot be reached
        line = Math.max(top(), line - Number(number))
        return
      case 'B':
        line = Math.min(grid.length - 1, line + Number(number))
        return
      case 'K':
        // a full line leaves the cursor on its last character
        grid[line]?.splice(Math.min(column, terminal.columns - 1))
        return
      case 'J':
        grid[line]?.splice(column)
        for (const cells of grid.slice(line + 1)) cells.splice(0)
        return
      case '?25l':
      case '?25h':
        shown = letter === 'h'
        return
      case '?7l':
      case '?7h':
        wraps = letter === 'h'
        return
      case '?2026l':
      case '?2026h':
        return
      default:
        throw new Error(`the terminal does not know ESC [ ${sequence}`)
    }
  }
  const terminal: TestTerminal = {
    columns,
    rows,
    isTTY: true,
    writes,
    write: (text) => {
      writes.push(text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal reads them
      for (const [token, sequence] of text.matchAll(/\u001b\[([?\d;]*[A-Za-z])|./gsu)) {
        if (sequence !== undefined) control(/m$/.test(sequence) ? 'm' : sequence)
        else if (token === '\n') newLine()
        else if (token === '\r') column = 0
        else if (token < ' ') throw new Error(`the terminal does not know ${JSON.stringify(token)}`)
        else put(token)
      }
      return true
    },
    lines: () => trimmed(grid),
    visible: () => trimmed(grid.slice(top())),
    cursorShown: () => shown,
    wraps: () => wraps,
  }
  return terminal
}

function trimmed(grid: readonly (readonly string[])[]): string[] {
  const lines = grid.map((cells) => cells.join('').trimEnd())
  while (lines.at(-1) === '') lines.pop()
  return lines
}
