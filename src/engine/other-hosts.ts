// What hosts have to do with each other: those that tasks of others run on or that others read of. They are hosts of this
// run, or guests, which have no play in it.
import type { Emit } from '../core/events.ts'
import type { Facts } from '../core/host.ts'
import { hostsOfPlay } from '../core/play.ts'
import type { Outcome } from '../core/task.ts'
import { delegatesIn } from './delegate.ts'
import { makeHostContext, type Site } from './host-context.ts'
import { HostRun } from './host-run.ts'
import type { HostRunOptions, HostState } from './host-state.ts'
import type { Item } from './items.ts'
import { type OtherHostsView, type Reading, readResult } from './read-other.ts'
import { FactsNeeded } from './user-code.ts'

export interface OtherHostsParts {
  readonly site: Site
  readonly options: HostRunOptions
  /** The hosts of the run. */
  readonly runs: ReadonlyMap<string, HostRun>
}

export class OtherHosts implements OtherHostsView {
  /** Undefined before the run begins. */
  private parts: OtherHostsParts | undefined
  private readonly guests = new Map<string, HostRun>()
  private readonly named = new Set<string>()

  /** The run begins, with its plays' items on each host, as far as they are known before any host is. */
  begin(parts: OtherHostsParts, expanded: ReadonlyMap<unknown, ReadonlyMap<string, readonly Item[]>>): void {
    this.parts = parts
    for (const hosts of expanded.values())
      for (const items of hosts.values()) for (const name of delegatesIn(items)) this.named.add(name)
  }

  /** The facts of a host that has been connected. */
  factsOf(name: string): Facts | undefined {
    return (this.parts?.runs.get(name) ?? this.guests.get(name))?.context.knownFacts()
  }

  /** The result of a task of another host. Throws if it is not known for sure. */
  resultOf(reading: Reading): Outcome {
    if (!this.parts) throw new FactsNeeded(`a result of ${reading.of} was read before the run`)
    const { runs, site } = this.parts
    const own = runs.get(reading.of)
    const host = own?.results.of(reading.task) ? own : (didOnce(reading, this.parts) ?? own)
    return readResult(reading, host, site.playbook.plays)
  }

  /** The state of a host of the inventory, connected. Rejects with HostStopped. */
  async reach(name: string): Promise<HostState> {
    this.named.add(name)
    if (!this.parts) throw new Error(`the host ${name} was called before the run`)
    const hostRun = this.parts.runs.get(name) ?? this.guests.get(name) ?? this.makeGuest(name, this.parts)
    return await hostRun.lend()
  }

  /** Whether a task may still run on it when its own plays are over. */
  expects(name: string): boolean {
    return this.named.has(name)
  }

  async close(): Promise<void> {
    await Promise.all([...this.guests.values()].map((guest) => guest.close().catch(() => undefined)))
  }

  /** A stop does not end a guest's connecting: it may be needed to put back what was taken away. */
  private makeGuest(name: string, { site, options }: OtherHostsParts): HostRun {
    const context = makeHostContext(site.inventory.host(name), site)
    const stop = new AbortController().signal
    const guest = new HostRun(context, [], { ...options, stop, emit: withoutHosts(options.emit) })
    this.guests.set(name, guest)
    return guest
  }
}

/** A guest is no host of the run: that it cannot be reached is told by the tasks that need it. */
function withoutHosts(emit: Emit): Emit {
  return (event) => {
    if (!event.type.startsWith('host:')) emit(event)
  }
}

/** The one host that did the task for all hosts of a play with `runOnce`. */
function didOnce({ of, task }: Reading, { runs, site }: OtherHostsParts): HostRun | undefined {
  return [...runs.values()].find(({ results }) => {
    const play = results.playOf(task)
    return play?.runOnce && hostsOfPlay(play, site.inventory).some((host) => host.name === of)
  })
}
