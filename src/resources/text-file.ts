// Small root-owned configuration files that a resource owns as a whole or in part: read whole, written beside and renamed.
import { posix } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep } from '../core/resource.ts'
import { atomicWrite } from '../shell/atomic-write.ts'
import { sh } from '../shell/quote.ts'

/** A file as it is on the host. */
export type TextFile =
  | { readonly kind: 'absent' }
  /** A directory, a device, a link to somewhere else. */
  | { readonly kind: 'other'; readonly what: string }
  | { readonly kind: 'file'; readonly mode: string; readonly owner: string; readonly content: string }

/** Shell text that prints the files, whole; links are not followed. */
export function textFilesProbe(paths: readonly string[]): string {
  const unique = [...new Set(paths)]
  if (unique.length === 0) return ''
  return sh`for path in ${unique}; do
  if [ -L "$path" ]; then
    printf 'link\\t%s\\t%s\\n' "$path" "$(readlink -- "$path")"
  elif [ -f "$path" ]; then
    printf 'file\\t%s\\t%s\\t%s\\n' "$path" "$(stat -c '%a %U:%G' -- "$path")" "$(base64 -w 0 <"$path")"
  elif [ -e "$path" ]; then
    printf 'other\\t%s\\t%s\\n' "$path" "$(stat -c %F -- "$path")"
  else
    printf 'absent\\t%s\\n' "$path"
  fi
done`
}

/** The answer of `textFilesProbe`, by path; lines of other probes are left alone. */
export function parseTextFiles(stdout: string): ReadonlyMap<string, TextFile> {
  const files = new Map<string, TextFile>()
  for (const line of stdout.split('\n')) {
    const [kind, path = '', first = '', encoded = ''] = line.split('\t')
    if (kind === 'absent') files.set(path, { kind })
    else if (kind === 'link') files.set(path, { kind: 'other', what: `a link to ${first}` })
    else if (kind === 'other') files.set(path, { kind, what: `a ${first}` })
    else if (kind === 'file') {
      const [mode = '', owner = ''] = first.split(' ')
      const content = Buffer.from(encoded, 'base64').toString('utf8')
      files.set(path, { kind, mode: mode.padStart(4, '0'), owner, content })
    }
  }
  return files
}

/** The file of that path; a probe that says nothing of it is no answer. */
export function fileOf(files: ReadonlyMap<string, TextFile>, path: string): TextFile {
  const file = files.get(path)
  if (file) return file
  throw new ProvisionError({ code: 'probe', message: `the probe said nothing of ${path}` })
}

/** What is to be changed on a file, as sentences; empty if it is as wished. */
export function fileDifferences(file: TextFile, wish: { content: string; mode: string }): readonly string[] {
  if (file.kind === 'absent') return ['absent → present']
  if (file.kind === 'other') return [`${file.what} → a file`]
  return [
    ...(file.content === wish.content ? [] : ['content differs']),
    ...(file.mode === wish.mode ? [] : [`mode ${file.mode} → ${wish.mode}`]),
    ...(file.owner === 'root:root' ? [] : [`owner ${file.owner} → root:root`]),
  ]
}

/** The text of a file, empty if there is none. */
export function contentOf(file: TextFile): string {
  return file.kind === 'file' ? file.content : ''
}

/** Writes a file of root's, and the directory that it is in if there is none. */
export function writeTextFile(wish: {
  readonly path: string
  readonly content: string
  readonly mode: string
}): ApplyStep {
  const write = atomicWrite({ path: wish.path, mode: wish.mode, owner: '0', group: '0' })
  return { script: `${sh`mkdir -p -- ${posix.dirname(wish.path)}`}\n${write}`, input: wish.content }
}
