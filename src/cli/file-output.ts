import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { Output } from '../report/report.ts'

/** A file that a report is written to. */
export interface FileOutput extends Output {
  readonly close: () => void
}

/** Opens the file at once, so that one that cannot be written is found before the run. */
export function openOutput(file: string, cwd: string): FileOutput {
  try {
    const descriptor = openSync(resolve(cwd, file), 'w')
    return { write: (text) => writeSync(descriptor, text), close: () => closeSync(descriptor) }
  } catch (error) {
    const folder = dirname(resolve(cwd, file))
    const why = existsSync(folder) ? reasonOf(error) : `there is no folder ${dirname(file)}`
    throw new ProvisionError({
      code: 'input',
      message: `--output-file ${file} cannot be written: ${why}`,
      cause: error,
    })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
