// What we can log in with, in the order in which it is tried, and a record of what was tried for the error message.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ssh2, { type AnyAuthMethod, type AuthenticationType, type ParsedKey } from 'ssh2'
import { ProvisionError } from '../core/error.ts'

/** Something to log in with. */
export type Identity =
  | { readonly kind: 'key'; readonly label: string; readonly key: ParsedKey }
  | { readonly kind: 'agent'; readonly label: string; readonly socket: string }
  | { readonly kind: 'password'; readonly label: string; readonly password: string }

export interface IdentitySettings {
  /** Key files that someone named; tried first. `required` ones must exist. */
  readonly files: readonly { readonly path: string; readonly required: boolean }[]
  readonly passphrase?: string | undefined
  readonly password?: string | undefined
  readonly agentSocket?: string | undefined
  /** Only the named files, no agent. */
  readonly filesOnly: boolean
  readonly home: string
}

/** Identities, and notes about those that cannot be used. */
export interface Identities {
  readonly usable: readonly Identity[]
  readonly unusable: readonly string[]
}

const usualFiles = ['id_ed25519', 'id_ecdsa', 'id_rsa']

/** Reads key files once for all hosts of a run: deciphering one takes up to a second. */
export class KeyRing {
  private readonly keys = new Map<string, ParsedKey | Error>()

  /** The private key of a file, or why there is none. */
  read(path: string, passphrase: string | undefined): ParsedKey | Error {
    const name = `${path}\0${passphrase ?? ''}`
    const known = this.keys.get(name)
    if (known) return known
    const key = parseKeyFile(path, passphrase)
    this.keys.set(name, key)
    return key
  }
}

function parseKeyFile(path: string, passphrase: string | undefined): ParsedKey | Error {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(bytes, passphrase)
  if (parsed instanceof Error) {
    if (/no passphrase given/i.test(parsed.message)) return new Error('is encrypted and no passphrase was given')
    if (/bad passphrase|integrity check failed|bad decrypt/i.test(parsed.message))
      return new Error('its passphrase is wrong')
    return new Error(`is no private key: ${parsed.message}`)
  }
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  return key?.isPrivateKey() ? key : new Error('is a public key')
}

/** Collects what to log in with: named files, then the agent, then the usual files; at last the password. */
export function collectIdentities(settings: IdentitySettings, ring: KeyRing): Identities {
  const usable: Identity[] = []
  const unusable: string[] = []
  const addFile = (path: string): void => {
    const key = ring.read(path, settings.passphrase)
    if (key instanceof Error) unusable.push(`${path} (${key.message})`)
    else usable.push({ kind: 'key', label: path, key })
  }
  for (const { path, required } of settings.files) {
    if (existsSync(path)) addFile(path)
    else if (required) {
      throw new ProvisionError({
        code: 'authentication',
        message: `the identity file ${path} does not exist`,
        hint: `Create it (ssh-keygen -t ed25519 -f ${path}) or correct identityFile in the inventory.`,
      })
    } else unusable.push(`${path} (does not exist)`)
  }
  if (settings.agentSocket !== undefined && !settings.filesOnly) {
    usable.push({ kind: 'agent', label: 'ssh-agent', socket: settings.agentSocket })
  }
  if (settings.files.length === 0) {
    for (const name of usualFiles) {
      const path = join(settings.home, '.ssh', name)
      if (existsSync(path)) addFile(path)
    }
  }
  if (settings.password !== undefined) {
    usable.push({ kind: 'password', label: 'password', password: settings.password })
  }
  return { usable, unusable }
}

interface Attempt {
  readonly label: string
  /** As the server names it. */
  readonly method: AuthenticationType
  readonly offer: AnyAuthMethod
}

/** Offers the identities one after another to a server, as its methods allow. */
export class Login {
  /** What was offered. */
  readonly tried: string[] = []
  /** Methods that the server takes, when it last said so. */
  accepted: readonly string[] = []
  private readonly attempts: Attempt[]

  constructor(user: string, identities: Identities) {
    this.attempts = identities.usable.flatMap((identity) => attemptsWith(identity, user))
  }

  /** ssh2's authHandler: what to try next, or `false` when there is nothing left. */
  readonly next = (methodsLeft: readonly AuthenticationType[] | null): AnyAuthMethod | false => {
    if (methodsLeft) this.accepted = methodsLeft
    for (;;) {
      const attempt = this.attempts.shift()
      if (!attempt) return false
      if (methodsLeft && !methodsLeft.includes(attempt.method)) continue
      this.tried.push(attempt.label)
      return attempt.offer
    }
  }
}

function attemptsWith(identity: Identity, username: string): Attempt[] {
  const { label } = identity
  switch (identity.kind) {
    case 'key':
      return [{ label, method: 'publickey', offer: { type: 'publickey', username, key: identity.key } }]
    case 'agent':
      return [{ label, method: 'publickey', offer: { type: 'agent', username, agent: identity.socket } }]
    case 'password': {
      const { password } = identity
      return [
        { label, method: 'password', offer: { type: 'password', username, password } },
        {
          label: 'keyboard-interactive',
          method: 'keyboard-interactive',
          offer: {
            type: 'keyboard-interactive',
            username,
            // A prompt that echoes asks for something else (a one-time code), which we do not have.
            prompt: (_name, _instructions, _language, prompts, finish) =>
              finish(prompts.map((prompt) => (prompt.echo ? '' : password))),
          },
        },
      ]
    }
  }
}
