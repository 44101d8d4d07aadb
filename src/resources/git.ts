// git.checkout: a work tree at a version of a repository. Reads with git-rev-parse(1), git-status(1) and git-ls-remote(1), as the owner of
// the tree, since git refuses "dubious ownership".
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, accountName } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { raw, sh } from '../shell/quote.ts'

const schema = {
  /** URL or path of the repository, as the host reaches it. */
  repo: v.pipe(v.string(), v.nonEmpty('expected a URL or path')),
  /** Where the work tree goes. */
  dest: absolutePath,
  /** Branch, tag or full commit. A branch is followed. @default the repository's HEAD */
  version: v.optional(v.pipe(v.string(), v.regex(/^[^-\s][^\s]*$/, 'expected a branch, tag or commit'))),
  /** Throw local changes of tracked files away. @default false: refused */
  force: v.optional(v.boolean()),
  /** Commits of history to fetch. @default all */
  depth: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Check submodules out too. @default false */
  submodules: v.optional(v.boolean()),
  /** Run git as this user, who owns the tree. @default the owner of `dest`, root for a new one */
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

interface CheckoutState {
  readonly git: boolean
  readonly kind: 'absent' | 'empty' | 'other' | 'repository'
  readonly head: string
  readonly origin: string
  /** First lines of `git status`. */
  readonly edits: readonly string[]
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
  // ls-remote asks the network: not ahead of its turn
  probeInTurn: true,
  probe: (wishes) => wishes.map(probeOne).join('\n'),
  parse: (stdout, wishes) => {
    const answers = stdout.split('== checkout\n').slice(1)
    return wishes.map((_, index) => parseOne(answers[index] ?? ''))
  },
  plan: (state, wish) => {
    const version = wish.version ?? 'HEAD'
    if (!state.git) return { unknown: 'git is not installed' }
    if (state.kind === 'other') return { refused: `${wish.dest} is there and is not a git work tree` }
    if (state.complaint) return { refused: `git ls-remote ${wish.repo} failed`, detail: state.complaint }
    if (state.wished === '') return { refused: `${wish.repo} has no branch, tag or commit '${version}'` }
    const result = { commit: state.wished, before: state.head }
    const edited = state.edits.length > 0
    const moved = state.origin !== wish.repo && state.kind === 'repository'
    if (state.head === state.wished && !moved && !(edited && wish.force)) {
      return { unchanged: `is at ${short(state.head)}${edited ? ', with local changes' : ''}`, result }
    }
    if (edited && !wish.force) {
      return {
        refused: `${wish.dest} has local changes`,
        detail: state.edits.join('\n'),
        hint: 'Commit them, or set force: true to throw them away.',
      }
    }
    const parts = [
      ...(state.head === state.wished ? [] : [`${short(state.head) || 'absent'} → ${short(state.wished)}`]),
      ...(moved ? [`origin ${state.origin} → ${wish.repo}`] : []),
      ...(edited ? [`${state.edits.length} local changes thrown away`] : []),
    ]
    return { changes: [{ summary: parts.join('; '), steps: [{ script: update(wish, state.wished) }] }], result }
  },
})

/** Defines `git_as_owner`: git as the owner of the tree, never asking anything. */
function asOwner(wish: CheckoutArgs): string {
  const ssh = `ssh -o BatchMode=yes -o StrictHostKeyChecking=${wish.hostKeyChecking === 'accept-new' ? 'accept-new' : 'yes'}`
  return sh`dest=${wish.dest} owner=${wish.owner ?? ''}
[ -n "$owner" ] || { [ ! -e "$dest" ] || owner=$(stat -c %U -- "$dest"); }
git_as_owner() {
  set -- env GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=${ssh} git "$@"
  if [ -n "$owner" ] && [ "$owner" != "$(id -un)" ]; then setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups env HOME="$(getent passwd "$owner" | cut -d : -f 6)" "$@"; else "$@"; fi
}`
}

function probeOne(wish: CheckoutArgs): string {
  const version = wish.version ?? 'HEAD'
  const wished = /^[0-9a-f]{40}$/.test(version)
    ? sh`echo wished=${version}`
    : sh`if refs=$(git_as_owner ls-remote -- ${wish.repo} ${version === 'HEAD' ? ['HEAD'] : [`refs/heads/${version}`, `refs/tags/${version}`, `refs/tags/${version}^{}`]} 2>&1); then printf '%s\\n' "$refs" | sed 's/^/ref=/'
else printf '%s\\n' "$refs" | sed 's/^/complaint=/'; fi`
  return sh`echo "== checkout"
${raw(asOwner(wish))}
if ! command -v git >/dev/null; then echo git=no; else
  echo git=yes
  if [ -e "$dest/.git" ]; then
    echo kind=repository
    echo "head=$(git_as_owner -C "$dest" rev-parse --verify --quiet HEAD || :)"
    echo "origin=$(git_as_owner -C "$dest" config remote.origin.url || :)"
    git_as_owner -C "$dest" status --porcelain --untracked-files=no | head -n 20 | sed 's/^/edit=/'
  elif [ ! -e "$dest" ]; then echo kind=absent
  elif [ -d "$dest" ] && [ -z "$(ls -A -- "$dest")" ]; then echo kind=empty
  else echo kind=other; fi
  ${raw(wished)}
fi`
}

function parseOne(answer: string): CheckoutState {
  const all = (key: string) => [...answer.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')
  const one = (key: string) => all(key)[0] ?? ''
  const git = one('git')
  if (git !== 'yes' && git !== 'no') throw new Error(`unexpected answer '${answer.slice(0, 60)}'`)
  const refs = all('ref').filter(Boolean)
  // an annotated tag stands for the commit behind it, which comes as ^{}
  const ref = refs.find((line) => line.endsWith('^{}')) ?? refs[0] ?? ''
  return {
    git: git === 'yes',
    kind: (one('kind') || 'absent') as CheckoutState['kind'],
    head: one('head'),
    origin: one('origin'),
    edits: all('edit'),
    wished: one('wished') || (ref.split('\t')[0] ?? ''),
    complaint: all('complaint').join('\n'),
  }
}

function update(wish: CheckoutArgs, commit: string): string {
  const depth = wish.depth === undefined ? '' : sh`--depth ${wish.depth}`
  const version = wish.version ?? 'HEAD'
  const owned = wish.owner === undefined ? '' : sh`chown -- ${wish.owner}: "$dest"`
  return sh`${raw(asOwner(wish))}
umask 022
if [ ! -e "$dest/.git" ]; then
  mkdir -p -- "$dest"
  ${raw(owned)}
  git_as_owner -C "$dest" init --quiet
fi
git_as_owner -C "$dest" config remote.origin.url ${wish.repo}
git_as_owner -C "$dest" config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
git_as_owner -C "$dest" cat-file -e ${`${commit}^{commit}`} 2>/dev/null ||
  git_as_owner -C "$dest" fetch --quiet ${raw(depth)} --no-tags origin ${version} ||
  git_as_owner -C "$dest" fetch --quiet --tags origin
git_as_owner -C "$dest" cat-file -e ${`${commit}^{commit}`} 2>/dev/null || { echo "error: commit "${commit}" is not in "${wish.repo} >&2; exit 1; }
git_as_owner -C "$dest" checkout --quiet --force --detach ${commit}
${raw(wish.submodules ? 'git_as_owner -C "$dest" submodule --quiet update --init --recursive' : ':')}`
}

function short(commit: string): string {
  return commit.slice(0, 12)
}
