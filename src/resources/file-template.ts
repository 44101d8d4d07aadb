// file.template: a file rendered from an EJS template by src/template.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { renderTemplate, type TemplateCache } from '../template/render.ts'
import { resolveTemplate } from '../template/resolve.ts'
import { fileFootprint } from './areas.ts'
import { contentSchema, type FileState, type FileWish, parseFiles, planFile, probeFiles } from './file-content.ts'
import { fromText } from './file-source.ts'

const schema = {
  ...contentSchema,
  /** EJS template: absolute, or beside the file that makes the task, or in `templates/`. */
  src: v.pipe(v.string(), v.nonEmpty()),
  /** Variables of the template; secrets are welcome. An undefined one is an error. @default {} */
  vars: v.optional(v.record(v.string(), v.unknown())),
}

export type TemplateArgs = ArgumentsOf<typeof schema>

/**
 * A file rendered from an EJS template, before any host is touched. `<%= %>` prints values as they are: nothing is HTML-escaped.
 * @example file.template({ src: 'nginx/nginx.conf.ejs', dest: '/etc/nginx/nginx.conf', vars: { workers: 4 }, validate: 'nginx -t', notify: reload })
 */
export const fileTemplate = defineResource<TemplateArgs, FileWish, FileState>({
  name: 'file.template',
  schema,
  describe: (args) => args.dest,
  prepare: (args, context) => {
    const { vars = {}, src, ...rest } = args
    const { secrets, onRead } = context
    const file = resolveTemplate(src, context.from, 'template', onRead)
    // compiling costs more than rendering, and other hosts have the same templates
    const cache = context.once?.('file.template compiled', (): TemplateCache => new Map())
    return { ...rest, ...fromText(renderTemplate({ file, vars, secrets, cache, onRead }), secrets) }
  },
  probe: probeFiles,
  parse: parseFiles,
  plan: planFile,
  evidence: ({ status }) => status,
  footprint: (wish) => fileFootprint(wish.dest, wish),
})
