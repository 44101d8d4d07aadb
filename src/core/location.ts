import { findSourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Location } from './error.ts'

/** A place in the user's code, resolved to its TypeScript source only when it is asked for. */
export interface LazyLocation {
  readonly get: () => Location | undefined
}

/**
 * Records who called `below` (a constructor such as `file.file`). Costs a few microseconds:
 * the frame is kept as it is and mapped through the source map only when printed.
 */
export function callerOf(below: (...args: never[]) => unknown): LazyLocation {
  const holder: { stack?: unknown } = {}
  const prepare = Error.prepareStackTrace
  const limit = Error.stackTraceLimit
  Error.prepareStackTrace = (_error, frames) => frames
  Error.stackTraceLimit = 4
  let frames: NodeJS.CallSite[]
  try {
    Error.captureStackTrace(holder, below)
    frames = Array.isArray(holder.stack) ? holder.stack : []
  } finally {
    Error.prepareStackTrace = prepare
    Error.stackTraceLimit = limit
  }
  const frame = frames[0]
  const file = frame?.getFileName()
  const line = frame?.getLineNumber()
  const column = frame?.getColumnNumber()
  if (typeof file !== 'string' || typeof line !== 'number') return { get: () => undefined }
  let resolved: Location | undefined
  return {
    get: () => {
      resolved ??= mapLocation(file, line, column ?? 1)
      return resolved
    },
  }
}

/** The TypeScript place behind a position in loaded JavaScript (source maps must be enabled to find it). */
export function mapLocation(file: string, line: number, column: number): Location {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file
  const map = findSourceMap(file) ?? findSourceMap(path)
  if (map) {
    const entry = map.findEntry(line - 1, column - 1)
    if ('originalSource' in entry && entry.originalSource) {
      const source = entry.originalSource.startsWith('file:')
        ? fileURLToPath(entry.originalSource)
        : entry.originalSource
      return { file: source, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
    }
  }
  return { file: path, line, column }
}
