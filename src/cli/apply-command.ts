// `provision apply`: looks at every host as the plan did, refuses those that moved, and carries the plan out on the others.
// The hosts' locks are held from the look to the end, so nothing of ours comes in between.
import { ProvisionError } from '../core/error.ts'
import { type RunRequest, type RunResult, run } from '../engine/run.ts'
import { noteApplied, readApplied } from '../plan/applied.ts'
import { PlanCollector } from '../plan/collect.ts'
import { changedInputs, digestInventory } from '../plan/inputs.ts'
import { makePermits } from '../plan/permit.ts'
import type { PlannedHost, SavedPlan } from '../plan/plan-file.ts'
import { openPlanKey, type PlanKey } from '../plan/plan-key.ts'
import { renderLocation } from '../report/error.ts'
import { inChorus, type Report } from '../report/report.ts'
import { count } from '../report/text.ts'
import { writeWholeFile } from '../secrets/whole-file.ts'
import { type KeptConnections, keepConnections } from '../transport/kept.ts'
import { chooseReport, type ReportOptions } from './choose-report.ts'
import { hideExtraVars } from './hide-extra-vars.ts'
import { exitCode, type Io } from './io.ts'
import { openRecord } from './open-record.ts'
import type { SiteOptions } from './open-site.ts'
import { digestSecrets } from './plan-command.ts'
import { appliedFolder, planKeyFile, readPlan } from './plan-files.ts'
import { type PreparedRun, prepareRun } from './prepare-run.ts'
import { emitWithRefusals, type Refusal, refusalOf } from './refusals.ts'
import { outcomeCode } from './run-command.ts'
import { type Stopping, stopOnSignals } from './stop-signals.ts'

export interface ApplyCommandOptions
  extends ReportOptions,
    Pick<SiteOptions, 'askPass' | 'askBecomePass' | 'vaultKeyFile'> {
  readonly forks: number
  /** How many records of runs stay. */
  readonly keepRuns?: number
}

/** Carries a plan out; resolves to the exit code. */
export async function applyCommand(io: Io, file: string, options: ApplyCommandOptions): Promise<number> {
  const plan = readPlan(io, file)
  const key = openPlanKey(planKeyFile(io))
  checkInputs(io, file, plan, key)
  const done = readApplied(appliedFolder(io), plan.id)
  const planned = Object.keys(plan.hosts).filter((name) => plan.hosts[name]?.state === 'planned')
  const targets = planned.filter((name) => done[name] === undefined)
  if (targets.length === 0) {
    const why =
      planned.length === 0
        ? 'has no host that could be planned'
        : `was applied already (${planned.map((name) => `${name} at ${done[name]}`).join(', ')}), and a plan is applied once`
    io.stdout.write(`${file} ${why}: nothing done. A new one: provision plan -o ${file}\n`)
    return exitCode.ok
  }
  const prepared = await prepareRun(io, plan.playbook, {
    ...options,
    ...plan.options,
    inventory: plan.inventory,
    ...(plan.sealedVars !== undefined && { extraVars: JSON.parse(key.decrypt(plan.sealedVars)) as string[] }), // sealed by us
  })
  const { request, warnings } = prepared
  hideExtraVars(request.extraVars, request.secrets)
  if (digestInventory(request.inventory.hosts, key) !== plan.inventoryDigest)
    throw stale(file, 'the inventory came out otherwise, though its files are the same: an environment variable?')
  const record = openRecord(io, {
    command: 'apply',
    playbook: plan.playbook,
    check: false,
    options: { ...plan.options, inventory: plan.inventory, keepRuns: options.keepRuns },
    request,
  })
  const shown = await chooseReport(io, options)
  const report = record ? inChorus([shown, record]) : shown
  const stopping = stopOnSignals(
    io,
    (giveUp) => report.emit({ type: 'interrupted', giveUp }),
    () => report.abandon?.(),
  )
  const dial = io.connect ?? (await import('../transport/connect.ts')).makeEagerConnect()
  const kept = keepConnections(dial, { locked: true })
  try {
    for (const message of warnings) report.emit({ type: 'warning', host: undefined, message })
    for (const name of planned.filter((host) => done[host] !== undefined))
      report.emit({
        type: 'warning',
        host: name,
        message: `this plan was applied on it already, at ${done[name]}: left alone`,
      })
    const outcome = await carryOut(io, {
      file,
      plan,
      key,
      targets,
      prepared,
      report,
      stopping,
      kept,
      forks: options.forks,
    })
    record?.setOutcome(outcome)
    return outcomeCode(outcome)
  } catch (error) {
    report.fail?.(error)
    throw error
  } finally {
    await report.end()
    await kept.close()
    stopping.release()
  }
}

