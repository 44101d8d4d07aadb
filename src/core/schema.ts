import * as v from 'valibot'
import { ProvisionError } from './error.ts'
import type { LazyLocation } from './location.ts'
import { isSecret, type Secret } from './secret.ts'
import { kindOf } from './task.ts'

// Argument checking: one valibot schema gives the type and the check. Messages name the option, the value and what was expected.

export type ObjectEntries = v.ObjectEntries
/** The TypeScript type of arguments, from their schema. */
export type ArgumentsOf<E extends v.ObjectEntries> = v.InferInput<v.StrictObjectSchema<E, undefined>>

/** A secret or a text. */
export const secretOrString = v.custom<string | Secret>(
  (value) => typeof value === 'string' || isSecret(value),
  'expected a text or a secret',
)

/** An octal file mode as text with its leading zero: `'0644'`. */
export const mode = v.custom<FileMode>(
  (value) => typeof value === 'string' && /^0[0-7]{3,4}$/.test(value),
  "expected an octal mode as text, for example '0644'",
)
/** `'0644'`: octal, as text, with the leading zero, so that 644 cannot be misread. */
export type FileMode = `0${number}`

/** An absolute path on the host. */
export const absolutePath = v.pipe(
  v.string('expected an absolute path'),
  v.check((path) => path.startsWith('/') && !path.includes('\0'), 'expected an absolute path (starting with /)'),
)

/** A login or group name as Debian's useradd accepts it. */
export const accountName = v.pipe(
  v.string(),
  v.regex(/^[a-z_][a-z0-9_.-]{0,31}$/i, "expected a user or group name such as 'deploy': letters, digits and _ . -"),
)

const oneOrMany = <T extends v.GenericSchema>(schema: T) => v.union([schema, v.array(schema)])
const ofKind = (kind: 'condition' | 'handler', expected: string) =>
  v.custom((value) => kindOf(value) === kind, expected)

const taskOptions = {
  name: v.optional(v.pipe(v.string(), v.nonEmpty())),
  when: v.optional(
    v.union(
      [v.boolean(), ofKind('condition', 'expected')],
      'expected true, false or a condition such as changed(task)',
    ),
  ),
  notify: v.optional(oneOrMany(ofKind('handler', 'expected a handler(…)'))),
  tags: v.optional(oneOrMany(v.string())),
  retry: v.optional(
    v.strictObject({
      attempts: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
      delay: v.optional(v.pipe(v.number(), v.minValue(0))),
      until: v.optional(v.function()),
    }),
  ),
  ignoreErrors: v.optional(v.boolean()),
  changedWhen: v.optional(v.union([v.boolean(), v.function()])),
  failedWhen: v.optional(v.function()),
  become: v.optional(v.union([v.boolean(), v.string()])),
  check: v.optional(v.boolean()),
  noLog: v.optional(v.boolean()),
  env: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable such as LANG')),
      secretOrString,
    ),
  ),
  timeout: v.optional(v.pipe(v.number(), v.minValue(1))),
}

/** Checks what a user wrote against entries plus the common task options; throws with the user's file and line. */
export function checkArguments(
  what: string,
  entries: ObjectEntries,
  input: unknown,
  where: LazyLocation,
): { args: object; options: object; fail: (complaint: string) => never } {
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'input', message: `${what}: ${message}`, where: where.get(), hint })
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return fail(`expected an object of options, found ${describeValue(input)}`)
  }
  const args: Record<string, unknown> = {}
  const options: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(input)) {
    if (key in entries) args[key] = value
    else if (key in taskOptions) {
      if (value !== undefined) options[key] = value
    } else {
      const near = nearest(key, [...Object.keys(entries), ...Object.keys(taskOptions)])
      fail(
        `unknown option '${key}'`,
        near ? `Did you mean '${near}'?` : `Known options: ${Object.keys(entries).join(', ')}.`,
      )
    }
  }
  const own = checkObject(entries, args)
  if ('issue' in own) fail(own.issue)
  const common = checkObject(taskOptions, options)
  if ('issue' in common) fail(common.issue)
  return { args: 'value' in own ? own.value : {}, options, fail }
}

