// release.deploy: releases beside each other, `current` a link that is switched by rename(2), earlier ones kept for rollback.
// A release directory appears whole or not at all; `previous` is a link to what was current before.
import * as v from 'valibot'
import type { ApplyStep, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { raw, sh } from '../shell/quote.ts'
import { plainPath } from './file-status.ts'
import { repositoryUrl, sshCommand, version } from './git-ref.ts'
import { packFolder, readFolder, resolveCommit } from './release-source.ts'

const schema = {
  /** Directory of the app: `releases/`, `shared/` and the links `current` and `previous` go below it. */
  path: absolutePath,
  /**
   * `directory`: a folder on the controller, relative to the project's root, shipped by us; its content is the release's
   * identity. Everything in it goes, except `.git`.
   * `git`: a repository that the hosts can reach, with git on them; `version` is a branch, tag or commit, resolved to a
   * commit on the controller, once for all hosts. `hostKeyChecking` is for ssh URLs: `accept-new` records the server's key at
   * the first contact (default `strict`).
   */
  source: v.union(
    [
      v.strictObject({ directory: v.string() }),
      v.strictObject({
        git: repositoryUrl,
        version,
        hostKeyChecking: v.optional(v.picklist(['strict', 'accept-new'])),
      }),
    ],
    'expected { directory } or { git, version }',
  ),
  /** Releases kept, the current one included. The current and the previous one are never removed. @default 5 */
  keep: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2))),
  /** Owner of the release's files. @default 'root' */
  owner: v.optional(v.string()),
  /** Group of the release's files, and of `shared/`, where it may write. @default 'root' */
  group: v.optional(v.string()),
  /**
   * Directories that outlive a release, as relative paths (`'uploads'`, `'var/cache'`): they live in `shared/` and each
   * release has links to them. One that is not there is made with what the release brings. @default []
   */
  shared: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.regex(
          /^(?!.*(^|\/)\.{0,2}(\/|$))[^\r\n]+$/,
          "expected a relative path without '.' and '..', such as 'uploads'",
        ),
      ),
    ),
  ),
}

export type ReleaseArgs = ArgumentsOf<typeof schema>

export { type CurrentArgs, current, type KeptArgs, kept } from './release-kept.ts'

/** What a later task may want to know. */
export interface ReleaseResult extends Outcome {
  /** Identity of the release that `current` points to: a commit, or a checksum of the folder's content. */
  readonly release: string
  /** The one before, for a rollback. */
  readonly previous: string | undefined
}

interface ReleaseWish extends ReleaseArgs {
  readonly id: string
  /** The release as a gzipped tar, made only if it must be shipped; undefined for git. */
  readonly pack: (() => Buffer) | undefined
}

interface ReleaseState {
  readonly kind: 'absent' | 'link' | 'other'
  /** Identity of the current release; empty = there is none. */
  readonly current: string
  readonly previous: string
  readonly releases: readonly string[]
  /** Shared directories that the current release has its links to. */
  readonly linked: readonly string[]
  readonly git: boolean
}

/**
 * Deploys a release and makes it the current one. Restart the app by a handler.
 * @example release.deploy({ path: '/srv/app', source: { git: 'https://git.example.org/app.git', version: 'v1.2.0' }, notify: restart })
 */
export const deploy = defineResource<ReleaseArgs, ReleaseWish, ReleaseState, ReleaseResult>({
  name: 'release.deploy',
  schema,
  describe: (args) => args.path,
  prepare: (given, { from, onRead, once = (_, make) => make() }) => {
    const args = { ...given, path: plainPath(given.path) }
    const { source } = args
    if ('git' in source) {
      const id = once(`release.deploy\0git\0${source.git}\0${source.version}`, () =>
        resolveCommit(source.git, source.version),
      )
      return { ...args, id, pack: undefined }
    }
    const key = `release.deploy\0${from}\0${source.directory}`
    const folder = once(key, () => readFolder(source.directory, from, onRead))
    return { ...args, id: folder.id, pack: () => once(`${key}\0pack`, () => packFolder(folder)) }
  },
  probe: (wishes) => wishes.map(probeOne).join('\n'),
  parse: (stdout, wishes) => {
    const answers = stdout.split('== release\n').slice(1)
    return wishes.map((wish, index) => parseOne(answers[index] ?? stdout, wish))
  },
  plan: planRelease,
})

