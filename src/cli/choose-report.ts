// Who is told of a run, and where: people on a terminal or in a log, programs on stdout or in a file.
import { ProvisionError } from '../core/error.ts'
import { createJsonReport } from '../report/json.ts'
import { createJunitReport } from '../report/junit.ts'
import { createPlainReport } from '../report/plain.ts'
import { inChorus, type Output, type Report } from '../report/report.ts'
import { openOutput } from './file-output.ts'
import { hasColour, type Io, isWatched } from './io.ts'

export interface ReportOptions {
  readonly output?: 'live' | 'plain' | 'json' | 'junit' | undefined
  readonly outputFile?: string | undefined
  readonly verbose?: number | undefined
  readonly diff?: boolean | undefined
  readonly debug?: boolean | undefined
  /** Questions are asked on the terminal, so nothing on it may move. */
  readonly step?: boolean | undefined
}

/** The report of a run. What people read goes to stderr whenever stdout carries data. */
export async function chooseReport(io: Io, options: ReportOptions): Promise<Report> {
  const { output, outputFile } = options
  if (output !== 'json' && output !== 'junit') {
    if (outputFile === undefined) return await forPeople(io, io.stdout, options)
    const message = `--output-file ${outputFile}: expected with --output json or --output junit`
    throw new ProvisionError({ code: 'input', message })
  }
  const make = (stream: Output): Report =>
    output === 'json'
      ? createJsonReport({ stream, cwd: io.cwd, diff: options.diff })
      : createJunitReport({ stream, cwd: io.cwd })
  const people = await forPeople(io, outputFile === undefined ? io.stderr : io.stdout, {
    ...options,
    output: undefined,
  })
  if (outputFile === undefined) return inChorus([make(io.stdout), people])
  const file = openOutput(outputFile, io.cwd)
  const report = make(file)
  const end = async (): Promise<void> => {
    await report.end()
    file.close()
  }
  return inChorus([{ ...report, end }, people])
}

/** What people read: the live view on a terminal that somebody watches, else plain lines. */
export async function forPeople(io: Io, stream: NodeJS.WriteStream, options: ReportOptions): Promise<Report> {
  const screen = {
    stream,
    colour: hasColour(io, stream),
    cwd: io.cwd,
    verbosity: options.verbose,
    diff: options.diff,
    debug: options.debug,
  }
  if (options.step) return createPlainReport(screen)
  if ((options.output ?? (isWatched(io, stream) ? 'live' : 'plain')) === 'plain') return createPlainReport(screen)
  const { createLiveReport } = await import('../report/live.ts')
  return createLiveReport({ ...screen, stream, now: () => performance.now() })
}
