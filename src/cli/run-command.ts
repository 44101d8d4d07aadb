// `provision [playbook]` and `provision verify`.
import { ProvisionError } from '../core/error.ts'
import { listTasks } from '../engine/list.ts'
import { type RunResult, run } from '../engine/run.ts'
import type { FleetRequest } from '../fleet/coordinator.ts'
import { parseExtraVars } from '../inventory/extra-vars.ts'
import { loadPlaybook } from '../inventory/load-definition.ts'
import { connect } from '../transport/connect.ts'
import { checkSelection } from './check-selection.ts'
import { chooseReport, type ReportOptions } from './choose-report.ts'
import { exitCode, type Io } from './io.ts'
import { fileOf, openSite, type SiteOptions } from './open-site.ts'
import { packageVersion } from './package-version.ts'
import { rolesIn } from './playbook-contents.ts'
import { renderListing } from './render-listing.ts'
import { stopOnSignals } from './stop-signals.ts'

export interface RunCommandOptions extends SiteOptions, ReportOptions {
  readonly limit?: string
  readonly tags?: readonly string[]
  readonly skipTags?: readonly string[]
  readonly check?: boolean
  readonly detailedExitcode?: boolean
  readonly forks: number
  readonly extraVars?: readonly string[]
  readonly listHosts?: boolean
  readonly listTasks?: boolean
  readonly listTags?: boolean
  readonly queue?: string
  readonly workerWait: number
}

/** Runs a playbook, or only its roles' checks; resolves to the exit code. */
export async function runCommand(
  io: Io,
  playbookFile: string,
  options: RunCommandOptions,
  verify: boolean,
): Promise<number> {
  if (options.detailedExitcode && !options.check)
    throw new ProvisionError({ code: 'input', message: '--detailed-exitcode: expected together with --check' })
  const { queue } = options
  if (queue !== undefined) (await import('./run-by-workers.ts')).checkQueueOptions(io, { ...options, queue })
  const { definition: playbook, file, inputs } = await loadPlaybook(fileOf(io, playbookFile))
  const listing = options.listHosts || options.listTasks || options.listTags
  const site = await openSite(io, listing ? { inventory: options.inventory, secrets: options.secrets } : options)
  const names = new Set(site.inventory.hosts.flatMap((host) => Object.keys(host.vars)))
  const extraVars = parseExtraVars(options.extraVars ?? [], rolesIn(playbook, site.inventory), [...names])
  const { limit, tags, skipTags } = options
  const request = { playbook, ...site, extraVars, limit, tags, skipTags }
  const warnings = checkSelection(request)
  if (listing) {
    io.stdout.write(renderListing(listTasks(request), options))
    return exitCode.ok
  }
  // promises that are kept are what one runs `verify` to see
  const report = await chooseReport(io, verify ? { ...options, verbose: Math.max(1, options.verbose ?? 0) } : options)
  const stopping = stopOnSignals(
    io,
    (giveUp) => report.emit({ type: 'interrupted', giveUp }),
    () => report.abandon?.(),
  )
  try {
    for (const message of warnings) report.emit({ type: 'warning', host: undefined, message })
    const { stop, giveUp } = stopping
    const { check, forks } = options
    const whole = { ...request, emit: report.emit, check, verify, stop, giveUp }
    const result =
      queue === undefined
        ? await run({ ...whole, connect: io.connect ?? connect, forks })
        : await runQueued(io, { ...options, queue }, whole, file, [...inputs, ...site.inputs])
    return codeOf(result, options.detailedExitcode === true)
  } catch (error) {
    report.fail?.(error)
    throw error
  } finally {
    await report.end()
    stopping.release()
  }
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

function codeOf(result: RunResult, detailed: boolean): number {
  switch (result.outcome) {
    case 'interrupted':
      return exitCode.interrupted
    case 'failed':
      return exitCode.failed
    case 'unreachable':
      return exitCode.unreachable
    case 'ok':
      return detailed && result.pending ? exitCode.pending : exitCode.ok
  }
}
