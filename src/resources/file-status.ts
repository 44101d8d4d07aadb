// Type, mode, owner and checksum of many paths by one stat(1) and one sha256sum(1), and what must be done about differences.
import { posix } from 'node:path'
import * as v from 'valibot'
import type { Change, Plan, PlanContext } from '../core/resource.ts'
import { absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'

/** A path as it is. Links are followed, except that `link` says there is one. */
export interface PathStatus {
  /** `denied`: a directory above it may not be entered by the user who asks. */
  readonly type: 'absent' | 'file' | 'directory' | 'other' | 'denied'
  readonly link: boolean
  /** It is absent, and so is the directory that it would be in. */
  readonly orphan: boolean
  /** Octal with leading zero, as in `0644`. */
  readonly mode: string
  readonly uid: string
  readonly gid: string
  readonly owner: string
  readonly group: string
  /** Of regular files whose checksum was asked for. */
  readonly sha256: string
}

/** The path of a file: one that ends in `/` means a directory. */
export const filePath = v.pipe(
  absolutePath,
  v.check((path) => !path.endsWith('/'), 'expected the path of a file, which does not end in /'),
)

/** A path without doubled, trailing and `/./` parts. `..` stays: what it means depends on links. */
export function plainPath(path: string): string {
  return path.split('/').includes('..')
    ? path.replace(/(?<=.)\/+$/, '')
    : posix.normalize(path).replace(/(?<=.)\/$/, '')
}

/**
 * Prints the status of the paths, in order; checksums only of those in `hashed`. Leaves `kinds`, the words that it printed
 * first, and `sums`, the checksums, for what comes after it in the script.
 */
export function statusProbe(paths: readonly string[], hashed: readonly boolean[]): string {
  const asked = hashed.map((flag) => (flag ? 'h' : '-'))
  // A word for each path, then a line of stat for each that exists, then a checksum for each file that was asked for.
  // "Absent" must not mean "not to be seen": if the nearest thing above is a directory, we must be allowed to search it.
  return sh`kinds=
set -- ${paths}
for want in ${asked}; do
  path=$1; shift
  link=-; [ ! -L "$path" ] || link=L
  if [ -f "$path" ]; then kind=f; elif [ -d "$path" ]; then kind=d; elif [ -e "$path" ]; then kind=o; else
    kind=a above=\${path%/*}
    [ -d "$above/" ] || kind=n
    while [ -n "$above" ] && [ ! -e "$above" ]; do above=\${above%/*}; done
    [ ! -d "$above/" ] || [ -x "$above/" ] || kind=p
  fi
  kinds="$kinds $kind$link$want"
  case $kind in [anp]) ;; *) set -- "$@" "$path" ;; esac
done
echo "kinds$kinds"
[ $# = 0 ] || stat -L -c '%a:%u:%g:%U:%G' -- "$@"
for kind in $kinds; do
  case $kind in [anp]*) continue ;; f?h) set -- "$@" "$1" ;; esac
  shift
done
sums=
[ $# = 0 ] || sums=$(sha256sum -- "$@" | sed 's/^\\\\//; s/ .*//; s/^/sha256 /')
echo "$sums"`
}

/** The answer of `statusProbe`. */
export function parseStatus(stdout: string, paths: readonly string[]): PathStatus[] {
  const lines = stdout.split('\n')
  const at = lines.findIndex((line) => line.startsWith('kinds'))
  const kinds = at < 0 ? [] : (lines[at] ?? '').split(' ').slice(1)
  if (kinds.length !== paths.length) throw new Error(`unexpected answer '${stdout.slice(0, 60)}'`)
  let next = at + 1
  const stats = kinds.map((kind) => (/^[anp]/.test(kind) ? undefined : (lines[next++] ?? '')))
  const sums = lines.slice(next).filter((line) => line.startsWith('sha256 '))
  const hashed = kinds.filter((kind) => kind.startsWith('f') && kind.endsWith('h'))
  if (sums.length !== hashed.length || sums.some((line) => !/^sha256 [0-9a-f]{64}$/.test(line)))
    throw new Error(`not all of ${paths.join(', ')} can be read`)
  let sum = 0
  return kinds.map((kind, index) => {
    const link = kind[1] === 'L'
    const line = stats[index]
    if (line === undefined) {
      const type = kind.startsWith('p') ? 'denied' : 'absent'
      return { type, link, orphan: kind.startsWith('n'), mode: '', uid: '', gid: '', owner: '', group: '', sha256: '' }
    }
    const [mode = '', uid = '', gid = '', owner = '', group = ''] = line.split(':')
    if (!/^[0-7]{1,4}$/.test(mode) || group === '') throw new Error(`unexpected line '${line.slice(0, 60)}'`)
    const sha256 = kind[0] === 'f' && kind[2] === 'h' ? (sums[sum++] ?? '').slice(7) : ''
    const type = kind[0] === 'f' ? 'file' : kind[0] === 'd' ? 'directory' : 'other'
    return { type, link, orphan: false, mode: mode.padStart(4, '0'), uid, gid, owner, group, sha256 }
  })
}

/** Why nothing can be said of a path, as a plan. */
export function refuseDenied(path: string): Plan {
  return { refused: `${path} cannot be looked at: a directory above it is closed to this user` }
}

/**
 * Why a file cannot be made: its directory is not there. Undefined if it is, or if check mode did not make an earlier change
 * that may bring it.
 */
export function refuseOrphan(status: PathStatus, path: string, context: PlanContext): Plan | undefined {
  if (!status.orphan || context.pretended) return undefined
  const directory = posix.dirname(path)
  return {
    refused: `the directory ${directory} of ${path} does not exist`,
    hint: `Make it before: file.directory({ path: '${directory}' }).`,
  }
}

/** Wished ownership and mode; undefined = leave as it is. */
export interface Attributes {
  readonly mode?: string | undefined
  readonly owner?: string | undefined
  readonly group?: string | undefined
}

/** Differences of mode and owner as changes. */
export function attributeChanges(status: PathStatus, wish: Attributes, path: string): Change[] {
  const changes: Change[] = []
  const add = (summary: string, script: string) => changes.push({ summary, steps: [{ script }] })
  // always both: given one, busybox chown takes the other from a link itself instead of its target
  if (wish.owner !== undefined && wish.owner !== status.owner && wish.owner !== status.uid)
    add(`owner ${status.owner} → ${wish.owner}`, sh`chown -- ${`${wish.owner}:${status.gid}`} ${path}`)
  if (wish.group !== undefined && wish.group !== status.group && wish.group !== status.gid)
    add(`group ${status.group} → ${wish.group}`, sh`chown -- ${`${wish.owner ?? status.uid}:${wish.group}`} ${path}`)
  const mode = wish.mode ?? status.mode
  const same = Number.parseInt(mode, 8) === Number.parseInt(status.mode, 8)
  // chmod(1) keeps the setgid bit of a directory unless the mode has five digits
  const script = sh`chmod ${mode.padStart(5, '0')} -- ${path}`
  const last = changes.at(-1)
  if (!same) add(`mode ${status.mode} → ${wish.mode}`, script)
  // chown(2) clears setuid and setgid bits
  else if (last) changes[changes.length - 1] = { ...last, steps: [...last.steps, { script }] }
  return changes
}

/** `owner:group` as chown takes it; empty if neither is given. */
export function ownerWord({ owner, group }: Attributes): string {
  return group === undefined ? (owner ?? '') : `${owner ?? ''}:${group}`
}

/** A plan of these changes, or nothing for this reason. */
export function planOfChanges(changes: readonly Change[], reason: string): Plan {
  const [first, ...rest] = changes
  return first ? { changes: [first, ...rest] } : { unchanged: reason }
}
