// Probes that stand next to each other in a request share one process: a session and a shell of its own cost a host 2 ms each.
import { randomBytes } from 'node:crypto'
import type { RunOptions, Step, StepResult } from './connection.ts'
import { word } from './request.ts'

/** A request whose probes share processes, and its answers as if they did not. */
export interface SharedRequest {
  readonly steps: readonly Step[]
  readonly onOutput: RunOptions['onOutput']
  /** The result of each step that was given. */
  readonly resultsOf: (results: readonly StepResult[]) => readonly StepResult[]
}

/** Puts probes of the same user, environment and timeout that follow each other into one step. */
export function shareSteps(given: readonly Step[], onOutput?: RunOptions['onOutput']): SharedRequest {
  const groups: Step[][] = []
  for (const step of given) {
    const last = groups.at(-1)
    if (last?.[0] && sharesWith(last[0], step)) last.push(step)
    else groups.push([step])
  }
  // a word that no probe prints
  const mark = `hw-${randomBytes(16).toString('hex')}`
  const places = groups.map((group) => given.indexOf(group[0] as Step)) // no group is empty
  return {
    steps: groups.map((group) => joined(group, mark)),
    onOutput:
      onOutput &&
      ((step, stream, text) => {
        const group = groups[step]
        if (group?.length === 1) onOutput(places[step] ?? step, stream, text)
      }),
    resultsOf: (results) => groups.flatMap((group, index) => cut(group, results[index], mark)),
  }
}

function sharesWith(one: Step, other: Step): boolean {
  return (
    one.probe === true &&
    other.probe === true &&
    one.input === undefined &&
    other.input === undefined &&
    one.always === other.always &&
    one.user === other.user &&
    one.timeout === other.timeout &&
    JSON.stringify(one.env ?? {}) === JSON.stringify(other.env ?? {})
  )
}

/** One step that runs each script in a subshell, as if it were alone there, and prints the mark and the exit code after its output. */
function joined(group: readonly Step[], mark: string): Step {
  const [first, ...others] = group
  if (!first || others.length === 0) return first ?? { script: '' }
  const script = `set +e
hostwright_failed=0
hostwright_probe() {
  (
    set -eu
    hostwright_script=$1
    shift
    eval "$hostwright_script"
  )
  hostwright_code=$?
  echo "${mark} $hostwright_code"
  echo "${mark}" >&2
  [ $hostwright_code = 0 ] || hostwright_failed=1
}
${group.map((step) => `hostwright_probe ${word(step.script)}`).join('\n')}
[ $hostwright_failed = 0 ]`
  return { ...first, script }
}

const skipped: StepResult = { code: -1, stdout: '', stderr: '', skipped: true, timedOut: false }

function cut(group: readonly Step[], result: StepResult | undefined, mark: string): readonly StepResult[] {
  if (!result || result.skipped || group.length === 1) return group.map(() => result ?? skipped)
  const outputs = result.stdout.split(`${mark} `)
  const errors = result.stderr.split(`${mark}\n`)
  return group.map((_, index): StepResult => {
    const stdout = index === 0 ? (outputs[0] ?? '') : afterLine(outputs[index])
    const code = outputs[index + 1]?.split('\n', 1)[0]
    const own = { stdout, stderr: errors[index] ?? '', skipped: false }
    if (code !== undefined) return { ...own, code: Number(code), timedOut: false }
    // the process ended before this script did: of the timeout, of a signal
    if (index === outputs.length - 1) return { ...own, code: result.code || 1, timedOut: result.timedOut }
    return skipped
  })
}

function afterLine(text = ''): string {
  return text.slice(text.indexOf('\n') + 1)
}
