import { randomBytes } from 'node:crypto'

/**
 * A new secret: 32 characters of base64url (about 190 bits), which need no quoting in shells, URLs, SQL or configuration
 * files and fit into every password field (MySQL's replication password ends at 32). It begins with a letter or digit, so
 * that no program takes it for an option, and has an upper and a lower case letter and a digit, as password policies ask.
 */
export function generateSecret(random: (size: number) => Buffer = randomBytes): string {
  for (;;) {
    const value = random(24).toString('base64url')
    if (isGenerated(value)) return value
  }
}

/** Whether a value has the form of a generated secret. */
export function isGenerated(value: string): boolean {
  return /^[A-Za-z0-9][\w-]{31}$/.test(value) && /[A-Z]/.test(value) && /[a-z]/.test(value) && /[0-9]/.test(value)
}
