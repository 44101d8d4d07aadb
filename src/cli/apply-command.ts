// `provision apply`: reads a plan, checks that all it rests on is as it was, and hands it to `applyPlan`.
import { readApplied } from '../plan/applied.ts'
import { changedInputs, digestInventory } from '../plan/inputs.ts'
import type { SavedPlan } from '../plan/plan-file.ts'
import { openPlanKey, type PlanKey } from '../plan/plan-key.ts'
import { inChorus } from '../report/report.ts'
import { keepConnections } from '../transport/kept.ts'
import { applyPlan, stale } from './apply-plan.ts'
import { chooseReport, type ReportOptions } from './choose-report.ts'
import { hideExtraVars } from './hide-extra-vars.ts'
import { exitCode, type Io } from './io.ts'
import { openRecord } from './open-record.ts'
import type { SiteOptions } from './open-site.ts'
import { appliedFolder, planKeyFile, readPlan } from './plan-files.ts'
import { prepareRun } from './prepare-run.ts'
import { outcomeCode } from './run-command.ts'
import { stopOnSignals } from './stop-signals.ts'

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
    return planned.length === 0 ? exitCode.failed : exitCode.ok
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
    const outcome = await applyPlan(io, {
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

function checkInputs(io: Io, file: string, plan: SavedPlan, key: PlanKey): void {
  const changed = changedInputs(plan.inputs, io.cwd, key)
  if (changed.length > 0) throw stale(file, changed.join(', '))
}
