// git.checkout: a work tree at a version of a repository. Reads with git-rev-parse(1), git-status(1), git-log(1) and
// git-ls-remote(1), as the owner of the tree: git refuses "dubious ownership" (safe.directory in git-config(1)), and a tree's
// own configuration runs programs, which must not be root's.
//
// Two references of our own are in the tree: `refs/provision/head`, the commit that we checked out, and `refs/provision/next`
// while we do so: what a killed checkout leaves looks like local changes and is not.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, accountName } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { raw, sh } from '../shell/quote.ts'
import { plainPath } from './file-status.ts'
import { commitOf, isCommit, referencesOf, repositoryUrl, sshCommand, version } from './git-ref.ts'

const schema = {
  /** URL or path of the repository, as the host reaches it. */
  repo: repositoryUrl,
  /** Where the work tree goes. */
  dest: absolutePath,
  /** Branch, tag or full commit. A branch is followed. HEAD is detached: no place to work in. @default the repository's HEAD */
  version: v.optional(version),
  /** Throw local changes of tracked files and local commits away. @default false: refused */
  force: v.optional(v.boolean()),
  /** Commits of history to fetch. @default all */
  depth: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Check submodules out too. @default false */
  submodules: v.optional(v.boolean()),
  /** Run git as this user, who owns the tree. @default the owner of `dest`; for a new one the user who runs the task */
  owner: v.optional(accountName),
  /** For ssh URLs: `accept-new` records the server's key at the first contact. @default 'strict' */
  hostKeyChecking: v.optional(v.picklist(['strict', 'accept-new'])),
}

export type CheckoutArgs = ArgumentsOf<typeof schema>

/** What a later task may want to know. */
export interface CheckoutResult extends Outcome {
  /** The commit that is checked out, or would be. */
  readonly commit: string
  /** The one before; empty if there was none. */
  readonly before: string
}

type Kind = 'absent' | 'empty' | 'other' | 'repository'

interface CheckoutState {
  readonly git: boolean
  readonly kind: Kind
  /** The wished owner exists. */
  readonly user: boolean
  /** The tree belongs to somebody else: who. */
  readonly foreign: string
  readonly head: string
  readonly origin: string
  /** First lines of `git status`, and commits that no remote has. */
  readonly edits: readonly string[]
  /** A checkout of ours was killed. */
  readonly interrupted: boolean
  /** Submodules that are not at their commits. */
  readonly submodules: readonly string[]
  /** The commit that the version stands for; empty if the repository has no such version. */
  readonly wished: string
  /** What ls-remote said when it failed. */
  readonly complaint: string
}

/**
 * A work tree at a branch, tag or commit. For releases of an app see `release.deploy`.
 * @example git.checkout({ repo: 'https://git.example.org/site.git', dest: '/srv/site', version: 'main', notify: reload })
 */
export const checkout = defineResource<CheckoutArgs, CheckoutArgs, CheckoutState, CheckoutResult>({
  name: 'git.checkout',
  schema,
  describe: (args) => args.dest,
  prepare: (args) => ({ ...args, dest: plainPath(args.dest) }),
  // ls-remote asks the network: not ahead of its turn
  probeInTurn: true,
  probe: (wishes) => wishes.map(probeOne).join('\n'),
  parse: (stdout, wishes) => {
    const answers = stdout.split('== checkout\n').slice(1)
    return wishes.map((wish, index) => parseOne(answers[index] ?? stdout, wish))
  },
  plan: (state, wish) => {
    if (!state.git) return { unknown: 'git is not installed' }
    if (!state.user) return { unknown: `the user ${wish.owner} does not exist` }
    if (state.kind === 'other') return { refused: `${wish.dest} is there and is not a git work tree` }
    if (state.complaint) return { refused: `git ls-remote ${wish.repo} failed`, detail: state.complaint }
    if (state.wished === '') return { refused: `${wish.repo} has no branch, tag or commit '${wish.version ?? 'HEAD'}'` }
    const result = { commit: state.wished, before: state.head }
    const edited = state.edits.length > 0 && !state.interrupted
    const parts = [
      ...(state.head === state.wished ? [] : [`${short(state.head) || 'absent'} → ${short(state.wished)}`]),
      ...(state.kind === 'repository' && state.origin !== wish.repo ? [`origin ${state.origin} → ${wish.repo}`] : []),
      ...(state.interrupted ? ['a checkout was interrupted'] : []),
      ...(state.submodules.length > 0 ? [`submodules: ${state.submodules.join(', ')}`] : []),
      ...(state.foreign === '' ? [] : [`owner ${state.foreign} → ${wish.owner}`]),
      ...(edited && wish.force ? [`${state.edits.length} local changes thrown away`] : []),
    ]
    if (parts.length === 0)
      return { unchanged: `is at ${short(state.head)}${edited ? ', with local changes' : ''}`, result }
    if (edited && !wish.force) {
      return {
        refused: `${wish.dest} has local changes`,
        detail: state.edits.join('\n'),
        hint: 'Save them elsewhere, or set force: true to throw them away.',
      }
    }
    return { changes: [{ summary: parts.join('; '), steps: [{ script: update(wish, state.wished) }] }], result }
  },
})

/** Defines `as UID COMMAND…` and `git_as UID …`: git that never asks anything and gives up on a line that is dead. */
function asOwner(wish: CheckoutArgs): string {
  return sh`me=$(id -u)
as() {
  uid=$1; shift
  if [ "$uid" = "$me" ]; then "$@"; return; fi
  home=$(getent passwd "$uid" | cut -d : -f 6)
  gid=$(getent passwd "$uid" | cut -d : -f 4)
  setpriv --reuid="$uid" --regid="\${gid:-$uid}" --init-groups env HOME="\${home:-/}" "$@"
}
git_as() {
  who=$1; shift
  as "$who" env GIT_TERMINAL_PROMPT=0 GIT_HTTP_LOW_SPEED_LIMIT=100 GIT_HTTP_LOW_SPEED_TIME=60 GIT_SSH_COMMAND=${sshCommand(wish.hostKeyChecking)} git "$@"
}
dest=${wish.dest} repo=${wish.repo}
holder=$me
[ ! -e "$dest" ] || holder=$(stat -L -c %u -- "$dest")
owner=$holder`
}

