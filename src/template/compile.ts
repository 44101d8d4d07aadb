import ejs from 'ejs'
import type { TemplateSource } from './problem.ts'
import { templateError } from './problem.ts'
import { findSyntaxError } from './syntax.ts'
import { parseTags, type Tag } from './tags.ts'

/** A template ready to run. */
export interface CompiledTemplate {
  readonly source: TemplateSource
  readonly tags: readonly Tag[]
  /** The printing tags, by the number that `print` is given. */
  readonly printed: readonly Tag[]
  readonly run: (locals: object, print: Print, include: Include, rethrow: Rethrow) => string
}

type Print = (index: number, ...values: readonly unknown[]) => string
type Include = (path: string, data?: Readonly<Record<string, unknown>>) => string
type Rethrow = (error: unknown, text: string, file: string, line: number) => never

const identifier = /[A-Za-z_$][\w$]*/g
/** Words that cannot be variables in strict code, and ejs's own names: such a variable is read as `locals.NAME`. */
const reserved = new Set(
  (
    'break case catch class const continue debugger default delete do else enum export extends false finally for function if import in ' +
    'instanceof new null return super switch this throw true try typeof var void while with arguments await eval implements interface ' +
    'let package private protected public static yield locals include escapeFn rethrow __output __append __locals __line __lines __filename'
  ).split(' '),
)

/** Compiles a template for variables of these names; throws a ProvisionError that points at what does not parse. */
export function compileTemplate(source: TemplateSource, names: readonly string[]): CompiledTemplate {
  const parsed = parseTags(source.text)
  if ('mistake' in parsed) throw templateError(source, { ...parsed, message: parsed.mistake })
  const { tags, marked } = parsed
  const used = new Set(tags.flatMap((tag) => (tag.kind === 'comment' ? [] : (tag.code.match(identifier) ?? []))))
  try {
    // Strict code with one variable for each name: an unknown name is an error, and an assignment cannot leak into the next template.
    // The braces give the template a scope of its own, so that it may declare a variable of the same name.
    const compiled = ejs.compile(`<%{%>${marked}<%}%>`, {
      client: true,
      strict: true,
      destructuredLocals: names.filter((name) => used.has(name) && !reserved.has(name)),
      filename: source.file,
    })
    const run = compiled as unknown as CompiledTemplate['run'] // ejs passes all arguments of a printing tag on; its types know one
    return { source, tags, printed: tags.filter((tag) => tag.kind === 'print'), run }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw syntaxError(source, tags, error)
  }
}

function syntaxError(source: TemplateSource, tags: readonly Tag[], error: SyntaxError) {
  const found = findSyntaxError(tags)
  const message = found?.message ?? error.message.split(' in ')[0] ?? error.message
  return templateError(source, {
    message: `the code does not parse: ${found?.unclosed ? 'a {, ( or [ of an earlier tag is not closed' : message}`,
    line: found?.line ?? 1,
    hint: /reserved word/.test(message)
      ? 'Read a variable whose name is a word of JavaScript as locals.NAME.'
      : undefined,
    cause: error,
  })
}
