// The state that file.file and file.template share: content, mode and owner of a file. Reads with stat(1) and sha256sum(1);
// writes by src/shell/atomic-write.ts.
import * as v from 'valibot'
import type { Change, Diff, Plan, PlanContext } from '../core/resource.ts'
import { mode } from '../core/schema.ts'
import { atomicWrite, checksTree, heldFunction } from '../shell/atomic-write.ts'
import { sh } from '../shell/quote.ts'
import type { Source } from './file-source.ts'
import { maskBefore } from './file-source.ts'
import {
  type Attributes,
  attributeChanges,
  filePath,
  type PathStatus,
  parseStatus,
  planOfChanges,
  refuseDenied,
  refuseOrphan,
  statusProbe,
} from './file-status.ts'

/** Arguments of resources that own a whole file. */
export const contentSchema = {
  /** Where it goes on the host. A symbolic link is followed. Its directory must be there. */
  dest: filePath,
  /** Octal mode as text. @default the present file's; '0644' for a new one, '0600' if it holds a secret */
  mode: v.optional(mode),
  /** Name or number of the owner. @default the present file's; root for a new one */
  owner: v.optional(v.string()),
  /** Name or number of the group. @default the present file's; root for a new one */
  group: v.optional(v.string()),
  /**
   * Shell command that must succeed. With `%s` it checks the new file before it takes its place (`'visudo -cf %s'`);
   * without, the whole configuration with the new file in place (`'nginx -t'`): if it fails the previous file comes back,
   * and if the run is killed meanwhile, the next one checks again.
   */
  validate: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Keep the previous file beside it as `DEST.YYYYMMDDTHHMMSS~`. @default false */
  backup: v.optional(v.boolean()),
  /** `false`: only create it; a file that is there stays as it is. @default true */
  force: v.optional(v.boolean()),
}

/** A file as it shall be. */
export interface FileWish extends Attributes, Source {
  readonly dest: string
  readonly validate?: string | undefined
  readonly backup?: boolean | undefined
  readonly force?: boolean | undefined
}

/** A file as it is. */
export interface FileState {
  readonly status: PathStatus
  /** The present text, if it differs and may be shown. */
  readonly before: string | undefined
  /** A validation of an earlier run never ended. */
  readonly held: boolean
}

/** Texts over this many bytes are not fetched for a diff. */
const largestDiff = 64 * 1024

/** `present INDEX CHECKSUM PATH` takes the file's checksum off the list and prints the content if it is another; no checksum = never. */
const presentFunction = sh`present() {
  kind=\${kinds%% *}; kinds=\${kinds#* }
  case $kind in f*) sum=\${sums%%"$newline"*}; sums=\${sums#*"$newline"} ;; *) return 0 ;; esac
  [ -n "$2" ] && [ "$sum" != "sha256 $2" ] && [ "$(stat -L -c %s -- "$3")" -le ${largestDiff} ] || return 0
  echo "before $1 $(base64 <"$3" | tr -d '\\n')"
}
newline='
'
kinds="\${kinds# } "`

export function probeFiles(wishes: readonly FileWish[]): string {
  const paths = wishes.map((wish) => wish.dest)
  const held = wishes.flatMap((wish, index) =>
    checksTree(wish.validate) ? [sh`! held ${wish.dest} || echo ${`held ${index}`}`] : [],
  )
  return [
    statusProbe(
      paths,
      paths.map(() => true),
    ),
    presentFunction,
    ...wishes.map(({ text, sha256, dest }, index) => sh`present ${index} ${text === undefined ? '' : sha256} ${dest}`),
    ...(held.length > 0 ? [heldFunction, ...held] : []),
  ].join('\n')
}

export function parseFiles(stdout: string, wishes: readonly FileWish[]): FileState[] {
  const statuses = parseStatus(
    stdout,
    wishes.map((wish) => wish.dest),
  )
  const before = new Map<number, string>()
  const held = new Set<number>()
  for (const line of stdout.split('\n')) {
    const [word, index, encoded = ''] = line.split(' ')
    if (word === 'before') before.set(Number(index), Buffer.from(encoded, 'base64').toString('utf8'))
    if (word === 'held') held.add(Number(index))
  }
  return statuses.map((status, index) => ({ status, before: before.get(index), held: held.has(index) }))
}

export function planFile({ status, before, held }: FileState, wish: FileWish, context: PlanContext): Plan {
  const { dest } = wish
  if (status.type === 'denied') return refuseDenied(dest)
  if (status.type === 'directory') return { refused: `${dest} is a directory, expected a file` }
  if (status.type === 'other')
    return { refused: `${dest} is neither a file nor a directory (a device or socket), expected a file` }
  const orphan = refuseOrphan(status, dest, context)
  if (orphan) return orphan
  const absent = status.type === 'absent'
  const differs = absent || status.sha256 !== wish.sha256
  if (wish.force === false && !absent && !held) return { unchanged: 'is there, and force is false' }
  const attributes = absent ? [] : attributeChanges(status, wish, dest)
  if (!differs && !held) return planOfChanges(attributes, 'content and attributes match')
  const mode = wish.mode ?? (absent && wish.secret ? '0600' : undefined)
  const write: Change = {
    summary: summaryOf(wish, absent, differs),
    diff: diffOf(wish, absent ? '' : before),
    steps: [{ script: atomicWrite({ ...wish, mode, path: dest }), input: wish.input }],
  }
  // the write brings them along
  return { changes: [write, ...attributes.map(({ summary }) => ({ summary, steps: [] }))] }
}

function summaryOf(wish: FileWish, absent: boolean, differs: boolean): string {
  if (absent) return 'absent → present'
  if (!differs) return 'validation was interrupted'
  return `content differs${wish.hidden ? ` (${wish.hidden})` : ''}`
}

function diffOf(wish: FileWish, before: string | undefined): Diff | undefined {
  if (wish.text === undefined || before === undefined || wish.text.length > 4 * largestDiff) return undefined
  return { label: wish.dest, before: maskBefore(before, wish.text, wish.masks), after: wish.text }
}
