// What file.line and file.block share: a file that others own too is read whole, edited by src/resources/text-edit.ts on the
// controller, and written by src/shell/atomic-write.ts.
import * as v from 'valibot'
import type { Plan, PlanContext } from '../core/resource.ts'
import { mode } from '../core/schema.ts'
import { atomicWrite, checksTree, heldFunction } from '../shell/atomic-write.ts'
import { sh } from '../shell/quote.ts'
import { parseContents, printContents } from './file-contents.ts'
import { maskBefore, type SecretLine } from './file-source.ts'
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
import type { Place } from './text-edit.ts'

const pattern = v.pipe(
  v.union([v.string(), v.instance(RegExp)], 'expected a regular expression'),
  v.check((value) => typeof value !== 'string' || compiles(value), 'expected a regular expression (JavaScript syntax)'),
)

/** A JavaScript regular expression, as text or literal, tried on one line at a time without its line break. */
export const linePattern = pattern

/** Arguments of resources that edit a file. */
export const editSchema = {
  /** The file on the host. A symbolic link is followed. */
  path: filePath,
  /** Make the file if it is not there. @default false */
  create: v.optional(v.boolean()),
  /** Octal mode of the file as text. @default as it is; '0644' for a new one, '0600' if a secret goes in */
  mode: v.optional(mode),
  /** Name or number of the file's owner. @default as it is; root for a new one */
  owner: v.optional(v.string()),
  /** Name or number of the file's group. @default as it is; root for a new one */
  group: v.optional(v.string()),
  /** Put it after the last line that matches, if it is not there yet. @default at the end */
  insertAfter: v.optional(pattern),
  /** Put it before the first line that matches, if it is not there yet. @default at the end */
  insertBefore: v.optional(pattern),
  /** Shell command that must succeed, as of `file.file`. */
  validate: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Keep the previous file beside it as `PATH.YYYYMMDDTHHMMSS~`. @default false */
  backup: v.optional(v.boolean()),
  /** Whether it is there. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

/** An edit as it shall be made. */
export interface EditWish extends Attributes {
  readonly path: string
  readonly create?: boolean | undefined
  readonly validate?: string | undefined
  readonly backup?: boolean | undefined
  readonly insertAfter?: string | RegExp | undefined
  readonly insertBefore?: string | RegExp | undefined
  readonly state?: 'present' | 'absent' | undefined
  /** What goes in is a secret, or holds one. */
  readonly secret: boolean
  /** Its lines cut at the secrets; none = no line can be told from an older one, so there is no diff. */
  readonly masks: readonly SecretLine[]
}

/** A file as it is, with its text. */
export interface EditState {
  readonly status: PathStatus
  readonly bytes: Buffer
  /** Too large to be edited: this many bytes. */
  readonly large: number | undefined
  /** A validation of an earlier run never ended. */
  readonly held: boolean
}

/** Larger files are not for editing line by line. */
const largestEdit = 4 * 1024 * 1024
/** Larger texts get no diff. */
const largestDiff = 256 * 1024

export function checkPlace(args: Pick<EditWish, 'insertAfter' | 'insertBefore'>): string | undefined {
  if (args.insertAfter === undefined || args.insertBefore === undefined) return undefined
  return "'insertAfter' and 'insertBefore' are both given; expected one of them"
}

export function probeEdits(wishes: readonly EditWish[]): string {
  const paths = [...new Set(wishes.map((wish) => wish.path))]
  const held = wishes.filter((wish) => checksTree(wish.validate)).map((wish) => wish.path)
  return [
    statusProbe(
      paths,
      paths.map(() => false),
    ),
    sh`set -- ${paths}
for kind in $kinds; do
  case $kind in f*) set -- "$@" "$1" ;; esac
  shift
done
sizes=
[ $# = 0 ] || sizes=$(stat -L -c %s -- "$@")
for size in $sizes; do
  [ "$size" -gt ${largestEdit} ] || set -- "$@" "$1"
  shift
done
echo sizes $sizes`,
    printContents,
    ...(held.length > 0
      ? [
          heldFunction,
          ...paths.map((path, index) => (held.includes(path) ? sh`! held ${path} || echo ${`held ${index}`}` : '')),
        ]
      : []),
  ]
    .filter(Boolean)
    .join('\n')
}

export function parseEdits(stdout: string, wishes: readonly EditWish[]): EditState[] {
  const paths = [...new Set(wishes.map((wish) => wish.path))]
  const held = new Set([...stdout.matchAll(/^held (\d+)$/gm)].map(([, index]) => Number(index)))
  const statuses = parseStatus(stdout, paths)
  const sizes = /^sizes ?(.*)$/m.exec(stdout)?.[1]?.split(' ').filter(Boolean).map(Number) ?? []
  const files = paths
    .filter((_, index) => statuses[index]?.type === 'file')
    .map((path, index) => ({ path, size: sizes[index] ?? Number.NaN }))
  const texts = files.filter(({ size }) => size <= largestEdit)
  const contents = parseContents(stdout, texts)
  const states = paths.map((path, index): EditState => {
    const size = files.find((file) => file.path === path)?.size ?? 0
    return {
      status: statuses[index] as PathStatus, // one for each path
      bytes: contents[texts.findIndex((file) => file.path === path)] ?? Buffer.alloc(0),
      large: size <= largestEdit ? undefined : size,
      held: held.has(index),
    }
  })
  return wishes.map((wish) => states[paths.indexOf(wish.path)] as EditState) // each wish's path is among the paths
}

/** Plans the edit of a file; `edit` throws for a text that it cannot edit. */
export function planEdit(
  state: EditState,
  wish: EditWish,
  context: PlanContext,
  removes: boolean,
  edit: (content: string) => string,
): Plan {
  const { status, held } = state
  const { path } = wish
  const absent = status.type === 'absent'
  if (status.type === 'denied') return refuseDenied(path)
  if (status.type !== 'file' && !absent)
    return { refused: `${path} is ${status.type === 'directory' ? 'a directory' : 'no regular file'}, expected a file` }
  if (state.large !== undefined)
    return { refused: `${path} has ${state.large} bytes, expected a text of at most ${largestEdit}` }
  if (absent && removes) return { unchanged: `${path} is absent` }
  if (absent && !wish.create) return { unknown: `${path} does not exist (create: true makes it)` }
  const orphan = refuseOrphan(status, path, context)
  if (orphan) return orphan
  const text = decode(state.bytes)
  if (!text) return { refused: `${path} holds NUL bytes, expected a text` }
  let after: string
  try {
    after = edit(text.content)
  } catch (error) {
    return { refused: `${path}: ${error instanceof Error ? error.message : String(error)}` }
  }
  const attributes = absent ? [] : attributeChanges(status, wish, path)
  if (after === text.content && !absent && !held)
    return planOfChanges(attributes, removes ? 'is not there' : 'is there')
  const input = text.encode(after)
  if (!input) return { refused: `${path} is not UTF-8, and the new text does not fit into Latin-1` }
  const mode = wish.mode ?? (absent && wish.secret ? '0600' : undefined)
  const shown = text.content.length + after.length <= 2 * largestDiff && (!wish.secret || wish.masks.length > 0)
  return {
    changes: [
      {
        summary: absent
          ? 'absent → present'
          : held
            ? 'validation was interrupted'
            : summaryOf(text.content, after, wish.secret),
        diff: shown ? { label: path, before: maskBefore(text.content, after, wish.masks), after } : undefined,
        steps: [{ script: atomicWrite({ ...wish, mode }), input }],
      },
      // the write brings them along
      ...attributes.map(({ summary }) => ({ summary, steps: [] })),
    ],
  }
}

/** The place of what is new, from the arguments. */
export function placeOf(wish: Pick<EditWish, 'insertAfter' | 'insertBefore'>): Place {
  const of = (value: string | RegExp | undefined) => (value === undefined ? undefined : expression(value))
  return { after: of(wish.insertAfter), before: of(wish.insertBefore) }
}

/** Without the flags that make an expression remember where it stopped. */
export function expression(value: string | RegExp): RegExp {
  return typeof value === 'string' ? new RegExp(value) : new RegExp(value.source, value.flags.replace(/[gy]/g, ''))
}

/** UTF-8, or else Latin-1, in which each byte is a letter, so that what is not edited stays as it is. */
function decode(bytes: Buffer): { content: string; encode: (text: string) => Buffer | undefined } | undefined {
  if (bytes.includes(0)) return undefined
  try {
    const content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { content, encode: (text) => Buffer.from(text, 'utf8') }
  } catch {
    const fits = (text: string) => [...text].every((letter) => (letter.codePointAt(0) ?? 0) <= 0xff)
    return {
      content: bytes.toString('latin1'),
      encode: (text) => (fits(text) ? Buffer.from(text, 'latin1') : undefined),
    }
  }
}

/** One changed line says itself; more are left to the diff. */
function summaryOf(before: string, after: string, secret: boolean): string {
  const old = linesOf(before)
  const fresh = linesOf(after)
  const count = Math.abs(fresh.length - old.length)
  if (count > 0) return `${count} ${count === 1 ? 'line' : 'lines'} ${fresh.length > old.length ? 'added' : 'removed'}`
  const differing = fresh.flatMap((line, index) => (line === old[index] ? [] : [`'${old[index]}' → '${line}'`]))
  if (secret) return differing.length === 1 ? 'line differs (secret)' : `${differing.length} lines differ`
  return differing.length === 1 ? (differing[0] ?? '') : `${differing.length} lines differ`
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/)
}

function compiles(source: string): boolean {
  try {
    new RegExp(source)
    return true
  } catch {
    return false
  }
}
