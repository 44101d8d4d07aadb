// file.link: a symbolic link, replaced by rename(2) so that it is never absent. Reads with readlink(1).
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'

const schema = {
  /** Where the link is. */
  path: absolutePath,
  /** What it points to, as written in the link: absolute, or relative to the link's directory. It need not exist. */
  target: v.pipe(v.string(), v.nonEmpty('expected a path')),
  /** Replace a file or an empty directory that is in its place. @default false */
  force: v.optional(v.boolean()),
}

export type LinkArgs = ArgumentsOf<typeof schema>

type LinkState = { readonly kind: 'absent' | 'file' | 'directory' } | { readonly kind: 'link'; readonly target: string }

/**
 * A symbolic link.
 * @example file.link({ path: '/etc/nginx/sites-enabled/site', target: '../sites-available/site' })
 */
export const fileLink = defineResource<LinkArgs, LinkArgs, LinkState>({
  name: 'file.link',
  schema,
  describe: (args) => args.path,
  probe: (wishes) => sh`for path in ${wishes.map((wish) => wish.path)}; do
  if [ -L "$path" ]; then target=$(readlink -- "$path"; echo .); printf 'link %s\\n' "$(printf %s "$target" | base64 | tr -d '\\n')"
  elif [ -d "$path" ]; then echo directory
  elif [ -e "$path" ]; then echo file
  else echo absent; fi
done`,
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((_, index) => parseLine(lines[index] ?? ''))
  },
  plan: (state, { path, target, force }) => {
    if (state.kind === 'link' && state.target === target) return { unchanged: `points to ${target}` }
    if ((state.kind === 'file' || state.kind === 'directory') && !force) {
      return {
        refused: `${path} is a ${state.kind}, expected a link or nothing`,
        hint: 'Set force: true to replace it.',
      }
    }
    const before = state.kind === 'link' ? state.target : state.kind
    const clear = state.kind === 'directory' ? sh`rmdir -- ${path}\n` : ''
    return {
      changes: [
        {
          summary: `${before} → ${target}`,
          steps: [
            {
              script: `${clear}${sh`new=${path}.provision-new; rm -f -- "$new"; ln -s -- ${target} "$new"; mv -fT -- "$new" ${path}`}`,
            },
          ],
        },
      ],
    }
  },
})

function parseLine(line: string): LinkState {
  if (line === 'absent' || line === 'file' || line === 'directory') return { kind: line }
  if (!line.startsWith('link ')) throw new Error(`unexpected line '${line.slice(0, 60)}'`)
  return {
    kind: 'link',
    target: Buffer.from(line.slice(5), 'base64')
      .toString('utf8')
      .replace(/\n?\.$/, ''),
  }
}
