// Three texts: what the wizard wrote last time, what is there now, what it would write. Changes made by hand stay; what
// cannot be put together is said, with its place, and nothing is guessed.
import { applyPatch, diffLines, structuredPatch } from 'diff'

export type Merged =
  | { readonly kind: 'text'; readonly text: string /** Hand edits are in it. */; readonly edited: boolean }
  | { readonly kind: 'conflict'; readonly places: readonly string[] }

/** `base` is undefined where the wizard has not written the file. */
export function mergeText(base: string | undefined, present: string | undefined, wished: string): Merged {
  if (present === undefined || present === wished) return { kind: 'text', text: wished, edited: false }
  if (base === undefined) return { kind: 'conflict', places: ['it was not written by provision init'] }
  if (base === present) return { kind: 'text', text: wished, edited: false }
  if (base === wished) return { kind: 'text', text: present, edited: true }
  const patch = structuredPatch('', '', base, wished, '', '', { context: 1 })
  const places: string[] = []
  let text = present
  for (const hunk of patch.hunks) {
    const removed = hunk.lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1))
    const added = hunk.lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1))
    const after = applyPatch(text, { ...patch, hunks: [hunk] })
    if (after !== false) text = after
    else if (!holds(text, added, removed)) {
      places.push(
        `near line ${lineIn(base, present, hunk.oldStart)}: ${removed[0] ? `expected "${removed[0].trim()}"` : `where to add "${added[0]?.trim()}"`}`,
      )
    }
  }
  return places.length > 0 ? { kind: 'conflict', places } : { kind: 'text', text, edited: true }
}

/** The same change was made by hand already. */
function holds(text: string, added: readonly string[], removed: readonly string[]): boolean {
  const lines = text.split('\n')
  return added.every((line) => lines.includes(line)) && removed.every((line) => !lines.includes(line))
}

/** The line of the present text that a line of the base became, about. */
function lineIn(base: string, present: string, line: number): number {
  let before = 0
  let now = 0
  for (const change of diffLines(base, present)) {
    if (!change.added) before += change.count
    if (!change.removed) now += change.count
    if (before >= line) return Math.max(1, now - (change.removed ? 0 : before - line))
  }
  return Math.max(1, now)
}
