// file.directory: a directory with its mode and owner. Reads with stat(1) and find(1).
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, mode } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'
import { planOfChanges } from './file-content.ts'
import { attributeChanges, type PathStatus, parseStatus, statusProbe } from './file-status.ts'

const schema = {
  /** The directory. Missing ones above it are made with the default mode. */
  path: absolutePath,
  /** Octal mode as text, for example '0750' or '02775'. @default as it is; '0755' for a new one */
  mode: v.optional(mode),
  /** Name or number of the owner. @default as it is; root for a new one */
  owner: v.optional(v.string()),
  /** Name or number of the group. @default as it is; root for a new one */
  group: v.optional(v.string()),
  /** Give owner and group to everything below too; links are not followed. @default false */
  recurse: v.optional(v.boolean()),
}

export type DirectoryArgs = ArgumentsOf<typeof schema>

interface DirectoryState {
  readonly status: PathStatus
  /** Something below belongs to somebody else. */
  readonly foreign: boolean
}

/**
 * A directory with this mode and owner.
 * @example file.directory({ path: '/srv/app', mode: '0750', owner: 'app', group: 'app' })
 */
export const fileDirectory = defineResource<DirectoryArgs, DirectoryArgs, DirectoryState>({
  name: 'file.directory',
  schema,
  check: (args) => {
    if (args.recurse && args.owner === undefined && args.group === undefined)
      return "'recurse' needs 'owner' or 'group'"
    return undefined
  },
  describe: (args) => args.path,
  probe: (wishes) =>
    [
      statusProbe(
        wishes.map((wish) => wish.path),
        wishes.map(() => false),
      ),
      ...wishes.flatMap((wish, index) => {
        if (!wish.recurse) return []
        const user = wish.owner === undefined ? '' : sh`! -user ${wish.owner}`
        const group = wish.group === undefined ? '' : sh`! -group ${wish.group}`
        const tests = user && group ? `'(' ${user} -o ${group} ')'` : user || group
        return [
          sh`[ ! -d ${wish.path} ] || [ -z "$(find ${wish.path} -mindepth 1 ${raw(tests)} -print -quit 2>/dev/null)" ] || echo ${`foreign ${index}`}`,
        ]
      }),
    ].join('\n'),
  parse: (stdout, wishes) => {
    const foreign = new Set([...stdout.matchAll(/^foreign (\d+)$/gm)].map((match) => Number(match[1])))
    return parseStatus(stdout, wishes.length).map((status, index) => ({ status, foreign: foreign.has(index) }))
  },
  plan: ({ status, foreign }, wish) => {
    const { path } = wish
    if (status.type === 'absent') {
      const made = sh`[ ! -L ${path} ] || { echo "error: "${path}" is a link to nothing" >&2; exit 1; }
umask 022; mkdir -p -- ${path}`
      const owned = ownership(wish)
      return {
        changes: [
          {
            summary: 'absent → present',
            steps: [
              {
                script: [made, owned && sh`chown ${raw(owned)} -- ${path}`, sh`chmod ${wish.mode ?? '0755'} -- ${path}`]
                  .filter(Boolean)
                  .join('\n'),
              },
            ],
          },
        ],
      }
    }
    if (status.type !== 'directory')
      return {
        refused: `${path} is ${status.type === 'file' ? 'a file' : 'neither a file nor a directory'}, expected a directory`,
      }
    const changes = attributeChanges(status, wish, path).map(({ summary, script }) => ({
      summary,
      steps: [{ script }],
    }))
    if (foreign)
      changes.push({
        summary: `below: other owners → ${[wish.owner, wish.group].filter(Boolean).join(':')}`,
        steps: [{ script: sh`chown -Rh ${raw(ownership(wish))} -- ${path}` }],
      })
    return planOfChanges(changes, 'is a directory with these attributes')
  },
})

/** `owner:group` as one quoted word; empty if neither is given. */
function ownership({ owner, group }: DirectoryArgs): string {
  if (owner === undefined && group === undefined) return ''
  return sh`${`${owner ?? ''}${group === undefined ? '' : `:${group}`}`}`
}
