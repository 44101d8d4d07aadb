// What a file on a host shall hold, known before any host is touched: its bytes or a local file to stream, their checksum, and
// what of it may be shown.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'
import type { FileInput } from '../core/resource.ts'
import { redacted, type Secrets } from '../core/secret.ts'

/** The wished content of a file. */
export interface Source {
  readonly input: string | Uint8Array | FileInput
  readonly sha256: string
  /** The text for a diff; undefined = none is shown, for the reason in `hidden`. */
  readonly text: string | undefined
  readonly hidden: 'secret' | 'binary' | 'large' | undefined
  /** It holds a secret somewhere. */
  readonly secret: boolean
  /** Lines of the text around a secret: what they held before may be a secret of yesterday, which nobody knows any more. */
  readonly masks: readonly SecretLine[]
}

/** A line of a text with a secret in it, cut at the secrets. */
export type SecretLine = readonly string[]

/** Local files over this many bytes are streamed. */
const largestInMemory = 1024 * 1024

/** A text; where secrets are in it, only they are hidden. */
export function fromText(text: string, secrets: Secrets): Source {
  const shown = secrets.redact(text)
  const secret = shown !== text
  const base = { input: text, sha256: createHash('sha256').update(text).digest('hex'), secret }
  // a secret of several lines leaves no line by which an older one could be told
  if (shown.split('\n').length !== text.split('\n').length)
    return { ...base, text: undefined, hidden: 'secret', masks: [] }
  const lines = secret ? shown.split('\n').filter((line) => line.includes(redacted)) : []
  return { ...base, text, hidden: undefined, masks: lines.map((line) => line.split(redacted)) }
}

/** A text that is secret as a whole. */
export function fromSecret(text: string): Source {
  const sha256 = createHash('sha256').update(text).digest('hex')
  return { input: text, sha256, text: undefined, hidden: 'secret', secret: true, masks: [] }
}

/** Bytes, which are shown if they are UTF-8 text. */
export function fromBytes(bytes: Uint8Array): Source {
  const base = { input: bytes, sha256: createHash('sha256').update(bytes).digest('hex'), secret: false, masks: [] }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return { ...base, text, hidden: undefined }
  } catch {
    // not UTF-8: binary
  }
  return { ...base, text: undefined, hidden: 'binary' }
}

/** A local file; a large one is streamed. */
export function fromLocalFile(path: string): Source {
  const { size } = statSync(path)
  if (size <= largestInMemory) return fromBytes(readFileSync(path))
  return { input: { path, size }, sha256: hashFile(path), text: undefined, hidden: 'large', secret: false, masks: [] }
}

/** SHA-256 of a local file of any size. */
export function hashFile(path: string): string {
  const hash = createHash('sha256')
  const descriptor = openSync(path, 'r')
  const buffer = Buffer.alloc(largestInMemory)
  try {
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer))
      hash.update(buffer.subarray(0, count))
  } finally {
    closeSync(descriptor)
  }
  return hash.digest('hex')
}

/** Throws if a secret was put into a plain string, where its value is lost. */
export function refuseLostSecret(what: string, text: string): void {
  if (!text.includes(redacted)) return
  throw new ProvisionError({
    code: 'input',
    message: `${what} holds ${redacted}: a secret was put into a plain string`,
    hint: 'Build the text with secretText, which keeps the value: secretText`key=$' + "{secret('app.key')}\\n`.",
  })
}

/** The text before a change with every line hidden that held another secret where the new text has one. */
export function maskBefore(before: string, after: string, masks: readonly SecretLine[]): string {
  if (masks.length === 0) return before
  const kept = new Set(after.split('\n'))
  return before
    .split('\n')
    .map((line) => {
      if (kept.has(line)) return line
      const mask = masks.find((parts) => holds(line, parts))
      return mask ? mask.join('‹another secret›') : line
    })
    .join('\n')
}

/** Whether a line is these parts with anything between them. */
function holds(line: string, parts: SecretLine): boolean {
  const [first = '', ...rest] = parts
  const last = rest.at(-1) ?? ''
  if (!line.startsWith(first) || !line.endsWith(last) || line.length < first.length + last.length) return false
  let at = first.length
  for (const part of rest.slice(0, -1)) {
    const found = line.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= line.length - last.length
}
