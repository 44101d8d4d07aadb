// file.file: a file by its content or as a copy of a local one.
import * as v from 'valibot'
import type { PrepareContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, secretOrString } from '../core/schema.ts'
import { isSecret } from '../core/secret.ts'
import { resolveTemplate } from '../template/resolve.ts'
import { fileFootprint } from './areas.ts'
import { contentSchema, type FileState, type FileWish, parseFiles, planFile, probeFiles } from './file-content.ts'
import { fromBytes, fromLocalFile, fromSecret, fromText, refuseLostSecret, type Source } from './file-source.ts'

const schema = {
  ...contentSchema,
  /** The content: text, a secret (see `secretText`), or bytes. A secret is never shown, not even as a difference. */
  content: v.optional(v.union([secretOrString, v.instance(Uint8Array)], 'expected a text, a secret or bytes')),
  /** A local file to copy: absolute, or beside the file that makes the task, or in `templates/`. Large ones are streamed. */
  src: v.optional(v.string()),
}

export type FileArgs = ArgumentsOf<typeof schema>

/**
 * A file with this content, mode and owner.
 * @example file.file({ dest: '/etc/motd', content: 'welcome\n', mode: '0644' })
 * @example file.file({ dest: '/etc/app.env', content: secretText`KEY=${secret('app.key')}\n`, mode: '0600' })
 */
export const fileFile = defineResource<FileArgs, FileWish, FileState>({
  name: 'file.file',
  schema,
  check: (args) => {
    if (args.content === undefined && args.src === undefined) return "neither 'content' nor 'src' is given"
    if (args.content !== undefined && args.src !== undefined)
      return "'content' and 'src' are both given; expected one of them"
    return undefined
  },
  describe: (args) => args.dest,
  prepare: (args, context) => ({ ...args, ...sourceOf(args, context) }),
  probe: probeFiles,
  parse: parseFiles,
  plan: planFile,
  evidence: ({ status }) => status,
  footprint: (wish) => fileFootprint(wish.dest, wish),
})

function sourceOf({ content, src, dest }: FileArgs, context: PrepareContext): Source {
  if (isSecret(content)) return fromSecret(context.secrets.reveal(content))
  if (typeof content === 'string') {
    refuseLostSecret(`content of ${dest}`, content)
    return { ...fromText(content, context.secrets), secret: false }
  }
  if (content !== undefined) return fromBytes(content)
  return fromLocalFile(resolveTemplate(src ?? '', context.from, 'file', context.onRead))
}
