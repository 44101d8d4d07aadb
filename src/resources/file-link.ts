// file.link: a symbolic link, replaced by rename(2) so that it is never absent. Reads with readlink(1).
import { posix } from 'node:path'
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { fileArea, leadsElsewhere, treeArea } from './areas.ts'
import { type PathStatus, parseStatus, plainPath, refuseDenied, refuseOrphan, statusProbe } from './file-status.ts'

const schema = {
  /** Where the link is. */
  path: absolutePath,
  /** What it points to, as written in the link: absolute, or relative to the link's directory. It need not exist. */
  target: v.pipe(v.string(), v.nonEmpty('expected a path')),
  /** Replace a file or an empty directory that is in its place. @default false */
  force: v.optional(v.boolean()),
}

export type LinkArgs = ArgumentsOf<typeof schema>

interface LinkState {
  readonly status: PathStatus
  /** What a link points to. */
  readonly target: string
}

/**
 * A symbolic link.
 * @example file.link({ path: '/etc/nginx/sites-enabled/site', target: '../sites-available/site' })
 */
export const fileLink = defineResource<LinkArgs, LinkArgs, LinkState>({
  name: 'file.link',
  schema,
  describe: (args) => args.path,
  prepare: (args) => ({ ...args, path: plainPath(args.path) }),
  probe: (wishes) =>
    [
      statusProbe(
        wishes.map((wish) => wish.path),
        wishes.map(() => false),
      ),
      // the dot keeps a line break at the end of a target
      ...wishes.map(
        ({ path }, index) =>
          sh`[ ! -L ${path} ] || { target=$(readlink -- ${path}; echo .); echo ${`target ${index}`} "$(printf %s "$target" | base64 | tr -d '\\n')"; }`,
      ),
    ].join('\n'),
  parse: (stdout, wishes) => {
    const targets = new Map(
      [...stdout.matchAll(/^target (\d+) (.*)$/gm)].map(([, index, encoded = '']) => [
        Number(index),
        Buffer.from(encoded, 'base64').toString('utf8').replace(/\n\.$/, ''),
      ]),
    )
    return parseStatus(
      stdout,
      wishes.map((wish) => wish.path),
    ).map((status, index) => {
      const target = targets.get(index)
      if (status.link && target === undefined) throw new Error(`${wishes[index]?.path} is a link that cannot be read`)
      return { status, target: target ?? '' }
    })
  },
  plan: (state, { path, target, force }, context) => {
    const { status } = state
    if (status.type === 'denied' && !status.link) return refuseDenied(path)
    const before = status.link ? state.target : status.type === 'other' ? 'file' : status.type
    if (status.link && state.target === target) return { unchanged: `points to ${target}` }
    if (!status.link && status.type !== 'absent' && !force) {
      return {
        refused: `${path} is a ${before}, expected a link or nothing`,
        hint: 'Set force: true to replace it.',
      }
    }
    const orphan = refuseOrphan(status, path, context)
    if (orphan) return orphan
    const clear =
      before === 'directory' && !status.link
        ? sh`rmdir -- ${path} 2>/dev/null || { echo "error: the directory "${path}" is not empty" >&2; exit 1; }\n`
        : ''
    return { changes: [{ summary: `${before} → ${target}`, steps: [{ script: clear + place(path, target) }] }] }
  },
  // what is below a link is elsewhere, and may be elsewhere after
  footprint: ({ path }) =>
    leadsElsewhere(path) ? {} : { reads: [fileArea(path), fileArea(posix.dirname(path))], alters: [treeArea(path)] },
})

/** Under a hidden name first: directories of links are read by pattern while we work. */
function place(path: string, target: string): string {
  const directory = posix.dirname(path)
  return sh`[ -d ${directory} ] || { echo "error: the directory "${directory}" does not exist" >&2; exit 1; }
new=${posix.join(directory, `.${posix.basename(path)}.provision-new`)}
rm -f -- "$new"
ln -s -- ${target} "$new"
mv -fT -- "$new" ${path}`
}
