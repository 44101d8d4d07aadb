import type { ExtraVars } from '../inventory/extra-vars.ts'
import type { SecretStore } from '../secrets/open-secrets.ts'

const secretive = /passw|passphrase|secret|token|credential|private|api_?key/i

/**
 * Hides values of the command line whose names say that they are secret, so that a plan, which is kept, shows none of them
 * in a difference. It cannot know all: secrets belong into the secret store.
 */
export function hideExtraVars(vars: ExtraVars, { hide }: Pick<SecretStore, 'hide'>): void {
  const visit = (name: string, value: unknown, isSecret: boolean): void => {
    const hidden = isSecret || secretive.test(name)
    if (typeof value === 'string' && hidden) hide(value)
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) visit(key, inner, hidden)
  }
  for (const [role, params] of Object.entries(vars)) visit(role, params, false)
}
