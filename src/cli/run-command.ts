// `provision [playbook]` and `provision verify`.
import { resolve } from 'node:path'
import type { RunEvent } from '../core/events.ts'
import { listTasks } from '../engine/list.ts'
import { type RunResult, run } from '../engine/run.ts'
import { parseExtraVars } from '../inventory/extra-vars.ts'
import { loadPlaybook } from '../inventory/load-definition.ts'
import { makeJsonReport } from '../report/json.ts'
import { makeJunitReport } from '../report/junit.ts'
import { makePlainReport } from '../report/plain.ts'
import type { Report, ScreenOptions } from '../report/report.ts'
import { connect } from '../transport/connect.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { openSite, rolesOfPlaybook, type SiteOptions } from './open-site.ts'
import { renderListing } from './render-listing.ts'

export interface RunCommandOptions extends SiteOptions {
  readonly limit?: string
  readonly tags?: readonly string[]
  readonly skipTags?: readonly string[]
  readonly check?: boolean
  readonly diff?: boolean
  readonly detailedExitcode?: boolean
  readonly forks: number
  readonly extraVars?: readonly string[]
  readonly output?: 'live' | 'plain' | 'json' | 'junit'
  readonly listHosts?: boolean
  readonly listTasks?: boolean
  readonly listTags?: boolean
  readonly verbose: number
  readonly debug?: boolean
}

/** Runs a playbook, or only its roles' checks; resolves to the exit code. */
export async function runCommand(io: Io, playbookFile: string, given: object, verify: boolean): Promise<number> {
  const options = given as RunCommandOptions // commander's parsers made it so
  const { definition: playbook } = await loadPlaybook(resolve(io.cwd, playbookFile))
  const site = await openSite(io, options)
  const extraVars = parseExtraVars(options.extraVars ?? [], rolesOfPlaybook(playbook, site.inventory))
  const request = { playbook, ...site, extraVars, limit: options.limit, tags: options.tags, skipTags: options.skipTags }
  if (options.listHosts || options.listTasks || options.listTags) {
    io.stdout.write(renderListing(listTasks(request), options))
    return exitCode.ok
  }
  const report = await makeReport(io, options)
  const stop = new AbortController()
  const giveUp = new AbortController()
  const ignore = io.onInterrupt((signal) => interrupt(signal, stop, giveUp, report.emit))
  try {
    const result = await run({
      ...request,
      connect,
      emit: report.emit,
      check: options.check,
      forks: options.forks,
      verify,
      stop: stop.signal,
      giveUp: giveUp.signal,
    })
    return codeOf(result, options.detailedExitcode === true)
  } finally {
    ignore()
    await report.end()
  }
}

/** First Ctrl-C: finish what runs. Second, or SIGTERM: kill it. Third: leave at once. */
function interrupt(
  signal: 'SIGINT' | 'SIGTERM',
  stop: AbortController,
  giveUp: AbortController,
  emit: (event: RunEvent) => void,
): void {
  if (giveUp.signal.aborted) process.exit(exitCode.interrupted)
  const second = stop.signal.aborted || signal === 'SIGTERM'
  emit({ type: 'interrupted', giveUp: second })
  stop.abort()
  if (second) giveUp.abort()
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

async function makeReport(io: Io, options: RunCommandOptions): Promise<Report> {
  const kind = options.output ?? (io.stdout.isTTY && !io.env.CI && !io.env.NO_COLOR ? 'live' : 'plain')
  const screen: ScreenOptions = {
    output: io.stdout,
    colour: hasColour(io, io.stdout),
    cwd: io.cwd,
    verbosity: options.verbose,
    diff: options.diff,
    debug: options.debug,
  }
  switch (kind) {
    case 'json':
      return makeJsonReport({ output: io.stdout })
    case 'junit': {
      // the XML goes to stdout when all is done; people read along on stderr
      const xml = makeJunitReport({ output: io.stdout })
      const lines = makePlainReport({ ...screen, output: io.stderr, colour: hasColour(io, io.stderr) })
      return {
        emit: (event) => {
          xml.emit(event)
          lines.emit(event)
        },
        end: () => xml.end(),
      }
    }
    case 'live': {
      const { makeLiveReport } = await import('../report/live.ts')
      return makeLiveReport({ ...screen, stdout: io.stdout, stderr: io.stderr, now: () => performance.now() })
    }
    case 'plain':
      return makePlainReport(screen)
  }
}
