// Finds where a key of an inventory was written, by reading the object literal after `defineInventory(` in the source.
// It only serves messages: what it cannot follow (a spread, a variable) is located at the nearest thing it could.
import { readFileSync } from 'node:fs'
import type { Location } from '../core/error.ts'
import type { LazyLocation } from '../core/location.ts'
import { findKey } from './object-literal.ts'

/** The place of a path of keys and list members in the source. */
export type Locate = (path: readonly string[]) => LazyLocation

/** Locates keys of the object literal written at this place. */
export function locateIn(where: LazyLocation): Locate {
  let text: string | undefined
  return (path) => ({
    get: () => {
      const start = where.get()
      if (!start) return undefined
      text ??= readSource(start.file)
      return locate(text, start, path)
    },
  })
}

function locate(text: string, start: Location, path: readonly string[]): Location {
  const offset = findKey(text, offsetOf(text, start), path)
  if (offset === undefined) return start
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { file: start.file, line, column: offset - before.lastIndexOf('\n') }
}

function offsetOf(text: string, { line, column }: Location): number {
  let offset = 0
  for (let number = 1; number < line; number++) {
    const end = text.indexOf('\n', offset)
    if (end === -1) break
    offset = end + 1
  }
  return offset + column - 1
}

function readSource(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the message goes without the exact line
  }
}
