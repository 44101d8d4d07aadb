// file.file and file.template: the content, mode and owner of a file. Reads with stat(1) and sha256sum(1); writes by src/shell/atomic-write.ts.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import * as v from 'valibot'
import type { Change, Diff, FileInput, Plan, PrepareContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, mode, secretOrString } from '../core/schema.ts'
import { isSecret, redacted } from '../core/secret.ts'
import { atomicWrite, heldFile } from '../shell/atomic-write.ts'
import { sh } from '../shell/quote.ts'
import { renderTemplate } from '../template/render.ts'
import { resolveTemplate } from '../template/resolve.ts'
import { attributeChanges, type PathStatus, parseStatus, statusProbe } from './file-status.ts'

const common = {
  /** Where it goes on the host. A symbolic link is followed. */
  dest: absolutePath,
  /** Octal mode as text. @default the present file's; '0644' for a new one */
  mode: v.optional(mode),
  /** Name or number of the owner. @default the present file's; root for a new one */
  owner: v.optional(v.string()),
  /** Name or number of the group. @default the present file's; root for a new one */
  group: v.optional(v.string()),
  /**
   * Shell command that must succeed. With `%s` it checks the new file before it takes its place (`'visudo -cf %s'`);
   * without, the whole configuration with the new file in place (`'nginx -t'`): if it fails the previous file comes back.
   */
  validate: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Keep the previous file as `DEST.YYYYMMDDTHHMMSS~`. @default false */
  backup: v.optional(v.boolean()),
  /** `false`: only create it; a file that is there stays as it is. @default true */
  force: v.optional(v.boolean()),
}

const fileSchema = {
  ...common,
  /** The content: text, a secret (see `secretText`), or bytes. */
  content: v.optional(v.union([secretOrString, v.instance(Uint8Array)], 'expected a text, a secret or bytes')),
  /** A local file to copy: absolute, or beside the file that makes the task, or in `templates/`. */
  src: v.optional(v.string()),
}

const templateSchema = {
  ...common,
  /** EJS template: absolute, or beside the file that makes the task, or in `templates/`. */
  src: v.pipe(v.string(), v.nonEmpty()),
  /** Variables of the template; secrets are welcome. An undefined one is an error. @default {} */
  vars: v.optional(v.record(v.string(), v.unknown())),
}

export type FileArgs = ArgumentsOf<typeof fileSchema>
export type TemplateArgs = ArgumentsOf<typeof templateSchema>
type CommonArgs = Omit<FileArgs, 'content' | 'src'>

/** A file as it shall be. */
interface FileWish extends CommonArgs {
  readonly input: string | Uint8Array | FileInput
  readonly sha256: string
  /** The text for a diff; undefined = none is shown, for the reason in `hidden`. */
  readonly text: string | undefined
  readonly hidden: 'secret' | 'binary' | 'large' | undefined
}

interface FileState {
  readonly status: PathStatus
  /** The present text, if it differs and may be shown. */
  readonly before: string | undefined
  /** A validation of an earlier run never ended. */
  readonly held: boolean
}

/** Texts over this many bytes are not fetched for a diff. */
const largestDiff = 64 * 1024
/** Local files over this many bytes are streamed. */
const largestInMemory = 1024 * 1024

/**
 * A file with this content, mode and owner.
 * @example file.file({ dest: '/etc/motd', content: 'welcome\n', mode: '0644' })
 * @example file.file({ dest: '/etc/app.env', content: secretText`KEY=${secret('app.key')}\n`, mode: '0600' })
 */
export const fileFile = defineResource<FileArgs, FileWish, FileState>({
  name: 'file.file',
  schema: fileSchema,
  check: (args) => {
    if (args.content === undefined && args.src === undefined) return "neither 'content' nor 'src' is given"
    if (args.content !== undefined && args.src !== undefined)
      return "'content' and 'src' are both given; expected one of them"
    return undefined
  },
  describe: (args) => args.dest,
  prepare: (args, context) => ({ ...args, ...contentOf(args, context) }),
  probe: probeFiles,
  parse: parseFiles,
  plan: planFile,
})

/**
 * A file rendered from an EJS template, before any host is touched. `<%= %>` prints values as they are: nothing is HTML-escaped.
 * @example file.template({ src: 'nginx/nginx.conf.ejs', dest: '/etc/nginx/nginx.conf', vars: { workers: 4 }, validate: 'nginx -t', notify: reload })
 */
export const fileTemplate = defineResource<TemplateArgs, FileWish, FileState>({
  name: 'file.template',
  schema: templateSchema,
  describe: (args) => args.dest,
  prepare: (args, context) => {
    const { vars = {}, src, ...rest } = args
    const text = renderTemplate({ file: resolveTemplate(src, context.from), vars, secrets: context.secrets })
    return { ...rest, ...fromText(text) }
  },
  probe: probeFiles,
  parse: parseFiles,
  plan: planFile,
})

