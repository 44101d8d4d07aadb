// How contestants take turns: a round is one run of each, so that whatever else the machine does hits all of them alike.
import { join } from 'node:path'
import { writeContent } from './content/write.ts'
import type { Assignment, Contestant, Ended, Runner } from './contestants/contestant.ts'
import { floor } from './contestants/floor/floor.ts'
import type { BenchHosts } from './hosts.ts'
import { type ControllerGroup, openControllerGroup } from './measuring/controller-group.ts'
import type { DelayProxy } from './measuring/delay-proxy.ts'
import { measure } from './measuring/measure.ts'
import type { BenchContext } from './workload.ts'

/** What a workload measures in rounds. */
export interface Rounds {
  readonly workload: string
  readonly case: string
  readonly hosts: BenchHosts
  readonly contestants: readonly Contestant[]
  /** How often each is measured; slow ones half as often. */
  readonly rounds: number
  /** Where contestants find the hosts, if not at their own addresses. */
  readonly proxy?: DelayProxy | undefined
  readonly assignments?: Pick<Assignment, 'targets'> | undefined
  /** Keep what a contestant has open from an unmeasured run just before. @default false */
  readonly warm?: boolean
  /** Done before each measured run. */
  readonly before?: () => Promise<void>
  /** The number of the first round. @default 0 */
  readonly firstRound?: number
  /** Ask the judge after each run, not only at the end. @default false */
  readonly judgeEach?: boolean
}

/** Measures all rounds and records them. The hosts are converged before by `settle`, or are as the workload wants them. */
export async function runRounds(context: BenchContext, rounds: Rounds): Promise<void> {
  for (let round = 0; round < rounds.rounds; round += 1) {
    for (const contestant of rounds.contestants) {
      if (contestant.slow && round >= Math.max(1, Math.floor(rounds.rounds / 2))) continue
      context.signal.throwIfAborted()
      await runTurn(context, rounds, contestant, (rounds.firstRound ?? 0) + round)
    }
  }
  if (rounds.judgeEach) return
  const complaints = await rounds.hosts.judge()
  if (complaints.length > 0) throw new Error(`the judge after ${rounds.workload}: ${complaints.join('; ')}`)
}

/** Lets the floor converge all hosts, unmeasured, and makes sure that the judge agrees. */
export async function settle(context: BenchContext, hosts: BenchHosts): Promise<void> {
  await writeData(context, hosts)
  const { exitCode, output } = await withRunner(context, floor, hosts, {}, (runner) => runner.converge())
  if (exitCode !== 0) throw new Error(`the floor failed: ${output}`)
  const complaints = await hosts.judge()
  if (complaints.length > 0) throw new Error(`the judge finds hosts not converged: ${complaints.join('; ')}`)
}

async function runTurn(context: BenchContext, rounds: Rounds, contestant: Contestant, round: number): Promise<void> {
  const { hosts, workload, proxy } = rounds
  await withRunner(context, contestant, hosts, rounds.assignments ?? {}, async (runner, group) => {
    if (rounds.warm) await runner.converge()
    await rounds.before?.()
    const { ended, measures } = await measure(() => runner.converge(), { group, hosts, proxy })
    const complaints = rounds.judgeEach ? await hosts.judge() : []
    await context.record({
      workload,
      case: rounds.case,
      contestant: contestant.name,
      hosts: hosts.targets.length,
      round,
      ...measures,
      changed: contestant.changedIn(ended.output),
      failure: failureOf(ended, complaints),
    })
  })
}

function failureOf(ended: Ended, complaints: readonly string[]): string | undefined {
  if (ended.exitCode !== 0) return `exit code ${ended.exitCode}: ${ended.output.trim().slice(-2000)}`
  return complaints.length === 0 ? undefined : `the judge disagrees: ${complaints.join('; ')}`
}

/** Opens a contestant in a group of its own; whatever it leaves is ended. */
async function withRunner<T>(
  context: BenchContext,
  contestant: Contestant,
  hosts: BenchHosts,
  instead: Partial<Assignment>,
  work: (runner: Runner, group: ControllerGroup) => Promise<T>,
): Promise<T> {
  const folder = await context.folder(contestant.name)
  const data = await context.folder('data')
  const group = await openControllerGroup(contestant.name, join(folder, 'log'))
  const stop = () => void group.end().catch(() => {})
  context.signal.addEventListener('abort', stop)
  try {
    const { targets, identityFile, knownHosts } = hosts
    const runner = await contestant.open({ targets, identityFile, knownHosts, data, folder, ...instead }, group)
    try {
      return await work(runner, group)
    } finally {
      await runner.close()
    }
  } finally {
    context.signal.removeEventListener('abort', stop)
    await group.remove()
  }
}

/** Writes what the contestants read. */
export async function writeData(context: BenchContext, hosts: BenchHosts): Promise<void> {
  await writeContent(
    await context.folder('data'),
    hosts.targets.map(({ name }) => name),
  )
}
