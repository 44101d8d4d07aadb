// A plan on its hosts: a look at all of them, then the run of those that are as they were. The locks are held from the look
// to the end, so no other run comes in between.
import { ProvisionError } from '../core/error.ts'
import { type RunRequest, type RunResult, run } from '../engine/run.ts'
import { noteApplied } from '../plan/applied.ts'
import { PlanCollector } from '../plan/collect.ts'
import { makePermits } from '../plan/permit.ts'
import type { PlannedHost, SavedPlan } from '../plan/plan-file.ts'
import type { PlanKey } from '../plan/plan-key.ts'
import { renderLocation } from '../report/error.ts'
import type { Report } from '../report/report.ts'
import { count } from '../report/text.ts'
import { writeWholeFile } from '../secrets/whole-file.ts'
import type { KeptConnections } from '../transport/kept.ts'
import type { Io } from './io.ts'
import { digestSecrets } from './plan-command.ts'
import { appliedFolder } from './plan-files.ts'
import type { PreparedRun } from './prepare-run.ts'
import { emitWithRefusals, type Refusal, refusalOf } from './refusals.ts'
import type { Stopping } from './stop-signals.ts'

export interface PlanToApply {
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

/** Carries a plan out where the hosts did not move; resolves to how it ended, refused hosts as failed ones. */
export async function applyPlan(io: Io, apply: PlanToApply): Promise<RunResult['outcome']> {
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

/** A secret that was there must be the same; one that was nowhere is made by this apply. */
function checkSecrets(file: string, plan: SavedPlan, now: Readonly<Record<string, string | null>>): void {
  const changed = Object.entries(plan.secretDigests).flatMap(([name, before]) =>
    before === null || now[name] === undefined || now[name] === before ? [] : [`the secret ${name} is another`],
  )
  if (changed.length > 0) throw stale(file, changed.join(', '))
}

/** A plan that does not fit what is there now. */
export function stale(file: string, why: string): ProvisionError {
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
