/** A place where secrets are kept; one file of this folder each. Everything it needs (a passphrase, a key) is given when it is made. */
export interface SecretSource {
  /** For messages: `the environment`, a path. */
  readonly title: string
  /** The value of a secret, or undefined if this source does not have it. Throws a ProvisionError (`secret`) if it cannot tell. */
  readonly find: (name: string) => string | undefined
  /** How to give this source a secret, for the hint when it is missing: `set PROVISION_SECRET_DB_APP`. */
  readonly howToSet: (name: string) => string
}

/** A source that generated secrets can be kept in. */
export interface WritableSecretSource extends SecretSource {
  /** Keeps a value under a name that has none; returns the value kept, which is another run's if that one was faster. */
  readonly keep: (name: string, value: string) => string
}
