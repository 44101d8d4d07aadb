import { ProvisionError } from '../core/error.ts'
import { describeValue } from '../core/schema.ts'
import { shortestHidden } from './encodings.ts'

/** Whether a text can name a secret. */
export function isSecretName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name)
}

/** Throws for what cannot name a secret; `subject` is how the message begins. */
export function checkSecretName(name: unknown, subject = `secret(${describeValue(name)})`): void {
  if (isSecretName(name)) return
  throw new ProvisionError({
    code: 'secret',
    message: `${subject}: expected a name of letters, digits, and . _ - / such as 'db.replication'`,
  })
}

/** Throws for a value too short to be hidden; `origin` says where it came from: ` from secrets.age`. */
export function checkSecretLength(name: string, value: string, origin = ''): void {
  const length = value.trim().length
  if (length >= shortestHidden) return
  throw new ProvisionError({
    code: 'secret',
    message: `secret '${name}'${origin} has ${length === 0 ? 'no' : `only ${length}`} characters, expected at least ${shortestHidden}: a shorter one could not be hidden in output`,
  })
}
