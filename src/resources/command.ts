// What `shell.command` and `shell.script` share: guards, exit codes, results.
import * as v from 'valibot'
import type { Plan, StepOutput } from '../core/resource.ts'
import { absolutePath, describeValue } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { quote, sh } from '../shell/quote.ts'

/** What a later task can read of a command. */
export interface CommandResult extends Outcome {
  /** What it printed, secrets hidden. */
  readonly stdout: string
  /** What it printed to stderr, secrets hidden. */
  readonly stderr: string
  /** Its exit code. */
  readonly code: number
  /** The lines of stdout. */
  readonly lines: readonly string[]
}

/** Options that say when a command need not run, and how it ended well. */
export const commandSchema = {
  /** Directory to run in. @default the agent's, which nobody should rely on */
  cwd: v.optional(absolutePath),
  /** Do not run if this path exists. */
  creates: v.optional(v.string()),
  /** Run only if this path exists. */
  removes: v.optional(v.string()),
  /** Shell text that changes nothing; do not run if it succeeds. */
  unless: v.optional(v.string()),
  /** Shell text that changes nothing; run only if it succeeds. */
  onlyIf: v.optional(v.string()),
  /** Exit codes that count as success. @default [0] */
  okCodes: v.optional(v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255))), v.minLength(1))),
}

/** The guards of one command. */
export interface Guards {
  readonly cwd?: string | undefined
  readonly creates?: string | undefined
  readonly removes?: string | undefined
  readonly unless?: string | undefined
  readonly onlyIf?: string | undefined
  readonly okCodes?: readonly number[] | undefined
}

/** Shell text that prints `run` or why there is nothing to run, in one line. Each text of the user's runs in a shell of its own. */
export function guardProbe(guards: Guards): string {
  const enter = guards.cwd === undefined ? '' : sh`cd -- ${guards.cwd} 2>/dev/null || { echo run; exit 0; }\n`
  const lines: string[] = []
  const test = (condition: string, reason: string) =>
    lines.push(`if ${condition}; then ${sh`printf '%s\\n' ${reason}`}; exit 0; fi`)
  // A link counts, wherever it leads.
  if (guards.creates !== undefined) {
    const path = quote(relative(guards.creates))
    test(`[ -e ${path} ] || [ -L ${path} ]`, `skip:${guards.creates} exists`)
  }
  if (guards.removes !== undefined) {
    const path = quote(relative(guards.removes))
    test(`[ ! -e ${path} ] && [ ! -L ${path} ]`, `skip:${guards.removes} does not exist`)
  }
  if (guards.unless !== undefined) test(silent(guards.unless), `skip:unless succeeds: ${oneLine(guards.unless)}`)
  if (guards.onlyIf !== undefined) test(`! ${silent(guards.onlyIf)}`, `skip:onlyIf fails: ${oneLine(guards.onlyIf)}`)
  return lines.length === 0 ? 'echo run' : `(\n${enter}${lines.join('\n')}\necho run\n)`
}

function silent(script: string): string {
  return sh`sh -euc ${script} </dev/null >/dev/null 2>&1`
}

function relative(path: string): string {
  return path.startsWith('-') ? `./${path}` : path
}

/** The answers of `guardProbe`, in order: the reason to skip, or undefined. */
export function parseGuard(line: string | undefined): { readonly skip: string | undefined } {
  if (line === 'run') return { skip: undefined }
  if (line?.startsWith('skip:')) return { skip: line.slice('skip:'.length) }
  throw new TypeError(`expected 'run' or 'skip:…' of a guard, found ${describeValue(line)}`)
}

/** What a command that only reads said. */
export interface Reading {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Shell text that runs a command and prints its exit code and output in one line, encoded, because it may print anything. */
export function readingProbe(script: string): string {
  return sh`(
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  code=0
  sh -euc ${script} </dev/null >"$scratch/stdout" 2>"$scratch/stderr" || code=$?
  printf '%s:%s:%s\\n' "$code" "$(base64 <"$scratch/stdout" | tr -d '\\n')" "$(base64 <"$scratch/stderr" | tr -d '\\n')"
)`
}

/** The answer of `readingProbe`. */
export function parseReading(line: string | undefined): Reading {
  const [, code, stdout = '', stderr = ''] = /^(\d+):([A-Za-z0-9+/=]*):([A-Za-z0-9+/=]*)$/.exec(line ?? '') ?? []
  if (code === undefined) throw new TypeError(`expected the encoded output of a command, found ${describeValue(line)}`)
  const text = (encoded: string) => Buffer.from(encoded, 'base64').toString('utf8')
  return { code: Number(code), stdout: text(stdout), stderr: text(stderr) }
}

/** Accepts other exit codes than 0: the step then ends well and says the code on its last line of stderr. */
export function acceptCodes(script: string, okCodes: readonly number[] | undefined): string {
  if (okCodes === undefined) return script
  return `code=0
(
set -eu
${script}
) || code=$?
case $code in ${okCodes.join('|')}) ;; 0) echo 'error: exit code 0, expected ${okCodes.join(' or ')}' >&2; exit 1 ;; *) exit "$code" ;; esac
[ "$code" = 0 ] || printf '${codeLine}%s\\n' "$code" >&2`
}

const codeLine = 'ended well with exit code '

/** The typed result of the one step that a command is. */
export function commandResult(outputs: readonly StepOutput[]): Omit<CommandResult, keyof Outcome> {
  const { stdout, stderr, code } = outputs.at(-1) ?? { stdout: '', stderr: '', code: -1 }
  const accepted = new RegExp(`(?:^|\\n)${codeLine}(\\d+)\\n$`).exec(stderr)
  return {
    stdout,
    stderr: accepted ? stderr.slice(0, accepted.index + (stderr[accepted.index] === '\n' ? 1 : 0)) : stderr,
    code: accepted ? Number(accepted[1]) : code,
    lines: linesOf(stdout),
  }
}

/** What a command that need not run leaves behind: nothing, successfully. */
export const nothingRun: Omit<CommandResult, keyof Outcome> = { stdout: '', stderr: '', code: 0, lines: [] }

/** A plan that skips with empty output. */
export function skipped(reason: string): Plan<CommandResult> {
  return { unchanged: reason, result: nothingRun }
}

/** The lines of a text, without the end of the last one. */
export function linesOf(text: string): readonly string[] {
  const trimmed = text.replace(/\n$/, '')
  return trimmed === '' ? [] : trimmed.split('\n')
}

/** A command as it may stand in a title or a sentence. */
export function oneLine(text: string): string {
  const line = text.trim().split('\n')[0] ?? ''
  return line.length > 60 || text.trim().includes('\n') ? `${line.slice(0, 59)}…` : line
}
