// file.line: one line of a file that others own too.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, secretOrString } from '../core/schema.ts'
import { isSecret } from '../core/secret.ts'
import { fileFootprint } from './areas.ts'
import {
  checkPlace,
  type EditState,
  type EditWish,
  editSchema,
  expression,
  linePattern,
  parseEdits,
  placeOf,
  planEdit,
  probeEdits,
} from './file-edit.ts'
import { fromText, refuseLostSecret } from './file-source.ts'
import { withLine, withoutLine } from './text-edit.ts'

const schema = {
  ...editSchema,
  /** The whole line, without line break. A secret is never shown. */
  line: v.optional(secretOrString),
  /**
   * JavaScript regular expression, tried on each line: the *last* line that matches becomes `line`; with `absent` all that match go.
   * One that does not match `line` itself is tried only while `line` is missing.
   */
  match: v.optional(linePattern),
}

export type LineArgs = ArgumentsOf<typeof schema>

interface LineWish extends EditWish {
  readonly line: string | undefined
  readonly match?: string | RegExp | undefined
}

/**
 * One line of a file that other hands edit too. Where you own the whole file, prefer `file.template`; for a line inside a section
 * of an INI file, `file.block` with `insertAfter`.
 * @example file.line({ path: '/etc/login.defs', match: '^UMASK', line: 'UMASK 027' })
 */
export const fileLine = defineResource<LineArgs, LineWish, EditState>({
  name: 'file.line',
  schema,
  check: (args) => {
    if (typeof args.line === 'string' && /[\r\n]/.test(args.line)) return "option 'line': expected one line"
    if (args.state === 'absent' && args.line === undefined && args.match === undefined)
      return "neither 'line' nor 'match' is given"
    if (args.state !== 'absent' && args.line === undefined) return "option 'line' is missing"
    return checkPlace(args)
  },
  describe: (args) => `${args.path} ${args.line ?? args.match}`,
  prepare: (args, { secrets }) => {
    if (args.line === undefined) return { ...args, line: undefined, secret: false, masks: [] }
    if (typeof args.line === 'string') refuseLostSecret(`line of ${args.path}`, args.line)
    const line = secrets.reveal(args.line)
    if (/[\r\n]/.test(line)) throw new Error(`the line for ${args.path} has a line break in it, expected one line`)
    const secret = isSecret(args.line)
    return { ...args, line, secret, masks: secret ? fromText(line, secrets).masks : [] }
  },
  probe: probeEdits,
  parse: parseEdits,
  footprint: (wish) => fileFootprint(wish.path, wish),
  evidence: ({ status, bytes }) => ({ status, bytes }),
  plan: (state, wish, context) => {
    const match = wish.match === undefined ? undefined : expression(wish.match)
    const removes = wish.state === 'absent'
    return planEdit(state, wish, context, removes, (content) =>
      removes ? withoutLine(content, wish.line, match) : withLine(content, wish.line ?? '', match, placeOf(wish)),
    )
  },
})
