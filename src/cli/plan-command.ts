// `provision plan`: a check run whose answers are kept, and `provision plan show`.
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { run } from '../engine/run.ts'
import { PlanCollector } from '../plan/collect.ts'
import { digestInventory, Inputs } from '../plan/inputs.ts'
import { planVersion, type SavedPlan, summaryOf } from '../plan/plan-file.ts'
import { openPlanKey, type PlanKey } from '../plan/plan-key.ts'
import { renderPlanAsJson, renderPlanForPeople } from '../plan/render.ts'
import { renderPlan } from '../plan/seal.ts'
import { makePaint } from '../report/paint.ts'
import { writeWholeFile } from '../secrets/whole-file.ts'
import { chooseReport, type ReportOptions } from './choose-report.ts'
import { hideExtraVars } from './hide-extra-vars.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { packageVersion } from './package-version.ts'
import { checkPlanPlace, planKeyFile, readPlan } from './plan-files.ts'
import { type PreparedRun, type PrepareOptions, prepareRun } from './prepare-run.ts'
import { outcomeCode } from './run-command.ts'
import { stopOnSignals } from './stop-signals.ts'

export interface PlanCommandOptions extends PrepareOptions, ReportOptions {
  /** The plan's file. */
  readonly out: string
  readonly forks: number
  readonly detailedExitcode?: boolean
}

/** Looks at every host and saves what would change; resolves to the exit code. */
export async function planCommand(io: Io, playbookFile: string, options: PlanCommandOptions): Promise<number> {
  if (options.output === 'junit')
    throw new ProvisionError({ code: 'input', message: '--output junit: expected live, plain or json for a plan' })
  checkPlanPlace(io, options.out)
  const key = openPlanKey(planKeyFile(io))
  const inputs = new Inputs(io.cwd, key)
  for (const item of options.extraVars ?? []) if (item.startsWith('@')) inputs.note(item.slice(1))
  const prepared = await prepareRun(io, playbookFile, { ...options, check: true })
  for (const path of prepared.inputs) inputs.note(path)
  const { request, warnings } = prepared
  hideExtraVars(request.extraVars, request.secrets)
  const report = await chooseReport(io, options)
  const collector = new PlanCollector(io.cwd, key)
  const stopping = stopOnSignals(
    io,
    (giveUp) => report.emit({ type: 'interrupted', giveUp }),
    () => report.abandon?.(),
  )
  try {
    for (const message of warnings) report.emit({ type: 'warning', host: undefined, message })
    const result = await run({
      ...request,
      connect: io.connect ?? (await import('../transport/connect.ts')).makeEagerConnect(),
      emit: (event) => {
        collector.emit(event)
        report.emit(event)
      },
      onEvidence: collector.noteEvidence,
      onRead: (path) => inputs.note(path),
      check: true,
      forks: options.forks,
      stop: stopping.stop,
      giveUp: stopping.giveUp,
    })
    await report.end()
    if (result.outcome === 'interrupted') {
      io.stderr.write(`interrupted: ${options.out} was not written\n`)
      return exitCode.interrupted
    }
    const plan = makePlan(playbookFile, options, { prepared, inputs, collector, key })
    writeWholeFile(resolve(io.cwd, options.out), renderPlan(plan, key), 0o600)
    const people = options.output === 'json' ? io.stderr : io.stdout
    people.write(`\n${options.out}: ${summaryOf(plan)}\n`)
    people.write(`Look at it: provision plan show ${options.out}\nDo it:      provision apply ${options.out}\n`)
    if (options.detailedExitcode && result.outcome === 'ok' && result.pending) return exitCode.pending
    return outcomeCode(result.outcome)
  } catch (error) {
    report.fail?.(error)
    await report.end()
    throw error
  } finally {
    stopping.release()
  }
}

interface Gathered {
  readonly prepared: PreparedRun
  readonly inputs: Inputs
  readonly collector: PlanCollector
  readonly key: PlanKey
}

function makePlan(
  playbook: string,
  options: PlanCommandOptions,
  { prepared: { request }, inputs, collector, key }: Gathered,
): SavedPlan {
  const { secrets, inventory, extraVars } = request
  const { extraVars: written = [] } = options
  const { limit, tags, skipTags } = request
  const names = Object.entries(extraVars).flatMap(([role, vars]) => Object.keys(vars).map((name) => `${role}.${name}`))
  const plan: SavedPlan = {
    format: 'hostwright plan',
    version: planVersion,
    id: randomUUID(),
    made: new Date().toISOString(),
    hostwright: packageVersion(),
    playbook,
    inventory: options.inventory,
    options: { limit, tags, skipTags, secrets: options.secrets, vault: options.vault },
    extraVars: names,
    sealedVars: written.length > 0 ? key.encrypt(JSON.stringify(written)) : undefined,
    inputs: inputs.all(),
    inventoryDigest: digestInventory(inventory.hosts, key),
    secretDigests: digestSecrets(secrets.used(), key),
    hosts: collector.hosts(secrets.redact),
  }
  return JSON.parse(JSON.stringify(plan)) as SavedPlan // as it comes back from the file: signed without undefined fields
}

/** Keyed digests of secrets by name; null for one that is nowhere yet. */
export function digestSecrets(
  used: ReadonlyMap<string, string | undefined>,
  key: PlanKey,
): Record<string, string | null> {
  const pairs = [...used].sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, value === undefined ? null : key.digest(`secret ${name}`, value)]),
  )
}

export interface PlanShowOptions {
  readonly output: 'text' | 'json'
}

/** Prints a plan. */
export function planShowCommand(io: Io, file: string, { output }: PlanShowOptions): number {
  const plan = readPlan(io, file)
  io.stdout.write(
    output === 'json' ? renderPlanAsJson(plan) : renderPlanForPeople(plan, makePaint(hasColour(io, io.stdout))),
  )
  return exitCode.ok
}
