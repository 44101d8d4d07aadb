import { Script } from 'node:vm'
import type { Tag } from './tags.ts'

/** Where and why the code of a template does not parse; undefined if the tags' code is fine as it is. */
export function findSyntaxError(
  tags: readonly Tag[],
): { message: string; line: number; unclosed: boolean } | undefined {
  for (const tag of tags) {
    if (tag.kind !== 'print') continue
    const failure = parseFailure(`(0,${tag.code.replace(/;\s*$/, '')}\n)`)
    if (failure) return { ...failure, line: Math.min(tag.line + failure.line - 1, tag.endLine), unclosed: false }
  }
  // All code together: a block opened in one tag may be closed in another. One row for each line of code, so that a row tells its line.
  const rows = ['(function () {']
  const lines = [1]
  for (const tag of tags) {
    if (tag.kind === 'comment') continue
    const code = tag.kind === 'print' ? ';' : tag.code
    for (const [index, row] of code.split('\n').entries()) {
      rows.push(row)
      lines.push(tag.line + index)
    }
  }
  const failure = parseFailure(`${rows.join('\n')}\n})`)
  if (!failure) return undefined
  const line = lines[failure.line - 1]
  return { message: failure.message, line: line ?? lines.at(-1) ?? 1, unclosed: line === undefined }
}

function parseFailure(code: string): { message: string; line: number } | undefined {
  try {
    new Script(`'use strict';${code}`, { filename: 'template' })
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const line = Number(/^template:(\d+)/.exec(error.stack ?? '')?.[1] ?? 1)
    return { message: error.message, line }
  }
}
