// The releases that a host has, as `release.deploy` left them: which ones, and making one of them the current one.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import type { ReleasesOutcome } from '../core/role.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'

const path = absolutePath
const schema = {
  /** The directory given to `release.deploy`. */
  path,
}
const currentSchema = {
  /** The directory given to `release.deploy`. */
  path,
  /** Identity of a release that is kept there: a commit, or a checksum. */
  release: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/, 'expected the identity of a release, in full')),
}

export type KeptArgs = ArgumentsOf<typeof schema>
export type CurrentArgs = ArgumentsOf<typeof currentSchema>

interface KeptState {
  readonly release: string | undefined
  readonly previous: string | undefined
  /** The newest first. */
  readonly kept: readonly string[]
}

function probe(wishes: readonly { readonly path: string }[]): string {
  const scripts = wishes.map(
    (wish) => sh`echo '== releases'
path=${wish.path}
echo "current=$(readlink -- "$path/current" 2>/dev/null || :)"
echo "previous=$(readlink -- "$path/previous" 2>/dev/null || :)"
[ ! -d "$path/releases" ] || ls -1t -- "$path/releases" | sed 's/^/release=/'`,
  )
  return scripts.join('\n')
}

function parse(stdout: string, wishes: readonly { readonly path: string }[]): KeptState[] {
  const answers = stdout.split('== releases\n').slice(1)
  return wishes.map((_, index) => {
    const answer = answers[index] ?? ''
    const all = (key: string) => [...answer.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')
    const kept = all('release').filter((name) => /^[0-9a-f]{40,64}$/.test(name))
    const [current, previous] = [all('current')[0], all('previous')[0]]
    if (current === undefined || previous === undefined)
      throw new TypeError(`expected the releases, found '${answer.slice(0, 80)}'`)
    const idOf = (target: string) =>
      kept.find((id) => target === `releases/${id}` || target.endsWith(`/releases/${id}`))
    const release = idOf(current)
    return { release, previous: idOf(previous) === release ? undefined : idOf(previous), kept }
  })
}

/**
 * Which releases a host has; changes nothing. For a role's `rollback`.
 * @example release.kept({ path: '/srv/app' })
 */
export const kept = defineResource<KeptArgs, KeptArgs, KeptState, ReleasesOutcome>({
  name: 'release.kept',
  schema,
  describe: (args) => args.path,
  probe,
  parse,
  plan: (state) => ({
    unchanged: state.release ? `${short(state.release)} of ${state.kept.length}` : 'none',
    result: state,
  }),
  readOnly: true,
})

/**
 * Makes a release that is kept on the host the current one, without its source: a rollback. Restart the app by a handler.
 * The next `release.deploy` deploys what its source says, as always.
 * @example release.current({ path: '/srv/app', release: '3f786850e387550fdab836ed7e6dc881de23001b', notify: restart })
 */
export const current = defineResource<CurrentArgs, CurrentArgs, KeptState>({
  name: 'release.current',
  schema: currentSchema,
  describe: (args) => `${args.path} ${short(args.release)}`,
  probe,
  parse,
  plan: (state, wish) => {
    if (!state.kept.includes(wish.release)) {
      const others = state.kept.map(short).join(', ')
      return {
        refused: `${wish.path} has no release ${short(wish.release)}`,
        hint: others ? `It has ${others}.` : 'It has none: nothing was deployed there.',
      }
    }
    if (state.release === wish.release) return { unchanged: `release ${short(wish.release)} is current` }
    const before = state.release ? short(state.release) : 'absent'
    return { changes: [{ summary: `release ${before} → ${short(wish.release)}`, steps: [{ script: switchTo(wish) }] }] }
  },
})

/** What was current is not `previous` then: from a release that one went back to there is no way back but a new deployment. */
function switchTo(wish: CurrentArgs): string {
  return sh`path=${wish.path}
touch -- "$path/releases/"${wish.release}
rm -f -- "$path/.current.new"
ln -s -- releases/${wish.release} "$path/.current.new"
rm -f -- "$path/previous"
mv -fT -- "$path/.current.new" "$path/current"`
}

function short(id: string): string {
  return id.slice(0, 12)
}
