// Commands whose effect cannot be read back, and read-only ones whose output is wanted.
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, secretOrString } from '../core/schema.ts'
import { raw, sh, words } from '../shell/quote.ts'
import {
  acceptCodes,
  type CommandResult,
  commandResult,
  commandSchema,
  guardProbe,
  linesOf,
  oneLine,
  parseGuard,
  skipped,
} from './command.ts'

const schema = {
  /** Shell text for `/bin/sh`, under `set -eu`. */
  run: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** Program and arguments, without a shell between. Secrets do not belong here (`ps` shows them): use `stdin` or `env`. */
  argv: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  ...commandSchema,
  /** Fed to the command. @default nothing */
  stdin: v.optional(secretOrString),
  /** The command only reads: it runs in check mode too and never counts as a change. @default false */
  probe: v.optional(v.boolean()),
}

export type ShellCommandArgs = ArgumentsOf<typeof schema>
interface ShellCommandWish extends Omit<ShellCommandArgs, 'stdin'> {
  readonly stdin?: string | undefined
}

interface CommandState {
  /** Why it need not run. */
  readonly skip: string | undefined
  /** What a read-only command said. */
  readonly output: { readonly stdout: string; readonly stderr: string; readonly code: number } | undefined
}

/**
 * Runs a command. It counts as a change whenever it runs: say with `creates`, `unless`, `onlyIf` or `changedWhen` when it does not,
 * or with `probe: true` that it only reads.
 * @example shell.command({ run: 'make install', cwd: '/usr/src/tool', creates: '/usr/local/bin/tool' })
 * @example const version = shell.command({ argv: ['nginx', '-v'], probe: true })
 */
export const shellCommand = defineResource<ShellCommandArgs, ShellCommandWish, CommandState, CommandResult>({
  name: 'shell.command',
  schema,
  check: (args) => {
    if ((args.run === undefined) === (args.argv === undefined)) return "expected either 'run' or 'argv'"
    if (args.probe && args.stdin !== undefined) return 'a command that only reads (probe: true) gets no stdin'
    return undefined
  },
  describe: (args) => oneLine(args.run ?? words(...(args.argv ?? []))),
  prepare: ({ stdin, ...args }, { secrets }) =>
    stdin === undefined ? args : { ...args, stdin: secrets.reveal(stdin) },
  probe: (wishes) =>
    [
      'scratch=$(mktemp -d)',
      'trap \'rm -rf "$scratch"\' EXIT',
      ...wishes.map((wish) => (wish.probe ? readingProbe(wish) : guardProbe(wish))),
    ].join('\n'),
  parse,
  plan,
  result: commandResult,
  converges: 'none',
})

// A command of a user's may print anything, so its output comes back encoded.
function readingProbe(wish: ShellCommandWish): string {
  return sh`answer=$(${raw(guardProbe(wish))})
printf '%s\\n' "$answer"
if [ "$answer" = run ]; then
  code=0
  sh -euc ${commandText(wish)} </dev/null >"$scratch/stdout" 2>"$scratch/stderr" || code=$?
  printf '%s:%s:%s\\n' "$code" "$(base64 <"$scratch/stdout" | tr -d '\\n')" "$(base64 <"$scratch/stderr" | tr -d '\\n')"
fi`
}

function commandText(wish: ShellCommandWish): string {
  const enter = wish.cwd === undefined ? '' : sh`cd -- ${wish.cwd}\n`
  return `${enter}${wish.run ?? words(...(wish.argv ?? []))}`
}

function parse(stdout: string, wishes: readonly ShellCommandWish[]): readonly CommandState[] {
  const lines = stdout.split('\n')
  return wishes.map((wish) => {
    const { skip } = parseGuard(lines.shift())
    if (!wish.probe || skip !== undefined) return { skip, output: undefined }
    const answer = lines.shift() ?? ''
    const [, code, out = '', err = ''] = /^(\d+):([A-Za-z0-9+/=]*):([A-Za-z0-9+/=]*)$/.exec(answer) ?? []
    if (code === undefined)
      throw new ProvisionError({
        code: 'probe',
        message: `expected the encoded output of '${oneLine(commandText(wish))}', found '${answer.slice(0, 80)}'`,
      })
    const text = (encoded: string) => Buffer.from(encoded, 'base64').toString('utf8')
    return { skip, output: { code: Number(code), stdout: text(out), stderr: text(err) } }
  })
}

function plan(state: CommandState, wish: ShellCommandWish): Plan<CommandResult> {
  if (state.skip !== undefined) return skipped(state.skip)
  if (state.output) {
    const { code, stdout, stderr } = state.output
    if ((wish.okCodes ?? [0]).includes(code))
      return { unchanged: `ran, exit code ${code}`, result: { stdout, stderr, code, lines: linesOf(stdout) } }
    return {
      refused: `${oneLine(commandText(wish))}: exit code ${code}, expected ${(wish.okCodes ?? [0]).join(' or ')}`,
      detail: stderr.trim() || stdout.trim() || 'nothing on stderr',
    }
  }
  const summary = `run ${oneLine(wish.run ?? words(...(wish.argv ?? [])))}`
  const script = acceptCodes(commandText(wish), wish.okCodes)
  return { changes: [{ summary, steps: [{ script, ...(wish.stdin !== undefined && { input: wish.stdin }) }] }] }
}
