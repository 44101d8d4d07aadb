// file.line and file.block: a line or a marked block in a file that others own too. The file is read whole and edited here;
// written by src/shell/atomic-write.ts.
import * as v from 'valibot'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, mode } from '../core/schema.ts'
import { atomicWrite } from '../shell/atomic-write.ts'
import { withBlock, withLine, withoutLine } from './text-edit.ts'
import { contentOf, fileOf, parseTextFiles, type TextFile, textFilesProbe } from './text-file.ts'

const pattern = v.pipe(
  v.union([v.string(), v.instance(RegExp)], 'expected a regular expression'),
  v.check((value) => typeof value !== 'string' || compiles(value), 'expected a regular expression (JavaScript syntax)'),
)

const common = {
  /** The file on the host. */
  path: absolutePath,
  /** Make the file if it is not there. @default false */
  create: v.optional(v.boolean()),
  /** Mode of a file that is created. @default '0644' */
  mode: v.optional(mode),
  /** Put it after the last line that matches, if it is not there yet. @default at the end */
  insertAfter: v.optional(pattern),
  /** Put it before the first line that matches, if it is not there yet. */
  insertBefore: v.optional(pattern),
  /** Shell command that must succeed, as of `file.file`. */
  validate: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Keep the previous file. @default false */
  backup: v.optional(v.boolean()),
  /** @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

const lineSchema = {
  ...common,
  /** The whole line, without line break. */
  line: v.optional(
    v.pipe(
      v.string(),
      v.check((line) => !/[\r\n]/.test(line), 'expected one line'),
    ),
  ),
  /** JavaScript regular expression, tried on each line: the *last* line that matches becomes `line`; with `absent` all that match go. */
  match: v.optional(pattern),
}

const blockSchema = {
  ...common,
  /** The lines; empty removes the block. */
  block: v.string(),
  /** Name of the block in its markers, unique in the file. */
  marker: v.pipe(v.string(), v.regex(/^[^\r\n]+$/, 'expected a name in one line')),
  /** Start of a comment in this file's language. @default '#' */
  comment: v.optional(v.string()),
}

export type LineArgs = ArgumentsOf<typeof lineSchema>
export type BlockArgs = ArgumentsOf<typeof blockSchema>
type CommonArgs = Pick<LineArgs, 'path' | 'create' | 'mode' | 'validate' | 'backup' | 'insertAfter' | 'insertBefore'>

/**
 * One line of a file that other hands edit too. Where you own the whole file, prefer `file.template`.
 * @example file.line({ path: '/etc/login.defs', match: '^UMASK', line: 'UMASK 027' })
 */
export const fileLine = defineResource<LineArgs, LineArgs, TextFile>({
  name: 'file.line',
  schema: lineSchema,
  check: (args) => {
    if (args.insertAfter !== undefined && args.insertBefore !== undefined)
      return "'insertAfter' and 'insertBefore' are both given; expected one of them"
    if (args.state === 'absent')
      return args.line === undefined && args.match === undefined ? "neither 'line' nor 'match' is given" : undefined
    return args.line === undefined ? "option 'line' is missing" : undefined
  },
  describe: (args) => `${args.path} ${args.line ?? String(args.match)}`,
  probe: probeAll,
  parse: parseAll,
  plan: (file, wish) => {
    const match = wish.match === undefined ? undefined : expression(wish.match)
    const edit = (content: string): string =>
      wish.state === 'absent'
        ? withoutLine(content, wish.line, match)
        : withLine(content, wish.line ?? '', match, placeOf(wish))
    return planEdit(file, wish, edit, wish.state === 'absent')
  },
})

/**
 * Lines between two marker lines of a file that other hands edit too.
 * @example file.block({ path: '/etc/hosts', marker: 'peers', block: '192.0.2.11 web1\n192.0.2.12 web2' })
 */
export const fileBlock = defineResource<BlockArgs, BlockArgs, TextFile>({
  name: 'file.block',
  schema: blockSchema,
  check: (args) =>
    args.insertAfter !== undefined && args.insertBefore !== undefined
      ? "'insertAfter' and 'insertBefore' are both given; expected one of them"
      : undefined,
  describe: (args) => `${args.path} ${args.marker}`,
  probe: probeAll,
  parse: parseAll,
  plan: (file, wish) => {
    const comment = wish.comment ?? '#'
    const markers = {
      begin: `${comment} BEGIN provision ${wish.marker}`,
      end: `${comment} END provision ${wish.marker}`,
    }
    const block = wish.state === 'absent' ? '' : wish.block
    return planEdit(file, wish, (content) => withBlock(content, block, markers, placeOf(wish)), block === '')
  },
})

function probeAll(wishes: readonly { path: string }[]): string {
  return textFilesProbe(wishes.map((wish) => wish.path))
}

function parseAll(stdout: string, wishes: readonly { path: string }[]): TextFile[] {
  const files = parseTextFiles(stdout)
  return wishes.map((wish) => fileOf(files, wish.path))
}

function planEdit(file: TextFile, wish: CommonArgs, edit: (content: string) => string, removes: boolean): Plan {
  if (file.kind === 'other') return { refused: `${wish.path} is ${file.what}, expected a file` }
  if (file.kind === 'absent') {
    if (removes) return { unchanged: `${wish.path} is absent` }
    if (!wish.create) return { unknown: `${wish.path} does not exist (create: true makes it)` }
  }
  const before = contentOf(file)
  const after = edit(before)
  if (after === before && file.kind === 'file') return { unchanged: removes ? 'is not there' : 'is there' }
  const write = atomicWrite({
    path: wish.path,
    mode: file.kind === 'absent' ? wish.mode : undefined,
    validate: wish.validate,
    backup: wish.backup,
  })
  const summary = file.kind === 'absent' ? 'absent → present' : summaryOf(before, after)
  return { changes: [{ summary, diff: { label: wish.path, before, after }, steps: [{ script: write, input: after }] }] }
}

/** One changed line says itself; more are left to the diff. */
function summaryOf(before: string, after: string): string {
  const old = before.replace(/\n$/, '').split('\n')
  const fresh = after.replace(/\n$/, '').split('\n')
  const more = fresh.length - old.length
  if (more !== 0)
    return `${Math.abs(more)} ${Math.abs(more) === 1 ? 'line' : 'lines'} ${more > 0 ? 'added' : 'removed'}`
  const differing = fresh.flatMap((line, index) => (line === old[index] ? [] : [`'${old[index]}' → '${line}'`]))
  return differing.length === 1 ? (differing[0] ?? '') : `${differing.length} lines differ`
}

function placeOf(wish: CommonArgs): { after: RegExp | undefined; before: RegExp | undefined } {
  const of = (value: string | RegExp | undefined) => (value === undefined ? undefined : expression(value))
  return { after: of(wish.insertAfter), before: of(wish.insertBefore) }
}

/** Without the global flag: a global expression remembers where it stopped. */
function expression(value: string | RegExp): RegExp {
  return typeof value === 'string' ? new RegExp(value) : new RegExp(value.source, value.flags.replace(/[gy]/g, ''))
}

function compiles(source: string): boolean {
  try {
    new RegExp(source)
    return true
  } catch {
    return false
  }
}
