import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { formatLocation, isProvisionError } from '../../src/core/error.ts'

const root = mkdtempSync(join(realpathSync(tmpdir()), 'inventory-'))
process.on('exit', () => rmSync(root, { recursive: true }))

/** A project of files in a temporary folder; `package.json` is added. */
export function makeProject(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(root, 'project-'))
  writeFiles(folder, { 'package.json': '{ "type": "module" }', ...files })
  return folder
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** What users see of an error. */
export interface Seen {
  readonly code?: string
  readonly message: string
  readonly where?: string
  readonly detail?: string
  readonly hint?: string
}

/** The error that a promise or a function ends with, paths relative to the folder. */
export async function failureOf(body: () => unknown, folder = '/nowhere'): Promise<Seen> {
  try {
    await body()
  } catch (error) {
    if (!isProvisionError(error)) throw error
    const short = (text: string) => text.replaceAll(`${folder}/`, '')
    return {
      code: error.code,
      message: short(error.message),
      ...(error.where ? { where: short(formatLocation(error.where)) } : {}),
      ...(error.detail ? { detail: short(error.detail) } : {}),
      ...(error.hint ? { hint: short(error.hint) } : {}),
    }
  }
  throw new Error('nothing was thrown')
}
