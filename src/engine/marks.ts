// Marks: one small file on the host for each handler that was notified and has not run. The request that applies the
// change writes it first, a later request removes it when the handler ran, and a run that finds one runs the handler.
// So a handler survives a failed task, a killed controller and a power cut.
import { sh } from '../shell/quote.ts'
import type { Step } from '../transport/connection.ts'

/** A notified handler as the host remembers it. */
export interface Mark {
  readonly key: string
  /** The handler's name, for messages. */
  readonly name: string
}

/** Where the marks are, as shell text: root's under /var/lib, other users' under their home. */
const directoryOf = (uid: string) =>
  `if [ ${uid} = 0 ]; then marks=/var/lib/hostwright/pending; else marks=$HOME/.local/state/hostwright/pending; fi`
const directory = directoryOf('"$(id -u)"')

/** Where the marks are, for people. */
export function markPath(key: string, agentUser: string): string {
  return `${agentUser === 'root' ? '/var/lib' : '~/.local/state'}/hostwright/pending/${key}`
}

/** Prints `mark=KEY NAME` lines; part of the facts script, which knows the number of the user. */
export const listMarks = (uid: string): string => `${directoryOf(uid)}
for mark in "$marks"/*; do [ -f "$mark" ] && printf 'mark=%s %s\\n' "\${mark##*/}" "$(head -n1 "$mark")"; done
:`

export function parseMark(line: string): Mark[] {
  const found = /^([0-9a-f]{24}) (.*)$/.exec(line)
  return found ? [{ key: found[1] ?? '', name: found[2] ?? '' }] : []
}

/** Writes marks, synced as far as the host can; goes first in the request that makes the change. */
export function setMarks(marks: readonly Mark[]): Step {
  const writes = marks.map(
    ({ key, name }) => sh`printf '%s\\n' ${name.replaceAll('\n', ' ')} >"$marks/"${key}
sync "$marks/"${key} 2>/dev/null || :`,
  )
  return { script: `${directory}\numask 077; mkdir -p "$marks"\n${writes.join('\n')}` }
}

/** What `clearMarks` prints if a mark stays; it never fails, so that it spoils no request that it rides along with. */
export const stuckMark = 'the mark stays'

/** Removes marks. */
export function clearMarks(keys: readonly string[]): Step {
  const script = `${directory}\ncd "$marks" 2>/dev/null || exit 0\n${sh`rm -f -- ${keys} || echo ${stuckMark}`}`
  return { script, always: true }
}