function contentOf(args: FileArgs, context: PrepareContext): Pick<FileWish, 'input' | 'sha256' | 'text' | 'hidden'> {
  const { content, src } = args
  if (isSecret(content)) return { ...fromText(context.secrets.reveal(content)), text: undefined, hidden: 'secret' }
  if (typeof content === 'string') {
    if (content.includes(redacted)) {
      throw new Error(
        `content of ${args.dest} holds ${redacted}: a secret was put into a plain string; use secretText\`…\``,
      )
    }
    return fromText(content)
  }
  if (content !== undefined) return fromBytes(content)
  const path = resolveTemplate(src ?? '', context.from, 'file')
  const { size } = statSync(path)
  if (size <= largestInMemory) return fromBytes(readFileSync(path))
  return { input: { path, size }, sha256: hashFile(path), text: undefined, hidden: 'large' }
}

function fromText(text: string): Pick<FileWish, 'input' | 'sha256' | 'text' | 'hidden'> {
  return { input: text, sha256: createHash('sha256').update(text).digest('hex'), text, hidden: undefined }
}

function fromBytes(bytes: Uint8Array): Pick<FileWish, 'input' | 'sha256' | 'text' | 'hidden'> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return { input: bytes, sha256, text, hidden: undefined }
  } catch {
    // not UTF-8: binary
  }
  return { input: bytes, sha256, text: undefined, hidden: 'binary' }
}

function hashFile(path: string): string {
  const hash = createHash('sha256')
  const descriptor = openSync(path, 'r')
  const buffer = Buffer.alloc(largestInMemory)
  try {
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer))
      hash.update(buffer.subarray(0, count))
  } finally {
    closeSync(descriptor)
  }
  return hash.digest('hex')
}

function probeFiles(wishes: readonly FileWish[]): string {
  const paths = wishes.map((wish) => wish.dest)
  const shown = wishes.map((wish, index) => {
    if (wish.text === undefined) return ''
    return sh`case $sums in *${wish.sha256}*) ;; *) [ -f ${wish.dest} ] && [ "$(stat -L -c %s -- ${wish.dest})" -le ${largestDiff} ] && echo ${`before ${index}`} "$(base64 <${wish.dest} | tr -d '\\n')" ;; esac`
  })
  const held = wishes.flatMap((wish, index) =>
    treeValidated(wish) ? [sh`[ ! -e ${heldFile(wish.dest)} ] || echo ${`held ${index}`}`] : [],
  )
  return `answer=$(${statusProbe(
    paths,
    paths.map(() => true),
  )})
printf '%s\\n' "$answer"
sums=$answer
${shown.filter(Boolean).join('\n')}
${held.join('\n')}
:`
}

function treeValidated(wish: FileWish): boolean {
  return wish.validate !== undefined && !wish.validate.includes('%s')
}

function parseFiles(stdout: string, wishes: readonly FileWish[]): FileState[] {
  const statuses = parseStatus(stdout, wishes.length)
  const before = new Map<number, string>()
  const held = new Set<number>()
  for (const line of stdout.split('\n')) {
    const [word, index, encoded = ''] = line.split(' ')
    if (word === 'before') before.set(Number(index), Buffer.from(encoded, 'base64').toString('utf8'))
    if (word === 'held') held.add(Number(index))
  }
  return statuses.map((status, index) => ({ status, before: before.get(index), held: held.has(index) }))
}

function planFile({ status, before, held }: FileState, wish: FileWish): Plan {
  const { dest } = wish
  if (status.type === 'directory') return { refused: `${dest} is a directory, expected a file` }
  if (status.type === 'other')
    return { refused: `${dest} is neither a file nor a directory (a device or socket), expected a file` }
  const absent = status.type === 'absent'
  const differs = absent || status.sha256 !== wish.sha256
  const keeps = wish.force === false && !absent
  if (keeps || (!differs && !held)) {
    const changes = (keeps ? [] : attributeChanges(status, wish, dest)).map(({ summary, script }) => ({
      summary,
      steps: [{ script }],
    }))
    return planOfChanges(changes, keeps ? 'is there, and force is false' : 'content and attributes match')
  }
  const summary = absent
    ? 'absent → present'
    : differs
      ? `content differs${wish.hidden ? ` (${wish.hidden})` : ''}`
      : 'validation was interrupted'
  const write: Change = {
    summary,
    diff: diffOf(wish, absent ? '' : before),
    steps: [{ script: atomicWrite({ ...wish, path: dest }), input: wish.input }],
  }
  const attributes = absent ? [] : attributeChanges(status, wish, dest).filter(({ summary }) => summary !== '')
  return { changes: [write, ...attributes.map(({ summary }) => ({ summary, steps: [] }))] }
}

/** Changes with the silent ones joined to the one before. */
export function planOfChanges(changes: readonly Change[], reason: string): Plan {
  const list: Change[] = []
  for (const change of changes) {
    const last = list.at(-1)
    if (change.summary === '' && last) list[list.length - 1] = { ...last, steps: [...last.steps, ...change.steps] }
    else list.push(change)
  }
  const [first, ...rest] = list
  return first ? { changes: [first, ...rest] } : { unchanged: reason }
}

function diffOf(wish: FileWish, before: string | undefined): Diff | undefined {
  if (wish.text === undefined || before === undefined) return undefined
  return { label: wish.dest, before, after: wish.text }
}
