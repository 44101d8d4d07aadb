// file.directory: a directory with its mode and owner. Reads with stat(1) and find(1).
import { posix } from 'node:path'
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, mode } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'
import { areasAbove, fileArea, groupArea, leadsElsewhere, treeArea, userArea } from './areas.ts'
import {
  attributeChanges,
  ownerWord,
  type PathStatus,
  parseStatus,
  plainPath,
  planOfChanges,
  refuseDenied,
  statusProbe,
} from './file-status.ts'

const schema = {
  /** The directory. Missing ones above it are made with mode 0755 and root's. A link to a directory counts as one. */
  path: absolutePath,
  /** Octal mode as text, for example '0750' or '02775'. @default as it is; '0755' for a new one */
  mode: v.optional(mode),
  /** Name or number of the owner. @default as it is; root for a new one */
  owner: v.optional(v.string()),
  /** Name or number of the group. @default as it is; root for a new one, or the directory's above it if that has the setgid bit */
  group: v.optional(v.string()),
  /** Give owner and group to everything below too; links are not followed, and modes stay. @default false */
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
  prepare: (args) => ({ ...args, path: plainPath(args.path) }),
  probe: (wishes) =>
    [
      statusProbe(
        wishes.map((wish) => wish.path),
        wishes.map(() => false),
      ),
      // a user that does not exist yet owns nothing, which find tells by failing
      ...wishes.flatMap((wish, index) =>
        wish.recurse
          ? [
              sh`[ ! -d ${wish.path} ] || ! found=$(find ${inside(wish.path)} -mindepth 1 ${raw(foreign(wish))} -print -quit 2>/dev/null) || [ -z "$found" ] || echo ${`foreign ${index}`}`,
            ]
          : [],
      ),
    ].join('\n'),
  parse: (stdout, wishes) => {
    const found = new Set([...stdout.matchAll(/^foreign (\d+)$/gm)].map((match) => Number(match[1])))
    return parseStatus(
      stdout,
      wishes.map((wish) => wish.path),
    ).map((status, index) => ({ status, foreign: found.has(index) }))
  },
  plan: (state, wish) => {
    const { path } = wish
    const { status } = state
    if (status.type === 'denied') return refuseDenied(path)
    if (status.type === 'absent') {
      if (status.link) return { refused: `${path} is a link to nothing, expected a directory` }
      return { changes: [{ summary: 'absent → present', steps: [{ script: make(wish) }] }] }
    }
    if (status.type !== 'directory') {
      const what = status.type === 'file' ? 'a file' : 'neither a file nor a directory'
      return { refused: `${path} is ${what}, expected a directory` }
    }
    const changes = attributeChanges(status, wish, path)
    if (state.foreign) {
      changes.push({
        summary: `below: other owners → ${ownerWord(wish)}`,
        steps: [
          {
            script: sh`find ${inside(path)} -mindepth 1 ${raw(foreign(wish))} -exec chown -h -- ${ownerWord(wish)} {} +`,
          },
        ],
      })
    }
    return planOfChanges(changes, 'is a directory with these attributes')
  },
  footprint: ({ path, owner, group, recurse }, state) => {
    if (leadsElsewhere(path)) return {}
    return {
      reads: [
        recurse ? treeArea(path) : fileArea(path),
        ...(owner === undefined ? [] : [userArea(owner)]),
        ...(group === undefined ? [] : [groupArea(group)]),
      ],
      // a new one is empty, but it and missing ones above may be where other things shall go
      alters: state?.status.type === 'absent' ? [fileArea(path), ...areasAbove(path)] : [treeArea(path)],
    }
  },
})

/** Closed to all others until it has its owner. */
function make(wish: DirectoryArgs): string {
  const { path } = wish
  const owner = ownerWord(wish)
  return [
    sh`umask 022
mkdir -p -- ${posix.dirname(path)}`,
    sh`( umask 077; mkdir -- ${path} )`,
    owner && sh`chown -- ${owner} ${path}`,
    sh`chmod ${wish.mode === undefined ? '0755' : wish.mode.padStart(5, '0')} -- ${path}`,
  ]
    .filter(Boolean)
    .join('\n')
}

/** With a slash at the end find enters the directory even if the path is a link to it. */
function inside(path: string): string {
  return path === '/' ? path : `${path}/`
}

/** The test of find(1) for what belongs to others. */
function foreign({ owner, group }: DirectoryArgs): string {
  const user = owner === undefined ? '' : sh`! -user ${owner}`
  const team = group === undefined ? '' : sh`! -group ${group}`
  return user && team ? `'(' ${user} -o ${team} ')'` : user || team
}