/** Checks an object against entries: the parsed value, or a sentence about the first problem. */
export function checkObject(
  entries: ObjectEntries,
  input: unknown,
): { value: Record<string, unknown> } | { issue: string } {
  const result = v.safeParse(v.strictObject(entries), input, { abortEarly: false })
  if (result.success) return { value: result.output }
  return { issue: sentenceOf(result.issues[0], entries) }
}

function sentenceOf(issue: v.BaseIssue<unknown>, entries: ObjectEntries): string {
  const path = v.getDotPath(issue) ?? ''
  const key = path.split('.')[0] ?? ''
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const keys = (issue.path ?? []).map((item) => String(item.key))
    const known = knownAt(entries, keys.slice(0, -1))
    const near = nearest(keys.at(-1) ?? '', known)
    const all = known.length > 0 && known.length <= 15 ? `; known are ${known.join(', ')}` : ''
    return `unknown option '${path}'${near ? `; did you mean '${near}'?` : all}`
  }
  if (issue.input === undefined && (issue.received === 'undefined' || issue.type === 'strict_object') && key in entries)
    return `option '${path}' is missing`
  const words = [...(issue.expected ?? '').matchAll(/"([^"]*)"/g)].map(([, word = '']) => word)
  const near = typeof issue.input === 'string' ? nearest(issue.input, words) : undefined
  const hint = near ? `; did you mean '${near}'?` : ''
  return `option '${path}': ${expectedOf(issue)}, found ${describeValue(issue.input)}${hint}`
}

/** The names that may stand at a place inside the arguments; none if that cannot be told. */
function knownAt(entries: ObjectEntries, path: readonly string[]): readonly string[] {
  const [key, ...rest] = path
  if (key === undefined) return Object.keys(entries)
  let schema: unknown = Object.hasOwn(entries, key) ? entries[key] : undefined
  for (let next = rest; typeof schema === 'object' && schema !== null; ) {
    if ('wrapped' in schema) schema = schema.wrapped
    else if ('entries' in schema)
      return knownAt(schema.entries as ObjectEntries, next) // an object's schema
    else if ('item' in schema || ('value' in schema && 'key' in schema)) {
      schema = 'item' in schema ? schema.item : schema.value
      next = next.slice(1)
    } else return []
  }
  return []
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object',
  Function: 'a function',
}

/** `expected …`: the schema's own words, or what valibot says in ours. */
function expectedOf(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith('Invalid')) return issue.message
  const own = issue.issues?.find((inner) => !inner.message.startsWith('Invalid') && !inner.path)
  if (own) return own.message
  const { requirement } = issue
  const counted = typeof issue.input === 'string' ? 'characters' : 'entries'
  switch (issue.type) {
    case 'integer':
      return 'expected a whole number'
    case 'min_value':
      return `expected at least ${requirement}`
    case 'max_value':
      return `expected at most ${requirement}`
    case 'gt_value':
      return `expected more than ${requirement}`
    case 'min_length':
      return `expected at least ${requirement} ${counted}`
    case 'max_length':
      return `expected at most ${requirement} ${counted}`
    case 'non_empty':
      return `expected ${typeof issue.input === 'string' ? 'a text' : 'a list'} that is not empty`
    case 'regex':
      return `expected a text of the form ${requirement}`
    default:
      return `expected ${alternatives(issue.expected ?? 'something else')}`
  }
}

/** `boolean | ("a" | "b")` as `true or false, 'a' or 'b'`. */
function alternatives(expected: string): string {
  const words = expected
    .replace(/[()]/g, '')
    .split(' | ')
    .map((word) => kinds[word] ?? word.replaceAll('"', "'"))
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** A value as it may stand in an error message: short, and no secret. */
export function describeValue(value: unknown): string {
  if (isSecret(value)) return 'a secret'
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}…` : value}'`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  if (kindOf(value)) return `a ${kindOf(value)}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

/** The most similar known word, if one is near enough to be meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.min(word.length - 1, Math.max(1, Math.floor(word.length / 3))) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, replacements, and swaps of neighbours, which are the commonest slip. */
function editDistance(left: string, right: string): number {
  let before: number[] = []
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      const swap = swapped ? (before[j - 2] ?? 0) + 1 : substitution
      next.push(Math.min(substitution, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[right.length] ?? 0
}
