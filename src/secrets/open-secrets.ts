// Resolves secrets (environment, further sources, the vault, a 0600 file) and hides every one that was resolved.
import { ProvisionError } from '../core/error.ts'
import { isSecret, type Secret, type Secrets } from '../core/secret.ts'
import { formsOf, shortestHidden } from './encodings.ts'
import { environmentSource } from './environment.ts'
import { generateSecret } from './generate.ts'
import { makeRedactor, type RedactStream } from './redactor.ts'
import { checkSecretLength, checkSecretName } from './secret-check.ts'
import { secretsFile } from './secrets-file.ts'
import type { SecretSource, WritableSecretSource } from './source.ts'

/** Where secrets come from. */
export interface SecretsOptions {
  /** Path of the secrets file; made when a secret is generated. */
  readonly file: string
  /** The environment, for `PROVISION_SECRET_…`. @default none */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A secret that is nowhere: generate and store it, generate it for this run only (check mode), or fail. @default 'store' */
  readonly generate?: 'store' | 'memory' | 'never'
  /** Further sources, asked after the environment and before the vault. */
  readonly sources?: readonly SecretSource[]
  /** The project's vault, asked before the file; generated secrets are kept in it instead. @default none */
  readonly vault?: WritableSecretSource | undefined
}

/** The secrets of a run. */
export interface SecretStore extends Secrets {
  /** Hides a value that is no stored secret, such as a password typed in; one of fewer than 4 characters cannot be hidden. */
  readonly hide: (value: string) => void
  /** The stored secrets that were resolved so far; undefined for one that was made in this run. */
  readonly used: () => ReadonlyMap<string, string | undefined>
  /** Redacts one stream of output chunk by chunk; a secret cut by a chunk's end is hidden too. */
  readonly redactStream: () => RedactStream
}

/** Opens the secrets of a run; reads nothing before the first secret is needed. */
export function openSecrets(options: SecretsOptions): SecretStore {
  const file = secretsFile(options.file)
  const kept = options.vault ? [options.vault, file] : [file]
  const sources = [environmentSource(options.env ?? {}), ...(options.sources ?? []), ...kept]
  const generate = options.generate ?? 'store'
  const redactor = makeRedactor()
  const resolved = new Map<string, string>()
  const used = new Map<string, string | undefined>()

  const resolve = (name: string): string => {
    const known = resolved.get(name)
    if (known !== undefined) return known
    checkSecretName(name)
    const found = findIn(sources, name)
    const value = found ?? make(name)
    resolved.set(name, value)
    used.set(name, found)
    redactor.add(formsOf(value))
    return value
  }

  const make = (name: string): string => {
    if (generate === 'memory') return generateSecret()
    if (generate === 'store') return (options.vault ?? file).keep(name, generateSecret())
    const ways = sources.map((source) => source.howToSet(name)).join(', or ')
    throw new ProvisionError({
      code: 'secret',
      message: `secret '${name}' is not set`,
      hint: `${ways.charAt(0).toUpperCase()}${ways.slice(1)}.`,
    })
  }

  const textOf = (value: Secret): string =>
    value.parts
      .map((part) => {
        if ('text' in part) return part.text
        if ('secret' in part) return resolve(part.secret)
        const inner = textOf(part.mapped)
        const outer = part.by(inner)
        // A hash or an escaped form is as secret as what it was made of; a text around the secret is not.
        if (!outer.includes(inner)) hide(outer)
        return outer
      })
      .join('')

  const hide = (value: string): void => redactor.add(value.trim().length < shortestHidden ? [] : formsOf(value))

  return {
    reveal: (value) => (isSecret(value) ? textOf(value) : value),
    redact: redactor.redact,
    hide,
    used: () => used,
    redactStream: redactor.stream,
  }
}

function findIn(sources: readonly SecretSource[], name: string): string | undefined {
  for (const source of sources) {
    const value = source.find(name)
    if (value === undefined) continue
    checkSecretLength(name, value, ` from ${source.title}`)
    return value
  }
  return undefined
}
