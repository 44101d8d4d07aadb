import { randomUUID } from 'node:crypto'
import {
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'

/** Writes a file whole or not at all: beside it, synced, renamed. A link stays a link, and the owner stays the owner. */
export function writeWholeFile(path: string, text: string, mode: number): void {
  const before = statSync(path, { throwIfNoEntry: false })
  const target = before ? realpathSync(path) : path
  const temporary = `${target}.${randomUUID()}`
  try {
    const file = openSync(temporary, 'wx', mode)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    // Run once with sudo, the file must still be its owner's.
    if (before && before.uid !== statSync(temporary).uid) chownSync(temporary, before.uid, before.gid)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