function probeOne(wish: CheckoutArgs): string {
  const text = wish.version ?? 'HEAD'
  const wished = isCommit(text)
    ? sh`echo wished=${text}`
    : sh`if refs=$(git_as "$owner" ls-remote -- "$repo" ${referencesOf(text)} 2>&1); then printf '%s\\n' "$refs" | sed 's/^/ref=/'
else printf '%s\\n' "$refs" | sed 's/^/complaint=/'; fi`
  const submodules = wish.submodules
    ? `modules=$(git_as "$holder" -C "$dest" submodule status --recursive)
    printf '%s\\n' "$modules" | sed -n 's/^[-+U][0-9a-f]* \\([^ ]*\\).*/submodule=\\1/p'`
    : ':'
  return sh`echo "== checkout"
${raw(asOwner(wish))}
user=yes
${raw(wish.owner === undefined ? '' : sh`owner=$(id -u -- ${wish.owner} 2>/dev/null) || user=no`)}
echo "user=$user"
if ! command -v git >/dev/null; then echo git=no; else
  echo git=yes
  if [ -e "$dest/.git" ]; then
    echo kind=repository
    [ "$holder" = "$owner" ] || echo "foreign=$(stat -L -c %U -- "$dest")"
    head=$(git_as "$holder" -C "$dest" rev-parse --verify --quiet HEAD || :)
    echo "head=$head"
    echo "origin=$(git_as "$holder" -C "$dest" config remote.origin.url || :)"
    ! git_as "$holder" -C "$dest" rev-parse --verify --quiet refs/provision/next >/dev/null || echo interrupted=yes
    edits=$(git_as "$holder" -C "$dest" status --porcelain --untracked-files=no)
    [ -z "$head" ] || commits=$(git_as "$holder" -C "$dest" log --format='commit %h %s' --max-count=5 HEAD --not --remotes --tags --glob='refs/provision/*')
    [ -z "$edits" ] || printf '%s\\n' "$edits" | head -n 20 | sed 's/^/edit=/'
    [ -z "\${commits:-}" ] || printf '%s\\n' "$commits" | sed 's/^/edit=/'
    commits=
    ${raw(submodules)}
  elif [ ! -e "$dest" ] && [ ! -L "$dest" ]; then echo kind=absent
  elif [ -d "$dest" ] && [ -z "$(ls -A -- "$dest")" ]; then echo kind=empty
  else echo kind=other; fi
  [ $user = no ] || { ${raw(wished)}
  }
fi`
}

function parseOne(answer: string, wish: CheckoutArgs): CheckoutState {
  const all = (key: string) => [...answer.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')
  const one = (key: string) => all(key)[0] ?? ''
  const git = one('git')
  const kind = one('kind')
  if ((git !== 'yes' && git !== 'no') || (git === 'yes' && !isKind(kind)))
    throw new Error(`unexpected answer '${answer.slice(0, 60)}'`)
  return {
    git: git === 'yes',
    kind: isKind(kind) ? kind : 'absent',
    user: one('user') === 'yes',
    foreign: one('foreign'),
    head: one('head'),
    origin: one('origin'),
    edits: all('edit'),
    interrupted: one('interrupted') === 'yes',
    submodules: all('submodule'),
    wished: one('wished') || commitOf(all('ref').join('\n'), wish.version ?? 'HEAD'),
    complaint: all('complaint').join('\n'),
  }
}

function isKind(text: string): text is Kind {
  return ['absent', 'empty', 'other', 'repository'].includes(text)
}

function update(wish: CheckoutArgs, commit: string): string {
  const depth = wish.depth === undefined ? '' : sh`--depth ${wish.depth}`
  const text = wish.version ?? 'HEAD'
  const wanted = isCommit(text) ? commit : text
  return sh`${raw(asOwner(wish))}
umask 022
commit=${commit}
[ -d "$dest" ] || { mkdir -p -- "$(dirname -- "$dest")"; mkdir -- "$dest"; }
${raw(wish.owner === undefined ? '' : sh`owner=$(id -u -- ${wish.owner})\n[ "$holder" = "$owner" ] && [ "$(stat -L -c %u -- "$dest")" = "$owner" ] || chown -Rh -- ${wish.owner}: "$dest/"`)}
here() { git_as "$owner" -C "$dest" "$@"; }
has() { here cat-file -e "$commit^{commit}" 2>/dev/null; }
[ -e "$dest/.git" ] || here init --quiet
if here rev-parse --verify --quiet refs/provision/next >/dev/null; then rm -f -- "$dest/.git/index.lock"; fi
here config remote.origin.url "$repo"
here config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
has || here fetch --quiet --no-tags ${raw(depth)} origin ${wanted} || has || here fetch --quiet --force --tags origin
has || { echo "error: commit $commit is not in $repo" >&2; exit 1; }
here update-ref refs/provision/next "$commit"
here checkout --quiet --force --detach "$commit"
${raw(wish.submodules ? `here submodule --quiet sync --recursive\nhere submodule --quiet update --init --recursive --force ${depth}` : ':')}
here update-ref refs/provision/head "$commit"
here update-ref -d refs/provision/next`
}

function short(commit: string): string {
  return commit.slice(0, 12)
}
