// Scripts that run on the host without being left there: the text goes to the interpreter's stdin.
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, secretOrString } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { resolveTemplate } from '../template/resolve.ts'
import {
  acceptCodes,
  type CommandResult,
  commandResult,
  commandSchema,
  guardProbe,
  oneLine,
  parseGuard,
  skipped,
} from './command.ts'

const schema = {
  /** A local script, looked for like a template: beside the file that says so, then in `templates/`. */
  src: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** The script itself, instead of `src`; it may be a secret. */
  script: v.optional(secretOrString),
  /** Program that runs it, `'bash'` or `'python3'` for example. @default the script's `#!` line, else `sh -eu` */
  interpreter: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9/][A-Za-z0-9/._+-]*$/, 'expected a program'))),
  /** Arguments of the script. Not for secrets: `ps` shows them. */
  args: v.optional(v.array(v.string())),
  ...commandSchema,
}

export type ShellScriptArgs = ArgumentsOf<typeof schema>
interface ShellScriptWish extends Omit<ShellScriptArgs, 'script' | 'src'> {
  readonly text: string
  readonly title: string
}

/**
 * Runs a script on the host. Nothing of it is stored there; its stdin is empty. Like a command it counts as a change whenever it runs.
 * @example shell.script({ src: '../files/migrate.sh', args: ['--to', '42'], unless: 'test -e /var/lib/app/migrated-42' })
 */
export const shellScript = defineResource<
  ShellScriptArgs,
  ShellScriptWish,
  { readonly skip: string | undefined },
  CommandResult
>({
  name: 'shell.script',
  schema,
  check: (args) =>
    (args.src === undefined) === (args.script === undefined) ? "expected either 'src' or 'script'" : undefined,
  describe: title,
  prepare: ({ src, script, ...args }, { secrets, from, onRead }) => ({
    ...args,
    text:
      src === undefined
        ? secrets.reveal(script ?? '')
        : readFileSync(resolveTemplate(src, from, 'script', onRead), 'utf8'),
    title: title({ src, script }),
  }),
  probe: (wishes) => wishes.map(guardProbe).join('\n'),
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((_, index) => parseGuard(lines[index]))
  },
  plan: (state, wish) => {
    if (state.skip !== undefined) return skipped(state.skip)
    const enter = wish.cwd === undefined ? '' : sh`cd -- ${wish.cwd}\n`
    // The script is read from descriptor 3, so that what it runs cannot eat its remaining lines.
    const run = sh`cat | {
  exec 3<&0 </dev/null
  exec ${interpreterOf(wish)} /dev/fd/3 ${wish.args ?? []}
}`
    const script = acceptCodes(`${enter}${run}`, wish.okCodes)
    return { changes: [{ summary: `run ${wish.title}`, steps: [{ script, input: wish.text }] }] }
  },
  result: commandResult,
  converges: 'none',
})

function interpreterOf(wish: ShellScriptWish): readonly string[] {
  if (wish.interpreter) return [wish.interpreter]
  const [, program, argument] = /^#!\s*(\S+)[ \t]*(\S.*?)?\s*(?:\n|$)/.exec(wish.text) ?? []
  if (program === undefined) return ['sh', '-eu']
  return argument === undefined ? [program] : [program, argument]
}

function title({ src, script }: { src?: ShellScriptArgs['src']; script?: ShellScriptArgs['script'] }): string {
  return src ?? (typeof script === 'string' ? oneLine(script.replace(/^#!.*\n/, '')) : 'a secret script')
}
