// A change of a text as a unified diff.
import { structuredPatch } from 'diff'
import type { ChangeReport } from '../core/events.ts'
import type { Paint } from './paint.ts'

/** A diff longer than this is cut. */
const mostLines = 200

/** The diff, each line indented, ending in a line break; empty if there is no difference to show. */
export function renderDiff(diff: NonNullable<ChangeReport['diff']>, paint: Paint, indent = '    '): string {
  const { hunks } = structuredPatch(diff.label, diff.label, diff.before, diff.after, '', '', { context: 3 })
  if (hunks.length === 0) return ''
  const lines = hunks.flatMap((hunk) => [
    paint('cyan', `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`),
    ...hunk.lines.map((line) =>
      line.startsWith('+')
        ? paint('green', line)
        : line.startsWith('-')
          ? paint('red', line)
          : line.startsWith('\\')
            ? paint('dim', line)
            : line,
    ),
  ])
  const shown =
    lines.length > mostLines
      ? [...lines.slice(0, mostLines), paint('dim', `… ${lines.length - mostLines} more lines`)]
      : lines
  const head = [paint('bold', `--- ${diff.label} (now)`), paint('bold', `+++ ${diff.label} (wished)`)]
  return [...head, ...shown].map((line) => `${indent}${line}\n`).join('')
}
