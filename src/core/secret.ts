import { inspect } from 'node:util'

const brand = Symbol.for('hostwright.secret')

/** How every secret prints. */
export const redacted = '‹secret›'

/** A piece of a secret. */
export type SecretPart =
  | { readonly text: string }
  | { readonly secret: string }
  | { readonly mapped: Secret; readonly by: (value: string) => string }

/**
 * A value that must not be seen: named in the playbook, resolved from the secret store only in a run that needs it.
 * It prints as `‹secret›` in strings, JSON and `console.log`.
 */
export class Secret {
  readonly [brand] = true
  /** The parts: literal text, the name of a stored secret, or another secret passed through a function. */
  readonly parts: readonly SecretPart[]

  constructor(parts: Secret['parts']) {
    this.parts = parts
  }
  /** The same secret in another form, quoted for a file format say; the function runs when it is revealed. */
  map(by: (value: string) => string): Secret {
    return new Secret([{ mapped: this, by }])
  }
  toString(): string {
    return redacted
  }
  toJSON(): string {
    return redacted
  }
  [inspect.custom](): string {
    return redacted
  }
}

/**
 * Names a secret of the project's store, for example `secret('db.replication')`.
 * @returns a value to pass where a string is expected: template variables, passwords, file contents.
 */
export function secret(name: string): Secret {
  return new Secret([{ secret: name }])
}

/**
 * A text with secrets in it: ``secretText`mysql://app:${secret('db.app')}@db/app` ``.
 * A plain template string would print `‹secret›` instead of the value, and file resources refuse that.
 */
export function secretText(strings: TemplateStringsArray, ...values: readonly (string | number | Secret)[]): Secret {
  const parts: SecretPart[] = []
  for (const [index, text] of strings.entries()) {
    parts.push({ text })
    const value = values[index]
    if (isSecret(value)) parts.push(...value.parts)
    else if (value !== undefined) parts.push({ text: String(value) })
  }
  return new Secret(parts.filter((part) => !('text' in part) || part.text !== ''))
}

/** The clear text of a secret; `lookUp` gives the stored ones. For implementations of `Secrets.reveal`. */
export function assembleSecret(value: Secret, lookUp: (name: string) => string): string {
  return value.parts
    .map((part) => {
      if ('text' in part) return part.text
      return 'secret' in part ? lookUp(part.secret) : part.by(assembleSecret(part.mapped, lookUp))
    })
    .join('')
}

/** Whether a value is a Secret, also one of another copy of this package. */
export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && brand in value
}

/** What a run may do with secrets: resolve one, and hide all that were resolved from a text. */
export interface Secrets {
  /** The clear text. Throws a ProvisionError (`secret`) that names the missing secret. */
  readonly reveal: (value: Secret | string) => string
  /** The text with every value that was ever revealed replaced by `‹secret›`. */
  readonly redact: (text: string) => string
}
