// Type, mode, owner and checksum of many paths by one stat(1) and one sha256sum(1).
import { sh } from '../shell/quote.ts'

/** A path as it is. Links are followed, except that `link` says there is one. */
export interface PathStatus {
  readonly type: 'absent' | 'file' | 'directory' | 'other'
  readonly link: boolean
  /** Octal with leading zero, as in `0644`. */
  readonly mode: string
  readonly uid: string
  readonly gid: string
  readonly owner: string
  readonly group: string
  /** Of regular files whose checksum was asked for. */
  readonly sha256: string
}

/** Prints the status of the paths, in order; checksums only of those in `hashed`. */
export function statusProbe(paths: readonly string[], hashed: readonly boolean[]): string {
  const asked = hashed.map((flag) => (flag ? 'h' : '-'))
  // one letter a path, then one line of stat for each that exists, then one checksum for each file asked for
  return sh`kinds= n=0
set -- ${paths}
for want in ${asked}; do
  path=$1; shift
  link=-; [ ! -L "$path" ] || link=L
  if [ -f "$path" ]; then kind=f; elif [ -d "$path" ]; then kind=d; elif [ -e "$path" ]; then kind=o; else kind=a; fi
  kinds="$kinds $kind$link$want"
  [ $kind = a ] || set -- "$@" "$path"
done
echo "kinds$kinds"
[ $# = 0 ] || stat -L -c '%a %u %g %U %G' -- "$@"
for kind in $kinds; do
  case $kind in a*) continue ;; f?h) set -- "$@" "$1" ;; esac
  shift
done
[ $# = 0 ] || sha256sum -- "$@" | sed 's/^\\\\//; s/ .*//; s/^/sha256 /'`
}

/** The answer of `statusProbe`. */
export function parseStatus(stdout: string, count: number): PathStatus[] {
  const lines = stdout.split('\n')
  const at = lines.findIndex((line) => line.startsWith('kinds'))
  const kinds = at < 0 ? [] : (lines[at] ?? '').split(' ').slice(1)
  if (kinds.length !== count) throw new Error(`unexpected answer '${stdout.slice(0, 60)}'`)
  let next = at + 1
  const stats = kinds.map((kind) => (kind[0] === 'a' ? undefined : (lines[next++] ?? '')))
  const sums = lines.slice(next).filter((line) => line.startsWith('sha256 '))
  let sum = 0
  return kinds.map((kind, index) => {
    const link = kind[1] === 'L'
    const line = stats[index]
    if (line === undefined)
      return { type: 'absent', link, mode: '', uid: '', gid: '', owner: '', group: '', sha256: '' }
    const [mode = '', uid = '', gid = '', owner = '', group = ''] = line.split(' ')
    if (!/^[0-7]{1,4}$/.test(mode) || gid === '') throw new Error(`unexpected line '${line.slice(0, 60)}'`)
    const sha256 = kind[0] === 'f' && kind[2] === 'h' ? (sums[sum++] ?? '').slice(7) : ''
    if (kind[0] === 'f' && kind[2] === 'h' && sha256.length !== 64)
      throw new Error('a checksum is missing in the answer')
    const type = kind[0] === 'f' ? 'file' : kind[0] === 'd' ? 'directory' : 'other'
    return { type, link, mode: mode.padStart(4, '0'), uid, gid, owner, group, sha256 }
  })
}

/** Wished ownership and mode; undefined = leave as it is. */
export interface Attributes {
  readonly mode?: string | undefined
  readonly owner?: string | undefined
  readonly group?: string | undefined
}

/** Differences of mode and owner as sentences, with the script that mends each. Owner first: chown clears setuid bits. */
export function attributeChanges(
  status: PathStatus,
  wish: Attributes,
  path: string,
): { summary: string; script: string }[] {
  const changes: { summary: string; script: string }[] = []
  if (wish.owner !== undefined && wish.owner !== status.owner && wish.owner !== status.uid) {
    changes.push({ summary: `owner ${status.owner} → ${wish.owner}`, script: sh`chown -- ${wish.owner} ${path}` })
  }
  if (wish.group !== undefined && wish.group !== status.group && wish.group !== status.gid) {
    changes.push({ summary: `group ${status.group} → ${wish.group}`, script: sh`chgrp -- ${wish.group} ${path}` })
  }
  const chowned = changes.length > 0
  const differs = wish.mode !== undefined && Number.parseInt(wish.mode, 8) !== Number.parseInt(status.mode, 8)
  if (differs)
    changes.push({ summary: `mode ${status.mode} → ${wish.mode}`, script: sh`chmod ${wish.mode ?? ''} -- ${path}` })
  else if (chowned) changes.push({ summary: '', script: sh`chmod ${wish.mode ?? status.mode} -- ${path}` })
  return changes
}