function probeOne(wish: ReleaseWish): string {
  const shared = (wish.shared ?? []).map(
    (name) =>
      sh`[ "$(readlink -- "$path/current/"${name} 2>/dev/null)" != "$path/shared/"${name} ] || [ ! -e "$path/shared/"${name} ] || echo ${`linked=${name}`}`,
  )
  return `${sh`echo "== release"
path=${wish.path}
if [ -L "$path/current" ]; then echo kind=link; elif [ -e "$path/current" ]; then echo kind=other; else echo kind=absent; fi
echo "current=$(readlink -- "$path/current" 2>/dev/null || :)"
echo "previous=$(readlink -- "$path/previous" 2>/dev/null || :)"
if command -v git >/dev/null; then echo git=yes; else echo git=no; fi
[ ! -d "$path/releases" ] || ls -1 -- "$path/releases" | sed 's/^/release=/'`}
${shared.join('\n')}
:`
}

function parseOne(answer: string, wish: ReleaseWish): ReleaseState {
  const all = (key: string) => [...answer.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')
  const [kind] = all('kind')
  if (kind !== 'absent' && kind !== 'link' && kind !== 'other')
    throw new Error(`unexpected answer '${answer.slice(0, 60)}'`)
  const idOf = (target = '') =>
    (target.startsWith(`${wish.path}/`) ? target.slice(wish.path.length + 1) : target).replace(/^releases\//, '')
  return {
    kind,
    current: idOf(all('current')[0]),
    previous: idOf(all('previous')[0]),
    releases: all('release'),
    linked: all('linked'),
    git: all('git')[0] === 'yes',
  }
}

function planRelease(
  state: ReleaseState,
  wish: ReleaseWish,
  { check }: { readonly check: boolean },
): Plan<ReleaseResult> {
  const { id } = wish
  if (state.kind === 'other')
    return {
      refused: `${wish.path}/current is no link, so it was not made by release.deploy`,
      hint: 'Move it out of the way.',
    }
  const there = state.releases.includes(id)
  const kept = (release: string) => (release !== '' && state.releases.includes(release) ? release : undefined)
  if (state.current === id && there) {
    const result = { release: id, previous: kept(state.previous) }
    const missing = (wish.shared ?? []).filter((name) => !state.linked.includes(name))
    if (missing.length === 0) return { unchanged: `release ${short(id)} is current`, result }
    const script = `${sh`path=${wish.path} release=${`${wish.path}/releases/${id}`} fresh=no`}\n${shareFunction(wish)}\n${share(missing)}`
    return { changes: [{ summary: `shared: ${missing.join(', ')}`, steps: [{ script }] }], result }
  }
  if (!there && !wish.pack && !state.git) return { unknown: 'git is not installed' }
  const result = { release: id, previous: kept(state.current === id ? state.previous : state.current) }
  const steps: ApplyStep[] = []
  // packing is work for a release that is really shipped
  if (!there) steps.push(wish.pack ? unpack(wish, check ? '' : wish.pack()) : checkOut(wish))
  steps.push({ script: switchTo(wish) })
  return { changes: [{ summary: `release ${short(state.current) || 'absent'} → ${short(id)}`, steps }], result }
}

/** A release is filled under a hidden name; what killed runs left goes first. */
function fill(wish: ReleaseWish, how: string): string {
  const owner = `${wish.owner ?? 'root'}:${wish.group ?? 'root'}`
  return sh`umask 022
path=${wish.path} id=${wish.id} fresh=yes
mkdir -p -- "$path/releases"
rm -rf -- "$path"/releases/.*.new
release=$path/releases/.$id.new
trap 'rm -rf -- "$release" "$path/releases/.$id.tar.new"' EXIT
trap 'exit 143' HUP INT TERM
mkdir -- "$release"
${raw(how)}
chown -Rh -- ${owner} "$release"
chmod -R u=rwX,go=rX -- "$release"
${raw(shareFunction(wish))}
${raw(share(wish.shared ?? []))}
sync -f -- "$release" 2>/dev/null || sync
mv -T -- "$release" "$path/releases/$id"`
}

function unpack(wish: ReleaseWish, archive: Buffer | string): ApplyStep {
  return { script: fill(wish, 'tar -xzof - -C "$release"'), input: archive }
}

function checkOut(wish: ReleaseWish): ApplyStep {
  const source = 'git' in wish.source ? wish.source : { git: '', hostKeyChecking: undefined }
  return {
    script: fill(
      wish,
      sh`export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=${sshCommand(source.hostKeyChecking)}
url=${source.git} repo=$path/repo.git
git_here() { git --git-dir="$repo" "$@"; }
has() { git_here cat-file -e "$id^{commit}" 2>/dev/null; }
[ -d "$repo" ] || { rm -rf -- "$repo.new"; git init --quiet --bare -- "$repo.new"; mv -- "$repo.new" "$repo"; }
has || git_here fetch --quiet --force --prune -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
has || git_here fetch --quiet -- "$url" "$id" 2>/dev/null || { echo "error: commit $id is not in $url" >&2; exit 1; }
git_here archive --format=tar -o "$path/releases/.$id.tar.new" "$id"
tar -xof "$path/releases/.$id.tar.new" -C "$release"
rm -f -- "$path/releases/.$id.tar.new"`,
    ),
  }
}

/** Defines `share NAME`: a link in `$release` to the directory in `shared/`. In a live release nothing is thrown away for it. */
function shareFunction(wish: ReleaseWish): string {
  return sh`share() {
  place=$release/$1 kept=$path/shared/$1
  mkdir -p -- "$(dirname -- "$place")" "$(dirname -- "$kept")"
  if [ -L "$place" ]; then rm -f -- "$place"
  elif [ -e "$place" ]; then
    if [ ! -e "$kept" ]; then mv -T -- "$place" "$kept"
    elif [ $fresh = yes ]; then rm -rf -- "$place"
    else rmdir -- "$place" 2>/dev/null || { echo "error: $place and $kept both have content" >&2; exit 1; }; fi
  fi
  mkdir -p -- "$kept"
  if [ "$(stat -c %G -- "$kept")" != ${wish.group ?? 'root'} ]; then chown -- ${`${wish.owner ?? 'root'}:${wish.group ?? 'root'}`} "$kept"; fi
  chmod 02775 "$kept"
  ln -s -- "$kept" "$place"
}`
}

function share(names: readonly string[]): string {
  return names.map((name) => sh`share ${name}`).join('\n')
}

/** Only what looks like a release of ours is pruned, the longest unused first; the current and the previous one count and stay. */
function switchTo(wish: ReleaseWish): string {
  return sh`path=${wish.path} id=${wish.id}
before=$(readlink -- "$path/current" || :)
touch -- "$path/releases/$id"
link() { rm -f -- "$path/.$2.new"; ln -s -- "$1" "$path/.$2.new"; mv -fT -- "$path/.$2.new" "$path/$2"; }
case $before in ''|*"/$id") ;; *) link "$before" previous ;; esac
link "releases/$id" current
previous=$(readlink -- "$path/previous" || :)
count=1
[ ! -d "$path/previous/." ] || [ "$previous" = "releases/$id" ] || count=2
ls -1t -- "$path/releases" | while IFS= read -r old; do
  case $old in *[!0-9a-f]*) continue ;; ????????????????????????????????????????*) ;; *) continue ;; esac
  [ "$old" != "$id" ] && [ "releases/$old" != "$previous" ] || continue
  count=$((count + 1))
  [ $count -le ${wish.keep ?? 5} ] || rm -rf -- "$path/releases/$old"
done`
}

function short(id: string): string {
  return id.slice(0, 12)
}
