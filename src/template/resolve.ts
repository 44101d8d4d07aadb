import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'

/**
 * The absolute path of a template (or of any local file that a task names): as it is if absolute, else beside the file
 * that made the task, else in `templates/` there and in each folder above it up to the project's root (the first with a
 * `package.json`). Only files count. Throws a ProvisionError (`template`) that lists the places looked at;
 * `what` is the word for it in that message. `onRead` is told each place that was looked at.
 */
export function resolveTemplate(
  src: string,
  fromFile: string,
  what = 'template',
  onRead?: (path: string) => void,
): string {
  const places = placesOf(src, fromFile)
  const found = places.find((place) => {
    onRead?.(place)
    return statSync(place, { throwIfNoEntry: false })?.isFile()
  })
  if (found) return found
  throw new ProvisionError({
    code: 'template',
    message: `${what} '${src}' was not found`,
    detail: places.length > 0 ? `Looked at:\n${places.map((place) => `  ${place}`).join('\n')}` : undefined,
    hint:
      places.length > 0
        ? nearestFile(src, places)
        : 'The file that made the task is not known: name it by an absolute path, join(import.meta.dirname, …).',
  })
}

/** A file with nearly that name in one of the folders. */
function nearestFile(src: string, places: readonly string[]): string | undefined {
  for (const place of places) {
    const near = nearest(basename(src), namesIn(dirname(place)))
    if (near) return `Did you mean '${join(dirname(src), near)}'?`
  }
  return undefined
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function placesOf(src: string, fromFile: string): readonly string[] {
  if (isAbsolute(src)) return [src]
  if (fromFile === '') return []
  const places = [join(dirname(fromFile), src)]
  for (let folder = dirname(fromFile); ; folder = dirname(folder)) {
    places.push(join(folder, 'templates', src))
    if (folder === dirname(folder) || statSync(join(folder, 'package.json'), { throwIfNoEntry: false })) return places
  }
}
