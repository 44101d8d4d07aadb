// The one way a file gets written on a host: beside its place with its final owner and mode, synced, validated, renamed.
// A reader sees the old file or the new one, whole; see rename(2). What a killed run leaves has a fixed, hidden name that
// no usual include pattern matches, and the next write of the same file clears it away.
import { quote, raw, sh } from './quote.ts'

/** A file to be written; the script takes its content from stdin. */
export interface AtomicWrite {
  /** Where it goes. A symbolic link is followed: its target is written. */
  readonly path: string
  /** Octal. @default the present file's; 0644 for a new one */
  readonly mode?: string | undefined
  /** Name or number. @default the present file's; root for a new one */
  readonly owner?: string | undefined
  readonly group?: string | undefined
  /**
   * A shell command that must succeed. With `%s` it checks the new file before it takes its place.
   * Without `%s` it checks the whole tree with the new file in place; if it fails the old file comes back.
   */
  readonly validate?: string | undefined
  /** Keep the old file as `PATH.YYYYMMDDTHHMMSS~`. @default false */
  readonly backup?: boolean | undefined
}

// A process costs the host a millisecond, and playbooks write many files: what is not there is not removed.

/** The script. On failure its stderr starts with `error: ` and a sentence, and the old file is in place. */
export function atomicWrite(write: AtomicWrite): string {
  const { owner, group, mode } = write
  const owned =
    owner === undefined && group === undefined ? '' : `${owner ?? ''}${group === undefined ? '' : `:${group}`}`
  const tree = write.validate !== undefined && !write.validate.includes('%s')
  return [
    sh`path=${write.path}
${raw(begin)}`,
    stage,
    owned === '' ? '' : sh`chown -- ${owned} "$new"`,
    mode === undefined ? sameMode : sh`chmod -- ${mode} "$new"`,
    write.validate !== undefined && !tree ? validateStaged(write.validate) : '',
    'sync -- "$new" 2>/dev/null || sync',
    write.backup ? keepBackup : '',
    write.validate !== undefined && tree ? validateTree(write.validate) : 'put "$new"\ndrop "$old" "$none"',
  ]
    .filter(Boolean)
    .join('\n')
}

/** Whether a command checks the whole tree, so that it may have been interrupted with an unchecked file in place. */
export function checksTree(validate: string | undefined): boolean {
  return validate !== undefined && !validate.includes('%s')
}

// By hand, since busybox's readlink -f fails for a link to nothing. Forty steps are the kernel's own limit, path_resolution(7).
const follow = `steps=0
while [ -L "$path" ] && [ $steps -lt 40 ]; do
  steps=$((steps + 1)) target=$(readlink -- "$path")
  case $target in /*) path=$target ;; *) path=\${path%/*}/$target ;; esac
done`

/** Defines `held PATH`: true if a validation with the new file in place never ended. */
export const heldFunction = `held() {
  path=$1
  ${follow.replaceAll('\n', '\n  ')}
  [ -e "\${path%/*}/.\${path##*/}.provision-old" ] || [ -e "\${path%/*}/.\${path##*/}.provision-none" ]
}`

// A rename onto a file that is a mount of its own (/etc/hosts in a container) says "busy": that one is rewritten.
// `none` is the mark that there was no file before. A rename between two names of one file leaves both: hence the last rm.
const begin = `fail() { echo "error: $1" >&2; exit 1; }
given=$path
${follow}
[ ! -L "$path" ] || fail "$given is a link that leads in circles"
dir=\${path%/*} name=\${path##*/}
[ -d "$dir/" ] || fail "the directory \${dir:-/} does not exist"
[ ! -d "$path" ] || fail "$path is a directory, expected a file"
drop() { for file do if [ -e "$file" ] || [ -L "$file" ]; then rm -f -- "$file"; fi; done; }
new=$dir/.$name.provision-new old=$dir/.$name.provision-old none=$dir/.$name.provision-none
put() {
  if trouble=$(LC_ALL=C mv -f -- "$1" "$path" 2>&1); then drop "$1"; return 0; fi
  case $trouble in *[Bb]usy*) ;; *) fail "$path could not be replaced: $trouble" ;; esac
  cat -- "$1" >"$path" && chown -- "$(stat -c %u:%g -- "$1")" "$path" && chmod -- "$(stat -c %a -- "$1")" "$path" || fail "$path could not be rewritten"
  rm -f -- "$1"
}
back() {
  if [ -e "$none" ]; then rm -f -- "$path"; rm -f -- "$none"; fi
  if [ -e "$old" ]; then put "$old"; fi
}
trap 'exit 143' HUP INT TERM`

// Created by nobody but us (noclobber is O_EXCL) and open to nobody until it has its owner. Attributes of the present file go
// along where cp can carry them.
const stage = `drop "$new"
trap 'drop "$new"' EXIT
( umask 077; set -C; cat >"$new" )
if [ -e "$path" ]; then
  chown -- "$(stat -c %u:%g -- "$path")" "$new"
  cp --attributes-only --preserve=xattr -- "$path" "$new" 2>/dev/null || :
fi`

// With the mode cp brings an access list; busybox has no such cp, and no access lists either.
const sameMode = `if [ ! -e "$path" ]; then chmod 0644 "$new"
elif cp --attributes-only --preserve=mode -- "$path" "$new" 2>/dev/null; then :
else chmod -- "$(stat -c %a -- "$path")" "$new"; fi`

// Of the last file that was good, which a killed run may hold.
const keepBackup = `backup= from=$path
[ ! -e "$old" ] || from=$old
if [ -e "$from" ]; then backup=$path.$(date +%Y%m%dT%H%M%S)~; cp -p -- "$from" "$backup"; fi`

/** The command in a shell of its own: a mistake in it is a failed validation, not a broken script. */
function validateStaged(command: string): string {
  const shown = quote(command.replaceAll('%s', '<new file>'))
  const script = quote(command.replace(/'%s'|"%s"|%s/g, '"$1"'))
  return `if said=$(sh -c ${script} sh "$new" 2>&1 </dev/null); then :; else
  code=$?
  printf 'error: Validation failed: %s exited with %s. The present file was not touched.\\n%s\\n' ${shown} "$code" "$said" >&2
  exit 1
fi`
}

// The present file is held by a second name, which cannot be half written. One that a killed run holds is the last known to be
// good and stays the one to go back to.
function validateTree(command: string): string {
  return `if [ -e "$old" ] || [ -e "$none" ]; then :
elif [ -e "$path" ]; then
  ln -- "$path" "$old" 2>/dev/null || { cp -p -- "$path" "$old.part" && mv -f -- "$old.part" "$old"; }
else
  : >"$none"
fi
trap 'back; drop "$new"' EXIT
put "$new"
if said=$(sh -c ${quote(command)} 2>&1 </dev/null); then
  trap - EXIT
  drop "$old" "$none"
else
  code=$?
  end='The previous file is back in place.'
  [ ! -e "$none" ] || end='The new file is gone again; there was none before.'
  back
  [ -z "\${backup:-}" ] || rm -f -- "$backup"
  printf 'error: Validation failed: %s exited with %s. %s\\n%s\\n' ${quote(command)} "$code" "$end" "$said" >&2
  exit 1
fi`
}
