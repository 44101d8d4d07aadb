// file.block: lines between two marker lines of a file that others own too.
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
  parseEdits,
  placeOf,
  planEdit,
  probeEdits,
} from './file-edit.ts'
import { fromText, refuseLostSecret } from './file-source.ts'
import { withBlock } from './text-edit.ts'

const schema = {
  ...editSchema,
  /** The lines; an empty text removes the block. A secret is never shown. */
  block: v.optional(secretOrString),
  /** Name of the block in its marker lines, unique in the file. */
  marker: v.pipe(v.string(), v.regex(/^\S([^\r\n]*\S)?$/, 'expected a name in one line')),
  /** Start of a comment in this file's language. @default '#' */
  comment: v.optional(v.pipe(v.string(), v.regex(/^[^\r\n]+$/, 'expected the start of a comment'))),
}

export type BlockArgs = ArgumentsOf<typeof schema>

interface BlockWish extends EditWish {
  readonly block: string
  readonly marker: string
  readonly comment?: string | undefined
}

/**
 * Lines between the marker lines `# BEGIN provision MARKER` and `# END provision MARKER` of a file that other hands edit too.
 * A block that is there stays in its place.
 * @example file.block({ path: '/etc/hosts', marker: 'peers', block: '192.0.2.11 web1\n192.0.2.12 web2' })
 */
export const fileBlock = defineResource<BlockArgs, BlockWish, EditState>({
  name: 'file.block',
  schema,
  check: (args) => {
    if (args.state !== 'absent' && args.block === undefined) return "option 'block' is missing"
    const { begin, end } = markersOf(args)
    if (typeof args.block === 'string' && args.block.split(/\r?\n/).some((line) => line === begin || line === end))
      return "option 'block': holds its own marker line"
    return checkPlace(args)
  },
  describe: (args) => `${args.path} ${args.marker}`,
  prepare: (args, { secrets }) => {
    const { block = '' } = args
    if (typeof block === 'string') refuseLostSecret(`block '${args.marker}' of ${args.path}`, block)
    const text = args.state === 'absent' ? '' : secrets.reveal(block)
    const secret = isSecret(block)
    return { ...args, block: text, secret, masks: secret ? fromText(text, secrets).masks : [] }
  },
  probe: probeEdits,
  parse: parseEdits,
  footprint: (wish) => fileFootprint(wish.path, wish),
  evidence: ({ status, bytes }) => ({ status, bytes }),
  plan: (state, wish, context) =>
    planEdit(state, wish, context, wish.block === '', (content) =>
      withBlock(content, wish.block, markersOf(wish), placeOf(wish)),
    ),
})

function markersOf({ marker, comment = '#' }: { readonly marker: string; readonly comment?: string | undefined }) {
  return { begin: `${comment} BEGIN provision ${marker}`, end: `${comment} END provision ${marker}` }
}
