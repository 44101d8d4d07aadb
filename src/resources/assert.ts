// Says that something is so, and fails with what was found if it is not. Changes nothing.
import * as v from 'valibot'
import type { Facts } from '../core/host.ts'
import type { Plan, PlanContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { type CommandResult, linesOf, oneLine, parseReading, type Reading, readingProbe } from './command.ts'

const schema = {
  /** Shell text that only reads, run on the host under `set -eu`; true if it exits with 0, or as `expect` says. */
  that: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** What `that` must say. @default exit code 0 */
  expect: v.optional(
    v.strictObject({
      /** @default 0 */
      code: v.optional(v.pipe(v.number(), v.integer())),
      /** The whole output, apart from line breaks at its end. */
      stdout: v.optional(v.string()),
      contains: v.optional(v.string()),
      matches: v.optional(v.instance(RegExp, 'expected a regular expression')),
    }),
  ),
  /** A question about the host's facts, instead of `that` or beside it. */
  facts: v.optional(v.custom<(facts: Facts) => boolean>((input) => typeof input === 'function', 'expected a function')),
  /** What to say if it is not so. @default the command and what it answered */
  message: v.optional(v.pipe(v.string(), v.nonEmpty())),
}

export type AssertArgs = ArgumentsOf<typeof schema>

/**
 * Fails the host if something is not so. It runs in check mode too.
 * @example assert({ facts: (facts) => facts.memoryMegabytes >= 2000, message: 'the database needs 2 GB of memory' })
 * @example assert({ that: 'nginx -t', message: 'the configuration of nginx is broken' })
 */
export const assert = defineResource<AssertArgs, AssertArgs, Reading | undefined, CommandResult>({
  name: 'assert',
  schema,
  check: (args) => {
    if (args.that === undefined && args.facts === undefined) return "expected 'that' or 'facts'"
    if (args.that === undefined && args.expect) return "'expect' says what 'that' must answer, which is missing"
    return args.that === undefined && args.message === undefined ? "'facts' needs a 'message'" : undefined
  },
  describe: (args) => args.message ?? oneLine(args.that ?? ''),
  readOnly: true,
  probe: (wishes) => wishes.map((wish) => (wish.that === undefined ? 'echo none' : readingProbe(wish.that))).join('\n'),
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((wish, index) => (wish.that === undefined ? undefined : parseReading(lines[index])))
  },
  plan,
})

function plan(reading: Reading | undefined, wish: AssertArgs, context: PlanContext): Plan<CommandResult> {
  const found = complaint(reading, wish, context)
  if (found === undefined) {
    const { stdout = '', stderr = '', code = 0 } = reading ?? {}
    return {
      unchanged: wish.message ? 'it is so' : `${oneLine(wish.that ?? '')}: as expected`,
      result: { stdout, stderr, code, lines: linesOf(stdout) },
    }
  }
  const sentence = wish.that === undefined ? found : `${oneLine(wish.that)}: ${found}`
  const evidence = reading && [reading.stderr.trim(), reading.stdout.trim()].filter(Boolean).join('\n')
  return {
    refused: wish.message ?? sentence,
    detail: [...(wish.message ? [sentence] : []), ...(evidence ? [evidence] : [])].join('\n'),
  }
}

function complaint(reading: Reading | undefined, wish: AssertArgs, context: PlanContext): string | undefined {
  if (wish.facts && !wish.facts(context.facts)) return 'the facts of the host do not hold'
  if (!reading) return undefined
  const { code = 0, stdout, contains, matches } = wish.expect ?? {}
  const output = reading.stdout.replace(/\n+$/, '')
  if (reading.code !== code) return `exit code ${reading.code}, expected ${code}`
  if (stdout !== undefined && output !== stdout.replace(/\n+$/, ''))
    return `found '${short(output)}', expected '${short(stdout)}'`
  if (contains !== undefined && !reading.stdout.includes(contains))
    return `found '${short(output)}', expected it to contain '${short(contains)}'`
  if (matches && !matches.test(reading.stdout)) return `found '${short(output)}', expected it to match ${matches}`
  return undefined
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
