// `provision watch`: rounds over held connections, one whenever a file that the last round rests on changed, and one each
// interval. In check mode, so that it shows drift, unless it is told to apply.
import { ProvisionError } from '../core/error.ts'
import { newMemory } from '../report/news.ts'
import { connect } from '../transport/connect.ts'
import { keepConnections } from '../transport/kept.ts'
import { exitCode, type Io } from './io.ts'
import { checkMetricsFile } from './metrics-file.ts'
import { placeOnHosts } from './metrics-on-hosts.ts'
import { askForPasswords } from './open-site.ts'
import { stopOnSignals } from './stop-signals.ts'
import { type RoundCause, runRound, type WatchOptions, type WatchState } from './watch-round.ts'
import { untilChange, WatchedFiles } from './watched-files.ts'

/** Watches until somebody ends it: 0, or 130 if that cut a round short; input that is wrong at the start is thrown. */
export async function watchCommand(io: Io, playbookFile: string, options: WatchOptions): Promise<number> {
  if (options.output === 'junit')
    throw new ProvisionError({
      code: 'input',
      message: '--output junit: expected live, plain or json; a watch has no end that a JUnit report could tell of',
    })
  if (options.outputFile !== undefined)
    throw new ProvisionError({
      code: 'input',
      message: `--output-file ${options.outputFile}: expected stdout; a watch writes as long as it lasts`,
      hint: `provision watch --output json >${options.outputFile}`,
    })
  if (options.metrics !== undefined && !placeOnHosts(options.metrics)) checkMetricsFile(io, options.metrics)
  const passwords = await askForPasswords(io, options)
  const kept = keepConnections(io.connect ?? connect)
  const state: WatchState = {
    report: undefined,
    prepared: undefined,
    files: new WatchedFiles(),
    reach: undefined,
    memory: newMemory(),
  }
  const stopping = stopOnSignals(
    io,
    (giveUp) => state.report?.emit({ type: 'interrupted', giveUp }),
    () => state.report?.abandon?.(),
  )
  const { stop: signal } = stopping
  try {
    let cause: RoundCause = { kind: 'start', files: [] }
    for (let number = 1; ; number++) {
      const round = { number, cause, playbookFile, options: { ...options, passwords }, connect: kept.connect, stopping }
      const outcome = await runRound(io, round, state)
      if (signal.aborted) return outcome === 'interrupted' ? exitCode.interrupted : exitCode.ok
      const files = await untilChange(state.files, { interval: options.interval, signal })
      if (signal.aborted) return exitCode.ok
      cause = { kind: files.length > 0 ? 'files' : 'interval', files }
    }
  } finally {
    await kept.close()
    stopping.release()
  }
}
