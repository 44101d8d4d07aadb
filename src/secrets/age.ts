import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { ProvisionError } from '../core/error.ts'

/** What the age process is asked. */
export type AgeRequest =
  | { readonly ask: 'generate' }
  | { readonly ask: 'recipient'; readonly identity: string }
  | {
      readonly ask: 'encrypt'
      readonly text: string
      readonly recipients?: readonly string[]
      readonly passphrase?: string
    }
  | {
      readonly ask: 'decrypt'
      readonly text: string
      readonly identities?: readonly string[]
      readonly passphrase?: string
    }

/** What it answers: the text asked for, or why there is none. */
export type AgeAnswer =
  | { readonly text: string; readonly problem?: undefined }
  | { readonly problem: 'identity' | 'recipient' | 'key' | 'damaged'; readonly text?: string }

/** Asks the age process (see age-process.js) and waits. */
export function askAge(request: AgeRequest): AgeAnswer {
  const program = fileURLToPath(new URL('./age-process.js', import.meta.url))
  const child = spawnSync(process.execPath, [program], {
    input: JSON.stringify(request),
    env: withoutSecrets(process.env),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (child.status === 0) return JSON.parse(child.stdout) as AgeAnswer // our own child's
  if (child.signal === 'SIGINT') throw new ProvisionError({ code: 'interrupted', message: 'interrupted' })
  throw new ProvisionError({
    code: 'internal',
    message: `the process that encrypts and decrypts ended with ${child.signal ?? `exit code ${child.status}`}`,
    detail: child.error?.message ?? child.stderr,
    cause: child.error,
  })
}

/** A child needs no key and no secret of ours in its environment. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^PROVISION_(SECRET|VAULT)_/.test(name)))
}
