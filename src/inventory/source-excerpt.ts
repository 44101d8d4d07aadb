import { readFileSync } from 'node:fs'
import type { Location } from '../core/error.ts'
import { excerpt } from '../core/excerpt.ts'

/** The lines around a place in a source file, with a caret; undefined if the file cannot be read. */
export function sourceExcerpt({ file, line, column }: Location): string | undefined {
  try {
    return excerpt(readFileSync(file, 'utf8'), line, column)
  } catch {
    return undefined // evidence only: the message stands without it
  }
}
