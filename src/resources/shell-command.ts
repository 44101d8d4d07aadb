// Commands whose effect cannot be read back, and read-only ones whose output is wanted.
import * as v from 'valibot'
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
  parseReading,
  type Reading,
  readingProbe,
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
  readonly reading: Reading | undefined
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
  probe: (wishes) => wishes.map((wish) => (wish.probe ? guardedReading(wish) : guardProbe(wish))).join('\n'),
  parse,
  plan,
  result: commandResult,
  converges: 'none',
})

function guardedReading(wish: ShellCommandWish): string {
  return sh`answer=$(${raw(guardProbe(wish))})
printf '%s\\n' "$answer"
if [ "$answer" = run ]; then
${raw(readingProbe(commandText(wish)))}
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
    return { skip, reading: wish.probe && skip === undefined ? parseReading(lines.shift()) : undefined }
  })
}

function plan(state: CommandState, wish: ShellCommandWish): Plan<CommandResult> {
  if (state.skip !== undefined) return skipped(state.skip)
  if (state.reading) {
    const { code, stdout, stderr } = state.reading
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
