// The one way a file gets written on a host: beside its place with its final owner and mode, synced, validated, renamed.
// A reader sees the old file or the new one, whole; see rename(2).
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

/** Name of the old file while the tree is being validated; if one is found, that validation never ended. */
export function heldFile(path: string): string {
  const at = path.lastIndexOf('/')
  return `${path.slice(0, at)}/.${path.slice(at + 1)}.provision-old`
}

/** The script. On failure its stderr starts with `error: ` and a sentence, and the old file is in place. */
export function atomicWrite(write: AtomicWrite): string {
  const owner =
    write.owner === undefined && write.group === undefined
      ? ''
      : sh`chown -- ${`${write.owner ?? ''}${write.group === undefined ? '' : `:${write.group}`}`} "$new"`
  return [
    sh`path=${write.path}
[ ! -L "$path" ] || path=$(readlink -f -- "$path")
dir=$(dirname -- "$path") name=$(basename -- "$path")
fail() { echo "error: $1" >&2; exit 1; }
[ -d "$dir" ] || fail "the directory $dir does not exist"
[ ! -d "$path" ] || fail "$path is a directory"
old=$dir/.$name.provision-old
${raw(restore)}
umask 077
new=$(mktemp -- "$dir/.$name.XXXXXX")
trap 'rm -f -- "$new"' EXIT
cat >"$new"
if [ -e "$path" ]; then
  chown -- "$(stat -c %u:%g -- "$path")" "$new"
  chmod -- "$(stat -c %a -- "$path")" "$new"
else
  chmod 0644 "$new"
fi`,
    owner,
    write.mode === undefined ? '' : sh`chmod ${write.mode} "$new"`,
    write.validate?.includes('%s') ? validateStaged(write.validate) : '',
    'sync -- "$new" 2>/dev/null || sync',
    write.backup ? '[ ! -e "$path" ] || cp -p -- "$path" "$path.$(date +%Y%m%dT%H%M%S)~"' : '',
    write.validate !== undefined && !write.validate.includes('%s') ? validateTree(write.validate) : place,
  ]
    .filter(Boolean)
    .join('\n')
}

/** A validation that never ended left the old file beside: it comes back first. An empty mark means there was none. */
const restore = `if [ -e "$old" ]; then
  if [ -s "$old" ] || [ -e "$old.empty" ]; then mv -f -- "$old" "$path"; else rm -f -- "$path" "$old"; fi
  rm -f -- "$old.empty"
fi`

/** A file that is a mount of its own (/etc/hosts in a container) cannot be renamed over and is rewritten. */
const place = 'mv -fT -- "$new" "$path" 2>/dev/null || cat "$new" >"$path"'

function validateStaged(command: string): string {
  const shown = quote(command.replaceAll('%s', '<new file>'))
  return `if said=$(set +e; ${command.replaceAll('%s', '"$new"')} 2>&1 </dev/null); then :; else
  code=$?
  printf 'error: Validation failed: %s exited with %s. The present file was not touched.\\n%s\\n' ${shown} "$code" "$said" >&2
  exit 1
fi`
}

function validateTree(command: string): string {
  return `if [ -e "$path" ]; then
  [ -s "$path" ] || : >"$old.empty"
  cp -p -- "$path" "$old"
else
  : >"$old"
fi
${place}
if said=$(set +e; ${command} 2>&1 </dev/null); then rm -f -- "$old" "$old.empty"; else
  code=$?
  ${restore.replaceAll('\n', '\n  ')}
  printf 'error: Validation failed: %s exited with %s. The previous file is back in place.\\n%s\\n' ${quote(command)} "$code" "$said" >&2
  exit 1
fi`
}
