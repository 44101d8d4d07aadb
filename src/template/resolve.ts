import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { ProvisionError } from '../core/error.ts'

/**
 * The absolute path of a template (or of any file named by `src`): as it is if absolute, else beside the file that made
 * the task, else in `templates/` there and in each folder above it up to the project's root.
 * Throws a ProvisionError (`template`) that lists the places looked at.
 */
export function resolveTemplate(src: string, fromFile: string): string {
  if (isAbsolute(src)) return src
  for (let folder = dirname(fromFile); ; folder = dirname(folder)) {
    for (const place of [join(folder, src), join(folder, 'templates', src)]) if (existsSync(place)) return place
    if (folder === dirname(folder)) throw new ProvisionError({ code: 'template', message: `template '${src}' not found` })
  }
}
