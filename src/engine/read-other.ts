// What a role or a playbook reads of other hosts: their facts, for which they are connected, and results of their tasks,
// where the order of the plays makes sure that these are known.
import { formatLocation, ProvisionError } from '../core/error.ts'
import type { Facts, Inventory } from '../core/host.ts'
import type { LazyLocation } from '../core/location.ts'
import type { Play } from '../core/play.ts'
import { nearest } from '../core/schema.ts'
import { type Outcome, type Task, titleOf } from '../core/task.ts'
import type { HostState } from './host-state.ts'
import type { Known, Results } from './results.ts'
import { HostStopped } from './stopped.ts'
import { FactsNeeded, Unknowable } from './user-code.ts'

/** A task's result that a play on one host reads of another one. */
export interface Reading {
  readonly task: Task
  /** The host whose result it is. */
  readonly of: string
  /** The host and the play that read it. */
  readonly by: string
  readonly play: Play | undefined
  readonly where: LazyLocation
}

/** What a run knows of its hosts. */
export interface OtherHostsView {
  /** Undefined until the host is connected. */
  readonly factsOf: (name: string) => Facts | undefined
  /** Throws FactsNeeded before the run begins, and a ProvisionError where the result is not known for sure. */
  readonly resultOf: (reading: Reading) => Outcome
}

/** A host as far as its results go. */
export interface ResultsOfHost {
  readonly results: Results
  /** Why the host does not go on, once it does not. */
  readonly stopped: HostStopped | undefined
}

/** Throws if the inventory does not have the host. */
export function checkHostName(name: string, { hosts }: Inventory, where: LazyLocation): void {
  const names = hosts.map((host) => host.name)
  if (names.includes(name)) return
  const near = nearest(name, names)
  throw new ProvisionError({
    code: 'playbook',
    message: `the inventory has no host '${name}'`,
    where: where.get(),
    hint: near ? `Did you mean '${near}'?` : `Hosts: ${names.join(', ')}.`,
  })
}

/** Runs the user's code on a host; another one whose facts it reads is connected first. */
export async function withOthers<T>(state: HostState, body: () => T): Promise<T> {
  const met = new Set<string>()
  for (;;) {
    try {
      return body()
    } catch (error) {
      if (!(error instanceof FactsNeeded) || error.of === undefined || met.has(error.of)) throw error
      met.add(error.of)
      await meet(state, error.of, error.where)
    }
  }
}

async function meet({ options }: HostState, name: string, where: LazyLocation | undefined): Promise<void> {
  const fail = (why: string, reason?: ProvisionError): never => {
    throw new ProvisionError({
      code: reason?.code ?? 'playbook',
      message: `the facts of ${name} cannot be read: ${why}`,
      where: where?.get(),
      detail: reason?.detail,
      hint: reason?.hint,
      cause: reason,
    })
  }
  if (options.byWorker) fail('with --queue each host is one worker’s business')
  try {
    await options.reach(name)
  } catch (error) {
    if (!(error instanceof HostStopped) || error.kind === 'interrupted') throw error
    fail(error.reason?.message ?? 'the connection is lost', error.reason)
  }
}

/** The result, if it is known for sure. Throws a ProvisionError that says why not. */
export function readResult(reading: Reading, host: ResultsOfHost | undefined, plays: readonly Play[]): Outcome {
  const { task, of, by, play, where } = reading
  const place = task.where.get()
  const title = `${titleOf(task)}${place ? ` (${formatLocation(place)})` : ''}`
  const fail = (why: string, hint?: string): never => {
    throw new ProvisionError({
      code: 'playbook',
      message: `the result of ${title} on ${of} is not known: ${why}`,
      where: where.get(),
      hint,
    })
  }
  if (!host) return fail(`no play of this run takes ${of}`, '--limit, --start-at-task or --queue may have left it out.')
  const known = host.results.of(task)
  const its = host.results.playOf(task)
  if (known && its && play && !isBefore(its, play, plays) && of !== by)
    return fail(`the play ${its.name}, which has it, need not be over when ${play.name} begins`, orderHint)
  if (known) return readable(known, () => fail('it was skipped'))
  const leftOutBy = host.results.leftOutBy(task)
  if (leftOutBy) return fail(`it was left out by ${leftOutBy}`)
  if (host.stopped?.kind === 'unreachable') return fail(`${of} is unreachable`)
  if (host.stopped) return fail(`${of} stopped before it`)
  return fail('it has not run there', orderHint)
}

const orderHint = 'Put it into an earlier play; if the play that reads it says after, name that play there.'

/** Whether a play is over on all hosts that answer when another one begins. */
function isBefore(earlier: Play, later: Play, plays: readonly Play[]): boolean {
  if (plays.indexOf(earlier) >= plays.indexOf(later)) return false
  if (later.after === undefined) return true
  return [later.after].flat().some((named) => named === earlier || isBefore(earlier, named as Play, plays))
}

/** An outcome whose fields are there, or say why not when they are read. */
function readable({ outcome, unknown }: Known, wasSkipped: () => never): Outcome {
  return new Proxy(outcome, {
    get: (target, key) => {
      if (unknown === 'all') throw new Unknowable('check mode cannot know this result')
      if (key in target || typeof key === 'symbol') return Reflect.get(target, key)
      if (unknown === 'result') throw new Unknowable('check mode cannot know this result')
      return target.skipped ? wasSkipped() : undefined
    },
  })
}
