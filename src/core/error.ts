/** Where in the user's files something was written. */
export interface Location {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** The kinds of failure; `input` kinds are found before any host is touched (exit 1). */
export type ErrorCode =
  | 'input'
  | 'inventory'
  | 'playbook'
  | 'template'
  | 'secret'
  | 'unreachable'
  | 'hostKey'
  | 'authentication'
  | 'become'
  | 'locked'
  | 'probe'
  | 'apply'
  | 'converge'
  | 'moved'
  | 'assertion'
  | 'timeout'
  | 'interrupted'
  | 'lab'
  | 'internal'

export interface ErrorDetails {
  /** What kind of failure. */
  readonly code: ErrorCode
  /** One sentence: the thing, the value seen, what was expected. */
  readonly message: string
  /** The user's file and line. */
  readonly where?: Location | undefined
  /** Several lines of evidence: a command's stderr, an excerpt of a file. */
  readonly detail?: string | undefined
  /** Something to type or change; only when we are sure. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}

const brand = Symbol.for('hostwright.error')

/** The one error type that users see: what, where, evidence, what to do. */
export class ProvisionError extends Error {
  readonly [brand] = true
  readonly code: ErrorCode
  readonly where: Location | undefined
  readonly detail: string | undefined
  readonly hint: string | undefined

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'ProvisionError'
    this.code = details.code
    this.where = details.where
    this.detail = details.detail
    this.hint = details.hint
  }
}

/** Whether a thrown value is a ProvisionError, also of another copy of this package. */
export function isProvisionError(value: unknown): value is ProvisionError {
  return typeof value === 'object' && value !== null && brand in value
}

/** Any thrown value as a ProvisionError; one that is not becomes `internal`. */
export function asProvisionError(value: unknown): ProvisionError {
  if (isProvisionError(value)) return value
  const message = value instanceof Error ? value.message : String(value)
  return new ProvisionError({ code: 'internal', message, cause: value })
}

/** `roles/nginx.ts:16:16`, the form used in every message. */
export function formatLocation(where: Location): string {
  return `${where.file}:${where.line}:${where.column}`
}
