// Marks: one small file on the host for each handler that was notified and has not run. The request that applies the
// change writes it first, the handler's own request removes it, and a run that finds one runs the handler. So a
// handler survives a failed task, a killed controller and a power cut.
import { createHash } from 'node:crypto'
import { sh } from '../shell/quote.ts'
import type { Step } from '../transport/connection.ts'

/** A notified handler as the host remembers it. */
export interface Mark {
  readonly key: string
  /** The handler's name, for messages. */
  readonly name: string
}

/** Where the marks are, as shell text: root's under /var/lib, other users' under their home. */
const directory = `if [ "$(id -u)" = 0 ]; then marks=/var/lib/hostwright/pending; else marks=$HOME/.local/state/hostwright/pending; fi`

/** Prints `mark=KEY NAME` lines; part of the facts script. */
export const listMarks = `${directory}
for mark in "$marks"/*; do [ -f "$mark" ] && printf 'mark=%s %s\\n' "\${mark##*/}" "$(head -n1 "$mark")"; done
:`

/** The key of a handler: stable from run to run as long as role and name stay. */
export function markKey(role: string | undefined, name: string): string {
  return createHash('sha256')
    .update(`${role ?? ''}\0${name}`)
    .digest('hex')
    .slice(0, 24)
}

export function parseMark(line: string): Mark[] {
  const found = /^([0-9a-f]{24}) (.*)$/.exec(line)
  return found ? [{ key: found[1] ?? '', name: found[2] ?? '' }] : []
}

/** Writes marks; goes first in the request that makes the change. */
export function setMarks(marks: readonly Mark[]): Step {
  const writes = marks.map(({ key, name }) => sh`printf '%s\\n' ${name.replaceAll('\n', ' ')} >"$marks/"${key}`)
  return { script: `${directory}\numask 077; mkdir -p "$marks"\n${writes.join('\n')}` }
}

/** Removes marks. */
export function clearMarks(keys: readonly string[]): Step {
  return { script: `${directory}\ncd "$marks" 2>/dev/null || exit 0\n${sh`rm -f -- ${keys}`}`, always: true }
}
