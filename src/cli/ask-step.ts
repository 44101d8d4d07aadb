// `--step` at the terminal: the question before a task, and reports that hold back what hosts tell while it waits.
import { createInterface } from 'node:readline'
import { ProvisionError } from '../core/error.ts'
import type { RunEvent } from '../core/events.ts'
import type { StepAnswer, StepQuestion } from '../engine/steps.ts'
import type { Report } from '../report/report.ts'
import { oneLine, renderHosts } from '../report/text.ts'
import type { Io } from './io.ts'
import type { Stopping } from './stop-signals.ts'

/** An operator at the terminal. */
export interface Operator {
  /** The report of the run, silent while a question waits. */
  readonly report: Report
  /** Asks; `quit`, which stops the run, also at Ctrl-C, when the terminal is closed and when the run is being stopped. */
  readonly ask: (question: StepQuestion, run: Pick<Stopping, 'stop' | 'quit'>) => Promise<StepAnswer>
}

const answers: Readonly<Record<string, StepAnswer>> = { y: 'yes', n: 'no', c: 'continue', q: 'quit' }

/** Throws if nobody can be asked. */
export function checkStepOptions(
  io: Io,
  { output, queue }: { readonly output?: string | undefined; readonly queue?: string | undefined },
): void {
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'input', message: `--step: ${message}`, hint })
  }
  if (output === 'json' || output === 'junit')
    fail(
      `expected an operator who reads along, found --output ${output}`,
      'Leave --output out; the record of the run has it all: provision report.',
    )
  if (queue !== undefined) fail('workers of a --queue can ask nobody')
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true)
    fail(`expected a terminal to ask on, found that ${io.stdin.isTTY === true ? 'stderr' : 'stdin'} is none`)
}

/** Puts an operator beside a report. */
export function makeOperator(io: Io, report: Report): Operator {
  const hosts = new Map<string, readonly string[]>()
  let held: RunEvent[] | undefined
  const release = (): void => {
    const events = held ?? []
    held = undefined
    for (const event of events) report.emit(event)
  }
  return {
    report: {
      ...report,
      emit: (event) => {
        if (event.type === 'play:start') hosts.set(event.play, event.hosts)
        if (held && event.type !== 'interrupted') held.push(event)
        else report.emit(event)
      },
      end: async () => {
        release()
        await report.end()
      },
    },
    ask: async (question, { stop, quit }) => {
      held = []
      try {
        const answer = await askUntilClear(io, textOf(question, hosts.get(question.play) ?? [question.host]), stop)
        if (answer === 'quit' && !stop.aborted) quit()
        return answer
      } finally {
        release()
      }
    },
  }
}

function textOf({ title, handler, on }: StepQuestion, hosts: readonly string[]): string {
  const whom = `${renderHosts(hosts)}${on === undefined ? '' : ` → ${on}`}`
  return `${handler ? 'handler · ' : ''}${oneLine(title)} (${whom})? [y]es, [n]o, [c]ontinue without asking, [q]uit: `
}

async function askUntilClear(io: Io, question: string, stop: AbortSignal): Promise<StepAnswer> {
  for (;;) {
    const line = await readLine(io, question, stop)
    if (line === undefined) return 'quit'
    const answer = answers[line.trim().toLowerCase().slice(0, 1)]
    if (answer?.startsWith(line.trim().toLowerCase())) return answer
    io.stderr.write(`expected y, n, c or q, found '${oneLine(line)}'\n`)
  }
}

/** A line of the terminal; undefined if none comes any more. */
async function readLine(io: Io, question: string, stop: AbortSignal): Promise<string | undefined> {
  if (stop.aborted) return undefined
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: true, historySize: 0 })
  let end = (): void => undefined
  try {
    return await new Promise<string | undefined>((resolve) => {
      end = () => resolve(undefined)
      stop.addEventListener('abort', end, { once: true })
      lines.once('SIGINT', end)
      lines.once('close', end)
      lines.question(question, resolve)
    }).then((line) => {
      if (line === undefined) io.stderr.write('\n')
      return line
    })
  } finally {
    stop.removeEventListener('abort', end)
    lines.close()
  }
}