interface Apply {
  readonly file: string
  readonly plan: SavedPlan
  readonly key: PlanKey
  /** The hosts that the plan is for and that it was not applied on yet. */
  readonly targets: readonly string[]
  readonly prepared: PreparedRun
  readonly report: Report
  readonly stopping: Stopping
  readonly kept: KeptConnections
  readonly forks: number
}

async function carryOut(io: Io, apply: Apply): Promise<RunResult['outcome']> {
  const { file, plan, key, targets, prepared, report, stopping, kept, forks } = apply
  const { secrets } = prepared.request
  const started = performance.now()
  const { stop, giveUp } = stopping
  const common = { ...prepared.request, connect: kept.connect, forks, stop, giveUp }
  io.stderr.write(`comparing ${count(Object.keys(plan.hosts).length, 'host')} with ${file}\n`)
  const now = await look(io, common, key)
  if (stop.aborted) return 'interrupted'
  checkSecrets(file, plan, digestSecrets(secrets.used(), key))
  const refusals = Object.entries(plan.hosts).flatMap(([name, host]): Refusal[] => {
    if (host.state === 'planned' && !targets.includes(name)) return []
    return refusalOf(name, host, now[name], io.cwd)
  })
  const accepted = targets.filter((name) => !refusals.some(({ host }) => host === name))
  const emit = emitWithRefusals(report.emit, refusals, started)
  if (accepted.length === 0) {
    emit({ type: 'run:start', check: false, hosts: [], plays: [] })
    emit({ type: 'recap', check: false, hosts: {}, elapsedMs: 0 })
    return outcomeOf('ok', refusals)
  }
  const permits = makePermits(plan.hosts)
  const result = await run({
    ...common,
    emit,
    limit: accepted.join(','),
    permits: (host, { title, resource, where }, play) =>
      permits(host, { title: secrets.redact(title), resource, where: where && renderLocation(where, io.cwd) }, play),
  })
  if (result.outcome !== 'interrupted') {
    const whole = accepted.filter((name) => {
      const recap = result.hosts[name]
      return recap && recap.failed === 0 && !recap.unreachable
    })
    const time = new Date().toISOString()
    noteApplied(appliedFolder(io), plan.id, whole, time, (path, text) => writeWholeFile(path, text, 0o600))
  }
  return outcomeOf(result.outcome, refusals)
}

/** A check run of all hosts of the plan, as the plan was made. */
async function look(
  io: Io,
  request: Omit<RunRequest, 'emit'>,
  key: PlanKey,
): Promise<Readonly<Record<string, PlannedHost>>> {
  const collector = new PlanCollector(io.cwd, key)
  await run({ ...request, check: true, emit: collector.emit, onEvidence: collector.noteEvidence })
  return collector.hosts(request.secrets.redact)
}

function checkInputs(io: Io, file: string, plan: SavedPlan, key: PlanKey): void {
  const changed = changedInputs(plan.inputs, io.cwd, key)
  if (changed.length > 0) throw stale(file, changed.join(', '))
}

/** A secret that was there must be the same; one that was nowhere is made by this apply. */
function checkSecrets(file: string, plan: SavedPlan, now: Readonly<Record<string, string | null>>): void {
  const changed = Object.entries(plan.secretDigests).flatMap(([name, before]) =>
    before === null || now[name] === undefined || now[name] === before ? [] : [`the secret ${name} is another`],
  )
  if (changed.length > 0) throw stale(file, changed.join(', '))
}

function stale(file: string, why: string): ProvisionError {
  return new ProvisionError({
    code: 'input',
    message: `the plan ${file} does not fit any more: ${why}`,
    hint: `provision plan -o ${file}`,
  })
}

function outcomeOf(outcome: RunResult['outcome'], refusals: readonly Refusal[]): RunResult['outcome'] {
  if (outcome === 'interrupted' || outcome === 'failed' || refusals.length === 0) return outcome
  return refusals.some(({ kind }) => kind === 'refused') ? 'failed' : 'unreachable'
}
