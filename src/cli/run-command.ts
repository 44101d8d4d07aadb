// `provision [playbook]` and `provision verify`.
import { resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { listTasks } from '../engine/list.ts'
import { type RunResult, run } from '../engine/run.ts'
import type { StepQuestion } from '../engine/steps.ts'
import type { FleetRequest } from '../fleet/coordinator.ts'
import { inChorus, type Report } from '../report/report.ts'
import type { Connect } from '../transport/connection.ts'
import { chooseReport, type ReportOptions } from './choose-report.ts'
import { type DialAhead, dialAhead } from './dial-ahead.ts'
import { lastRun } from './failed-limit.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import type { OpenedSite } from './open-site.ts'
import { packageVersion } from './package-version.ts'
import { type PreparedRun, type PrepareOptions, prepareRun } from './prepare-run.ts'
import { renderListing } from './render-listing.ts'
import { withReport } from './with-report.ts'

export interface RunCommandOptions extends PrepareOptions, ReportOptions {
  readonly check?: boolean
  readonly detailedExitcode?: boolean
  readonly forks: number
  readonly listHosts?: boolean
  readonly listTasks?: boolean
  readonly listTags?: boolean
  /** Only the hosts that failed in the last run. */
  readonly retryFailed?: boolean
  /** Begin at the first task of this name. */
  readonly startAtTask?: string
  /** Ask before each task. */
  readonly step?: boolean
  /** How many records of runs stay. */
  readonly keepRuns?: number
  readonly queue?: string
  readonly workerWait: number
}

/** Runs a playbook, or only its roles' checks; resolves to the exit code. */
export async function runCommand(
  io: Io,
  playbookFile: string,
  given: RunCommandOptions,
  verify: boolean,
): Promise<number> {
  let options = given
  if (given.retryFailed) {
    const { id, failed } = lastRun(io, playbookFile, given.inventory)
    if (failed.length === 0) {
      io.stderr.write(`no host failed in the last run (${id}): nothing to retry\n`)
      return exitCode.ok
    }
    options = { ...given, limit: given.limit === undefined ? '@failed' : `${given.limit}:&@failed` }
  }
  if (options.detailedExitcode && !options.check)
    throw new ProvisionError({ code: 'input', message: '--detailed-exitcode: expected together with --check' })
  const { queue } = options
  if (options.step) (await import('./ask-step.ts')).checkStepOptions(io, options)
  if (queue !== undefined) (await import('./run-by-workers.ts')).checkQueueOptions(io, { ...options, queue })
  const listing = options.listHosts || options.listTasks || options.listTags
  // a list asks for no password
  if (listing) {
    const { request } = await prepareRun(io, playbookFile, { ...options, passwords: {} })
    io.stdout.write(renderListing(listTasks(request), options))
    return exitCode.ok
  }
  const connect = await connectOf(io)
  let ahead: DialAhead | undefined
  const dial = async ({ inventory, secrets }: OpenedSite): Promise<void> => {
    const command = [playbookFile, options.inventory, options.limit, String(verify), options.startAtTask]
    const folder = resolve(io.cwd, '.provision/cache')
    // workers do their own dialling
    if (options.queue !== undefined) return
    ahead = dialAhead(connect, inventory, secrets, { folder, command })
    // what speaks ssh first: then handshakes go on in between while the playbook loads and is prepared
    if (ahead.overSsh) await import('../transport/ssh-dial.ts')
  }
  try {
    const prepared = await prepareRun(io, playbookFile, options, dial)
    return await runPrepared(io, playbookFile, options, verify, prepared, ahead as DialAhead | undefined) // set by `dial`
  } finally {
    await (ahead as DialAhead | undefined)?.close()
  }
}

/** How hosts are reached; what ssh needs is loaded only here, since a list connects to none. */
async function connectOf(io: Io): Promise<Connect> {
  return io.connect ?? (await import('../transport/connect.ts')).makeEagerConnect()
}

async function runPrepared(
  io: Io,
  playbookFile: string,
  options: RunCommandOptions,
  verify: boolean,
  { request, warnings, file, inputs }: PreparedRun,
  ahead: DialAhead | undefined,
): Promise<number> {
  const ordinary = await chooseReport(io, options)
  const chosen = verify ? inChorus([ordinary, await promisesReport(io, options)]) : ordinary
  const operator = options.step ? (await import('./ask-step.ts')).makeOperator(io, chosen) : undefined
  const shown = operator?.report ?? chosen
  const command = verify ? 'verify' : 'run'
  const description = { command, playbook: playbookFile, check: options.check ?? false, options, request } as const
  const result = await withReport(io, shown, description, warnings, async (emit, stopping) => {
    const { stop, giveUp } = stopping
    const { check, forks, startAtTask: startAt } = options
    const ask = operator && ((question: StepQuestion) => operator.ask(question, stopping))
    const whole = { ...request, emit, check, verify, stop, giveUp, ask, startAt }
    return options.queue === undefined
      ? await run({ ...whole, connect: ahead?.connect ?? (await connectOf(io)), forks })
      : await runQueued(io, { ...options, queue: options.queue }, whole, file, inputs)
  })
  ahead?.remember(Object.keys(result.hosts))
  return options.detailedExitcode && result.outcome === 'ok' && result.pending
    ? exitCode.pending
    : outcomeCode(result.outcome)
}

/** The table goes where people read. */
async function promisesReport(io: Io, { output, outputFile }: ReportOptions): Promise<Report> {
  const stream = (output === 'json' || output === 'junit') && outputFile === undefined ? io.stderr : io.stdout
  const { createPromisesReport } = await import('../report/promises.ts')
  return createPromisesReport({ stream, colour: hasColour(io, stream) })
}

/** The run by workers; what it needs is loaded only here. */
async function runQueued(
  io: Io,
  options: RunCommandOptions & { readonly queue: string },
  request: FleetRequest & { readonly stop: AbortSignal },
  playbook: string,
  inputs: readonly string[],
): Promise<RunResult> {
  const [{ runByWorkers }, { readProject }] = await Promise.all([
    import('./run-by-workers.ts'),
    import('../fleet/project.ts'),
  ])
  const { extraVars = {}, inventory } = request
  const project = readProject({ playbook, inputs, hosts: inventory.hosts, extraVars, version: packageVersion() })
  return await runByWorkers(io, options, project, request)
}

/** The exit code of a run that ended so. */
export function outcomeCode(outcome: RunResult['outcome']): number {
  switch (outcome) {
    case 'interrupted':
      return exitCode.interrupted
    case 'failed':
      return exitCode.failed
    case 'unreachable':
      return exitCode.unreachable
    case 'ok':
      return exitCode.ok
  }
}
