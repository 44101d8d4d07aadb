// What hosts have to do with each other: those that tasks of others run on or that others read of. They are hosts of this
// run, or guests, which have no play in it.
import type { Emit } from '../core/events.ts'
import type { Facts } from '../core/host.ts'
import type { Outcome } from '../core/task.ts'
import { delegatesIn } from './delegate.ts'
import { makeHostContext, type Site } from './host-context.ts'
import { HostRun } from './host-run.ts'
import type { HostRunOptions, HostState } from './host-state.ts'
import type { Item } from './items.ts'
import { type OtherHostsView, type Reading, readResult } from './read-other.ts'
import { FactsNeeded } from './user-code.ts'

export interface OtherHostsParts {
  readonly site: () => Site
  readonly options: () => HostRunOptions
}

export class OtherHosts implements OtherHostsView {
  private readonly parts: OtherHostsParts
  private readonly guests = new Map<string, HostRun>()
  private readonly named = new Set<string>()
  /** The hosts of the run, once it has begun. */
  private runs: ReadonlyMap<string, HostRun> | undefined

  constructor(parts: OtherHostsParts) {
    this.parts = parts
  }

  /** The run begins, with its hosts and its plays' items on each, as far as they are known before any host is. */
  begin(
    runs: ReadonlyMap<string, HostRun>,
    expanded: ReadonlyMap<unknown, ReadonlyMap<string, readonly Item[]>>,
  ): void {
    this.runs = runs
    for (const hosts of expanded.values())
      for (const items of hosts.values()) for (const name of delegatesIn(items)) this.named.add(name)
  }

  /** The facts of a host that has been connected. */
  factsOf(name: string): Facts | undefined {
    return (this.runs?.get(name) ?? this.guests.get(name))?.context.knownFacts()
  }

  /** The result of a task of another host. Throws if it is not known for sure. */
  resultOf(reading: Reading): Outcome {
    const { runs } = this
    if (!runs) throw new FactsNeeded(`a result of ${reading.of} was read before the run`)
    const own = runs.get(reading.of)
    const host = own?.results.of(reading.task) ? own : (this.didOnce(reading, runs) ?? own)
    return readResult(reading, host, this.parts.site().playbook.plays)
  }

  /** The one host that did the task for all hosts of a play with `runOnce`. */
  private didOnce({ of, task }: Reading, runs: ReadonlyMap<string, HostRun>): HostRun | undefined {
    return [...runs.values()].find(({ results }) => {
      const play = results.playOf(task)
      return (
        play?.runOnce &&
        this.parts
          .site()
          .inventory.select(play.hosts)
          .some((host) => host.name === of)
      )
    })
  }

  /** The state of a host of the inventory, connected. Rejects with HostStopped. */
  async reach(name: string): Promise<HostState> {
    this.named.add(name)
    const hostRun = this.runs?.get(name) ?? this.guests.get(name) ?? this.makeGuest(name)
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
  private makeGuest(name: string): HostRun {
    const site = this.parts.site()
    const options = this.parts.options()
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
