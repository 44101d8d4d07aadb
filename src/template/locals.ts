import { isSecret, type Secrets } from '../core/secret.ts'

/**
 * The variables as a template sees them: the same values, but each secret, at any depth, reads as its text, and is
 * resolved only when the template reads it.
 */
export function exposeSecrets(vars: Readonly<Record<string, unknown>>, secrets: Secrets): Record<string, unknown> {
  const seen = new Map<object, object>()
  const expose = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlain(value))) return value
    const known = seen.get(value)
    if (known) return known
    const copy: object = Array.isArray(value) ? [] : {}
    seen.set(value, copy)
    fill(copy, value)
    return copy
  }
  const fill = (copy: object, original: object) => {
    for (const [key, value] of Object.entries(original)) {
      const property = isSecret(value) ? { get: () => secrets.reveal(value) } : { value: expose(value), writable: true }
      Object.defineProperty(copy, key, { ...property, enumerable: true, configurable: true })
    }
  }
  const locals: Record<string, unknown> = Object.create(null)
  fill(locals, vars)
  return locals
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
