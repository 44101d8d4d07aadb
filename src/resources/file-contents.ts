// The contents of many small files by one head(1) and one base64(1), however many they are.

/** Prints the contents of the files in "$@", which all exist; nothing if there are none. */
export const printContents = `[ $# = 0 ] || printf 'contents %s\\n' "$(head -v -c 16777216 -- "$@" | base64 -w 0)"`

/** A file whose content was printed, and how large it was a moment before. */
export interface Printed {
  readonly path: string
  readonly size: number
}

/**
 * The answer of `printContents`: the bytes of each file. `head` puts a line with the path before each content, which ends where
 * the file's size says. A file that grew or shrank in between ends before the next such line.
 */
export function parseContents(stdout: string, files: readonly Printed[]): Buffer[] {
  const all = Buffer.from(/^contents (.*)$/m.exec(stdout)?.[1] ?? '', 'base64')
  const heads = files.map(({ path }, index) => Buffer.from(`${index === 0 ? '' : '\n'}==> ${path} <==\n`))
  let at = 0
  return files.map(({ path, size }, index) => {
    const head = heads[index] as Buffer // one for each file
    const next = heads[index + 1]
    const begin = at + head.length
    if (!all.subarray(at, begin).equals(head)) throw new Error(`${path} cannot be read`)
    const isWhole = next ? all.subarray(begin + size, begin + size + next.length).equals(next) : true
    const end = next ? (isWhole ? begin + size : all.indexOf(next, begin)) : all.length
    if (end < begin || end > all.length) throw new Error(`${path} cannot be read`)
    at = end
    return all.subarray(begin, end)
  })
}
