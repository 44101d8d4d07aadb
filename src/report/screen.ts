// A block of lines at the bottom of a terminal that is redrawn in place, and lines that scroll away above it.
import { widthOf } from './text.ts'

/** A terminal to draw on; a tty.WriteStream fits. */
export interface Terminal {
  readonly write: (text: string) => unknown
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/** The block; its lines must not be wider than the terminal, and together lower. */
export interface Screen {
  /** Writes lines for good above the block, then the block. */
  readonly draw: (above: string, block: readonly string[]) => void
  /** Removes the block, writes lines for good, and leaves the terminal as it was found. */
  readonly close: (above: string) => void
}

// ECMA-48, and DEC's private modes: 7 line wrap, 25 cursor, 2026 synchronized output (unknown to some, ignored by those).
const hide = '\u001b[?25l'
const show = '\u001b[?25h'
const clip = '\u001b[?7l'
const wrap = '\u001b[?7h'
const begin = '\u001b[?2026h'
const commit = '\u001b[?2026l'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'
// Clearing from the top left corner would make tmux keep the block in its history, so the first line is cleared apart.
const clearBlock = `${clearLine}\u001b[1B${clearBelow}\u001b[1A`

export function openScreen(terminal: Terminal): Screen {
  let widths: readonly number[] = []
  let last = ''
  let open = false

  /** To the block's first line. Terminals that were made narrower have broken its lines into several. */
  const rewind = (): string => {
    if (!open) return ''
    const columns = terminal.columns || 80
    const lines = widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
    return `\r\u001b[${lines}A`
  }

  return {
    draw: (above, block) => {
      // cleared before, not after: at the right edge "clear to the end of the line" takes the last character along
      const text = block.map((line) => `${clearLine}${line}\n`).join('')
      if (!above && open && text === last) return
      // what scrolls away may wrap, so that it can be copied whole; the block must not, or its height would be unknown
      const scrolled = above && open ? `${clearBlock}${above}` : above
      terminal.write(`${begin}${hide}${rewind()}${scrolled}${clip}${text}${clearBelow}${wrap}${commit}`)
      widths = block.map(widthOf)
      last = text
      open = true
    },
    close: (above) => {
      terminal.write(open ? `${rewind()}${clearBlock}${wrap}${show}${above}` : above)
      widths = []
      open = false
    },
  }
}
