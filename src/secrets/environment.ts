import type { SecretSource } from './source.ts'

/** The environment variable of a secret: `db.replication` is `PROVISION_SECRET_DB_REPLICATION`. */
export function environmentNameOf(name: string): string {
  return `PROVISION_SECRET_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}

/** Secrets from environment variables, for CI and for values that no file should hold. */
export function environmentSource(env: Readonly<Record<string, string | undefined>>): SecretSource {
  return {
    title: 'the environment',
    find: (name) => env[environmentNameOf(name)],
    howToSet: (name) => `set ${environmentNameOf(name)}`,
  }
}
