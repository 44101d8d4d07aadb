// One measured run: everything that is counted is read just before and just after it.
import type { Ended } from '../contestants/contestant.ts'
import type { BenchHosts } from '../hosts.ts'
import type { Measures } from '../results.ts'
import type { ControllerGroup } from './controller-group.ts'
import type { DelayProxy } from './delay-proxy.ts'

/** What is watched during a run. */
export interface Watch {
  readonly group: ControllerGroup
  readonly hosts?: Pick<BenchHosts, 'cpu' | 'logins'> | undefined
  readonly proxy?: DelayProxy | undefined
}

/** A run and what it took. */
export interface Measured {
  readonly ended: Ended
  readonly measures: Measures
}

/** Does the work and measures it. Whatever it leaves running goes on counting in the next measurement unless it is ended. */
export async function measure(work: () => Promise<Ended>, { group, hosts, proxy }: Watch): Promise<Measured> {
  await proxy?.take()
  const memory = watchMemory(group)
  const before = await readAll(group, hosts)
  const started = performance.now()
  let ended: Ended
  try {
    ended = await work()
  } finally {
    memory.stop()
  }
  const wall = (performance.now() - started) / 1000
  const after = await readAll(group, hosts)
  const traffic = await proxy?.take()
  return {
    ended,
    measures: {
      wall,
      controllerCpu: after.cpu - before.cpu,
      peakMemory: memory.peak(),
      ...(before.hosts && after.hosts && hostMeasures(before.hosts, after.hosts)),
      ...(traffic && { turns: traffic.turns, bytes: traffic.up + traffic.down }),
    },
  }
}

interface HostReading {
  readonly cpu: number
  readonly logins: number
  readonly sessions: number
}

async function readAll(group: ControllerGroup, hosts: Watch['hosts']) {
  return {
    cpu: await group.cpu(),
    hosts: hosts && { cpu: await hosts.cpu(), ...(await hosts.logins()) },
  }
}

function hostMeasures(before: HostReading, after: HostReading) {
  return {
    hostsCpu: after.cpu - before.cpu,
    logins: after.logins - before.logins,
    sessions: after.sessions - before.sessions,
  }
}

/** Looks 20 times a second how much memory the group has. */
function watchMemory(group: ControllerGroup): { readonly peak: () => number | undefined; readonly stop: () => void } {
  let peak: number | undefined
  const look = async () => {
    const now = await group.memory()
    if (now !== undefined) peak = Math.max(peak ?? 0, now)
  }
  const timer = setInterval(() => void look(), 50)
  return { peak: () => peak, stop: () => clearInterval(timer) }
}
