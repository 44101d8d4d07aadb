import type { KeySources } from '../secrets/vault-key.ts'
import { askNow } from './ask-now.ts'
import type { Io } from './io.ts'

/** Options of all that may open a vault. */
export interface VaultOptions {
  /** @default 'secrets.age' */
  readonly vault?: string | undefined
  readonly vaultKeyFile?: string | undefined
}

/** Where the key of the vault may be. */
export function keySources(io: Io, options: VaultOptions): KeySources {
  return { env: io.env, keyFile: options.vaultKeyFile, ask: askNow(io) }
}
