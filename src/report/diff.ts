// A change of a text as a unified diff.
import { structuredPatch } from 'diff'
import type { ChangeReport } from '../core/events.ts'
import type { Paint } from './paint.ts'
import { count, cut } from './text.ts'

/** A diff longer than this is cut, and so is a line of it. */
const mostLines = 200
const mostColumns = 400
/** Milliseconds for finding the smallest difference; texts that need more are too different to be worth reading. */
const mostTime = 1000

/** The diff, each line indented, ending in a line break; empty if there is no difference to show. */
export function renderDiff(diff: NonNullable<ChangeReport['diff']>, paint: Paint, indent = '    '): string {
  const block = (lines: readonly string[]): string => lines.map((line) => `${indent}${line}\n`).join('')
  if (diff.before === diff.after) return ''
  const head = [paint('bold', `--- ${diff.label} (now)`), paint('bold', `+++ ${diff.label} (wished)`)]
  const note = (text: string): string => block([...head, paint('dim', text)])
  const sizes = `${Buffer.byteLength(diff.before)} → ${Buffer.byteLength(diff.after)} bytes`
  if (isBinary(diff.before) || isBinary(diff.after)) return note(`binary content differs, ${sizes}`)
  const patch = structuredPatch(diff.label, diff.label, diff.before, diff.after, '', '', {
    context: 3,
    timeout: mostTime,
  })
  if (!patch) return note(`too different to show, ${sizes}`)
  const lines = patch.hunks.flatMap((hunk) => [
    paint('cyan', `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`),
    ...hunk.lines.map((line) => renderLine(line, paint)),
  ])
  if (lines.length <= mostLines) return block([...head, ...lines])
  const more = paint('dim', `… ${count(lines.length - mostLines, 'more line')}`)
  return block([...head, ...lines.slice(0, mostLines), more])
}

function renderLine(line: string, paint: Paint): string {
  const shown = cut(visible(line), mostColumns)
  switch (line.charAt(0)) {
    case '+':
      return paint('green', shown)
    case '-':
      return paint('red', shown)
    case '\\':
      return paint('dim', shown)
    default:
      return shown
  }
}

/** An empty range is told as the line before it, so that patch(1) takes it. */
function range(start: number, lines: number): string {
  return `${lines === 0 ? start - 1 : start},${lines}`
}

function isBinary(text: string): boolean {
  return text.includes('\0')
}

/** A carriage return may be the whole difference; control characters are shown as their pictures and not sent to the terminal. */
function visible(line: string): string {
  return (
    line
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
      .replace(/[\u0000-\u0008\u000a-\u001f]/g, (character) => String.fromCharCode(0x2400 + character.charCodeAt(0)))
      .replace(/[\u007f-\u009f]/g, '␡')
  )
}
