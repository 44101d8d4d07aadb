import { isSecret, redacted, type Secrets } from '../core/secret.ts'

/** Thrown by printing, told apart from what the template's own code throws. */
export class Unprintable extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** The hint for a text in which a secret was lost. */
export const lostSecretHint =
  'Build the text with secretText, which keeps the value: secretText`mysql://app:$' + "{secret('db.app')}@db/app`."

/** What `<%= expression %>` puts into the output: the value's text as it is, never HTML-escaped; throws Unprintable for what has no text. */
export function printValue(value: unknown, expression: string, secrets: Secrets): string {
  const fail = (found: string, hint?: string): never => {
    throw new Unprintable(`<%= ${expression} %> is ${found}, expected a text or a number`, hint)
  }
  if (isSecret(value)) return secrets.reveal(value)
  switch (typeof value) {
    case 'string':
      if (value.includes(redacted))
        throw new Unprintable(
          `<%= ${expression} %> holds ${redacted}: a secret was put into a plain text`,
          lostSecretHint,
        )
      return value
    case 'number':
      return Number.isFinite(value) ? String(value) : fail(String(value))
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'undefined':
      return fail('undefined')
    case 'function':
      return fail('a function')
    case 'symbol':
      return fail('a symbol')
    case 'object':
      if (value === null) return fail('null')
      if (Array.isArray(value)) return fail('a list', `Join it: <%= ${expression}.join(' ') %>, or loop over it.`)
      if (hasOwnText(value)) return String(value)
      return fail('an object', `Print one of its properties, or JSON.stringify(${expression}).`)
  }
}

/** Dates, URLs and the like, which say themselves how they read. */
function hasOwnText(value: object): boolean {
  const toText: unknown = 'toString' in value ? value.toString : undefined
  return typeof toText === 'function' && toText !== Object.prototype.toString
}
