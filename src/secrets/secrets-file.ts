// Secrets in a JSON file that only its owner may read: { "db.replication": "…" }. Never shows a value in a message.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { dirname, join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { withFileLock } from './file-lock.ts'
import type { WritableSecretSource } from './source.ts'
import { writeWholeFile } from './whole-file.ts'

/** Secrets in a file of mode 0600; generated ones are added to it, whole or not at all, also by several runs at once. */
export function secretsFile(path: string): WritableSecretSource {
  let known: ReadonlyMap<string, string> | undefined
  const find = (name: string): string | undefined => {
    known ??= readSecrets(path)
    return known.get(name)
  }
  return {
    title: path,
    find,
    howToSet: (name) => `add ${JSON.stringify(name)} to ${path}`,
    keep: (name, value) => {
      makeFolder(dirname(path))
      return withFileLock(path, () => {
        known = readSecrets(path)
        const first = known.get(name)
        if (first !== undefined) return first
        const grown = new Map([...known, [name, value]])
        writeSecrets(path, grown)
        known = grown
        return value
      })
    },
  }
}

export function readSecrets(path: string): ReadonlyMap<string, string> {
  const fail = (message: string, hint?: string, line?: number): never => {
    const where = line === undefined ? undefined : { file: path, line, column: 1 }
    throw new ProvisionError({ code: 'secret', message: `${path} ${message}`, hint, where })
  }
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status) return new Map()
  if (!status.isFile()) return fail('is not a file, expected a JSON file of secrets')
  const mode = status.mode & 0o777
  if ((mode & 0o077) !== 0 && platform() !== 'win32')
    return fail(`is open to other users (mode 0${mode.toString(8)}), expected 0600`, `chmod 600 ${path}`)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return fail(`cannot be read: ${error instanceof Error && 'code' in error ? error.code : error}`)
  }
  // An emptied file must not lead to new passwords for databases that have the old ones.
  if (text.trim() === '')
    return fail(
      'is empty, expected a JSON object',
      'Restore it from a backup, or put {} into it to generate all secrets anew.',
    )
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    // The parser's own message may quote the text, and the text is secret.
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length
    return fail('is not valid JSON', undefined, line)
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return fail('holds no JSON object, expected { "name": "value" }')
  const secrets = new Map<string, string>()
  for (const [name, value] of Object.entries(content)) {
    if (typeof value !== 'string') {
      const found =
        value === null
          ? 'null'
          : Array.isArray(value)
            ? 'a list'
            : typeof value === 'object'
              ? 'an object'
              : `a ${typeof value}`
      const hint = found === 'an object' ? `Write its members flat: "${name}.NAME": "value".` : undefined
      return fail(`holds ${found} as '${name}', expected a text in quotes`, hint)
    }
    secrets.set(name, value)
  }
  return secrets
}

function writeSecrets(path: string, secrets: ReadonlyMap<string, string>): void {
  writeWholeFile(path, `${JSON.stringify(Object.fromEntries(secrets), null, 2)}\n`, 0o600)
}

/** Makes the folder of the file, closed to others; a new `.provision` keeps itself out of git. */
function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined && folder.endsWith('.provision')) writeFileSync(join(folder, '.gitignore'), '*\n')
}
