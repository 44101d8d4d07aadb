// One round of a watch: loads what changed, runs it, tells what is new, and knows afterwards which files to watch.
import { dirname, relative } from 'node:path'
import { asProvisionError } from '../core/error.ts'
import type { HostRecap } from '../core/events.ts'
import { type RunResult, run } from '../engine/run.ts'
import { createJsonReport } from '../report/json.ts'
import type { RoundMetrics } from '../report/metrics.ts'
import { createNewsReport, type Memory } from '../report/news.ts'
import { makePaint } from '../report/paint.ts'
import { inChorus, type Report } from '../report/report.ts'
import { count } from '../report/text.ts'
import type { Connect } from '../transport/connection.ts'
import { forPeople, type ReportOptions } from './choose-report.ts'
import { hasColour, type Io } from './io.ts'
import { writeMetrics } from './metrics-file.ts'
import { placeOnHosts, type Reach, sendMetrics } from './metrics-on-hosts.ts'
import { openRecord } from './open-record.ts'
import { type PreparedRun, type PrepareOptions, prepareRun } from './prepare-run.ts'
import { reportError } from './report-error.ts'
import type { Stopping } from './stop-signals.ts'
import { WatchedFiles } from './watched-files.ts'

export interface WatchOptions extends PrepareOptions, ReportOptions {
  readonly forks: number
  /** Converge; otherwise rounds only look. */
  readonly apply?: boolean | undefined
  /** Milliseconds between two rounds; Infinity = only when files change. */
  readonly interval: number
  /** How many records of runs stay. */
  readonly keepRuns?: number | undefined
  /** A file for node_exporter's textfile collector, here or as `PATTERN:PATH` on hosts of the inventory. */
  readonly metrics?: string | undefined
}

/** Why a round begins. */
export interface RoundCause {
  readonly kind: 'start' | 'files' | 'interval'
  readonly files: readonly string[]
}

export interface Round {
  readonly number: number
  readonly cause: RoundCause
  readonly playbookFile: string
  readonly options: WatchOptions
  readonly connect: Connect
  readonly stopping: Stopping
}

/** What goes from one round to the next. */
export interface WatchState {
  /** Of the round that runs. */
  report: Report | undefined
  /** Loaded anew only when one of its files changed: Node never forgets a module. */
  prepared: (PreparedRun & { readonly files: WatchedFiles }) | undefined
  /** What to watch now. */
  files: WatchedFiles
  /** How the hosts were reached last: also what is wrong with a playbook can be told to the monitors. */
  reach: Reach | undefined
  readonly memory: Memory
}

/** Runs a round. In the first one wrong input is thrown, later it is shown, and the watch goes on. */
export async function runRound(io: Io, round: Round, state: WatchState): Promise<RunResult['outcome'] | 'wrong'> {
  const { options, number, cause } = round
  const before = state.files
  const files = new WatchedFiles()
  state.files = files
  let report = await openReport(io, round, state.memory)
  state.report = report
  let hosts: Readonly<Record<string, HostRecap>> | undefined
  const started = performance.now()
  try {
    const prepared = await prepare(io, round, state)
    files.noteAll(prepared.files)
    const { request } = prepared
    state.reach = { ...request, connect: round.connect, forks: options.forks }
    const record =
      options.apply &&
      openRecord(io, { command: 'watch', playbook: round.playbookFile, check: false, options, request })
    if (record) state.report = report = inChorus([report, record])
    if (cause.kind !== 'interval')
      for (const message of prepared.warnings) report.emit({ type: 'warning', host: undefined, message })
    const result = await run({
      ...request,
      connect: round.connect,
      emit: report.emit,
      onRead: (path) => files.note(path),
      check: !options.apply,
      forks: options.forks,
      stop: round.stopping.stop,
      giveUp: round.stopping.giveUp,
    })
    hosts = result.hosts
    if (record) record.setOutcome(result.outcome)
    return result.outcome
  } catch (error) {
    const known = asProvisionError(error)
    if (number === 1 || known.code === 'internal') throw error
    report.fail?.(error)
    // an interval does not make it news
    if (cause.kind !== 'interval') reportError(error, io, options.debug ?? false)
    else io.stderr.write(`! still wrong: ${known.message}\n`)
    watchForTheMending(files, before, known.where?.file)
    return 'wrong'
  } finally {
    await report.end()
    state.report = undefined
    await tellMonitors(io, round, state.reach, {
      hosts,
      time: Date.now() / 1000,
      seconds: Math.round(performance.now() - started) / 1000,
    })
  }
}

async function tellMonitors(
  io: Io,
  { options, stopping }: Round,
  reach: Reach | undefined,
  metrics: RoundMetrics,
): Promise<void> {
  if (options.metrics === undefined) return
  const place = placeOnHosts(options.metrics)
  if (!place) await writeMetrics(io, options.metrics, metrics)
  else if (reach && !stopping.stop.aborted) await sendMetrics(io, place, metrics, reach)
}

/** The playbook and inventory of the round before, if none of their files changed. */
async function prepare(
  io: Io,
  { playbookFile, options }: Round,
  state: WatchState,
): Promise<PreparedRun & { readonly files: WatchedFiles }> {
  if (state.prepared && state.prepared.files.changed().length === 0) return state.prepared
  const files = new WatchedFiles()
  const variables = (options.extraVars ?? []).flatMap((item) => (item.startsWith('@') ? [item.slice(1)] : []))
  for (const path of [...variables, options.secrets ?? '']) if (path) files.note(path)
  if (state.prepared) for (const path of state.prepared.inputs) files.note(path) // before they are read again
  state.prepared = undefined
  const prepared = await prepareRun(io, playbookFile, { ...options, check: !options.apply })
  for (const path of prepared.inputs) files.note(path)
  state.prepared = { ...prepared, files }
  return state.prepared
}

/** After an error it is not known what the run would have read: all that was watched before, and what may be added beside it. */
function watchForTheMending(files: WatchedFiles, before: WatchedFiles, wrong: string | undefined): void {
  const paths = before.paths()
  for (const path of [...paths, ...paths.map((file) => dirname(file)), ...(wrong ? [wrong, dirname(wrong)] : [])])
    files.note(path)
}

async function openReport(io: Io, { number, cause, options }: Round, memory: Memory): Promise<Report> {
  const isJson = options.output === 'json'
  const stream = isJson ? io.stderr : io.stdout
  const paint = makePaint(hasColour(io, stream))
  const clock = () => new Date().toTimeString().slice(0, 8)
  // a folder changes with its files
  const changed = cause.files.filter((path) => !cause.files.some((file) => dirname(file) === path))
  const names = changed.map((file) => relative(io.cwd, file) || file)
  if (names.length > 0) {
    const shown = names.length > 3 ? [...names.slice(0, 3), `${count(names.length - 3, 'more file')}`] : names
    stream.write(`${paint('dim', clock())}  ${shown.join(', ')} changed\n`)
  }
  const screen = await forPeople(io, stream, { ...options, output: isJson ? undefined : options.output })
  const news = createNewsReport({ report: screen, write: (text) => stream.write(text), paint, memory, clock })
  if (!isJson) return news
  const head = { type: 'watch:round', round: number, cause: cause.kind, files: names, time: new Date().toISOString() }
  io.stdout.write(`${JSON.stringify(head)}\n`)
  return inChorus([createJsonReport({ stream: io.stdout, cwd: io.cwd, diff: options.diff }), news])
}
