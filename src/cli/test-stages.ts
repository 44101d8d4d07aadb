// The stages of `provision test` on the hosts of one Debian release, each an answer to a question that an operator has.
import type { RunEvent } from '../core/events.ts'
import type { Secrets } from '../core/secret.ts'
import { type RunRequest, run } from '../engine/run.ts'
import { type LabStatus, labDown, labKill, labStart, labUp, type Suite } from '../lab/lab.ts'
import type { KeptConnections } from '../transport/kept.ts'
import { rolesIn } from './playbook-contents.ts'
import { mapOnto, type TestSubject } from './test-subject.ts'

export interface TestPlan {
  readonly subject: TestSubject
  readonly suite: Suite
  /** The lab's name. */
  readonly lab: string
  readonly secrets: Secrets
  /** Connections of these stages alone: a host that was rebooted is connected to anew. */
  readonly connect: KeptConnections['connect']
  readonly extraVars: Readonly<Record<string, unknown>>
  readonly forks: number
  readonly signal: AbortSignal
  readonly onProgress: (message: string) => void
}

/** How a stage ended. */
export interface StageEnd {
  /** What was found, in a few words. */
  readonly note: string
  /** Why it is broken. */
  readonly broken?: string | undefined
  /** What happened on the hosts, to be told if it is broken. */
  readonly events?: readonly RunEvent[] | undefined
}

export interface TestStage {
  readonly title: string
  readonly run: () => Promise<StageEnd>
}

/** After a reboot services take a moment; so often their promises are looked at, with seconds in between. */
const looks = { most: 30, pause: 2 }

/** All stages in order; one that is broken ends the test. */
export function makeStages(plan: TestPlan): readonly TestStage[] {
  let lab: LabStatus | undefined
  const place = { onProgress: plan.onProgress, signal: plan.signal }
  const names = plan.subject.inventory.hosts.map(({ name }) => name)

  const play = async (more: Pick<RunRequest, 'check' | 'verify'>) => {
    if (!lab) throw new Error('the lab is not up')
    const events: RunEvent[] = []
    const inventory = mapOnto(plan.subject.inventory, lab)
    const { playbook } = plan.subject
    const hasCertificates = lab.acme && rolesIn(playbook, inventory).some(({ name }) => name === 'letsencrypt')
    const acme = hasCertificates ? { letsencrypt: { directory: lab.acme?.directory, caFile: lab.acme?.caFile } } : {}
    const result = await run({
      playbook,
      inventory,
      secrets: plan.secrets,
      connect: plan.connect,
      forks: plan.forks,
      extraVars: { ...acme, ...plan.extraVars },
      stop: plan.signal,
      emit: (event) => events.push(event),
      ...more,
    })
    const hosts = Object.values(result.hosts)
    const sum = (key: 'ok' | 'changed' | 'unknown') => hosts.reduce((total, host) => total + host[key], 0)
    const broken = result.outcome === 'ok' ? undefined : outcomes[result.outcome]
    return { events, broken, ok: sum('ok'), changed: sum('changed'), unknown: sum('unknown') }
  }

  const check = async (): Promise<StageEnd> => {
    const { events, broken, changed, unknown } = await play({ check: true })
    return { note: `${changed} would change${unknown > 0 ? `, ${unknown} not known yet` : ''}`, broken, events }
  }
  const converge = async (): Promise<StageEnd> => {
    const { events, broken, changed } = await play({})
    return { note: `${changed} changed`, broken, events }
  }
  const again = async (): Promise<StageEnd> => {
    const { events, broken, changed } = await play({})
    const what = events.flatMap((event) =>
      event.type === 'task:end' && event.status === 'changed' ? [`${event.host} ${event.task.title}`] : [],
    )
    const reason = changed > 0 ? `a second run changed something: ${what.join(', ')}` : undefined
    return { note: `${changed} changed`, broken: broken ?? reason, events }
  }
  const verify = async (): Promise<StageEnd> => {
    const { events, broken, ok, changed } = await play({ verify: true })
    return { note: ok + changed === 0 ? 'no role promises anything' : `${ok + changed} promises kept`, broken, events }
  }
  const reboot = async (): Promise<StageEnd> => {
    for (const name of names) await labKill(plan.lab, name, place)
    for (const name of names) lab = await labStart(plan.lab, name, place)
    return { note: names.length === 1 ? '1 host' : `${names.length} hosts` }
  }
  const verifyLater = async (): Promise<StageEnd> => {
    for (let look = 1; ; look++) {
      const end = await verify()
      if (!end.broken || look === looks.most || plan.signal.aborted) return end
      await new Promise((resolve) => setTimeout(resolve, looks.pause * 1000))
    }
  }
  return [
    {
      title: 'fresh hosts',
      run: async () => {
        await labDown(plan.lab, place) // what a test that was killed left
        const acme = rolesIn(plan.subject.playbook, plan.subject.inventory).some(({ name }) => name === 'letsencrypt')
        const hosts = names.map((name) => ({ name, suite: plan.suite }))
        lab = await labUp({ name: plan.lab, hosts, acme, ...place })
        return { note: names.join(', ') }
      },
    },
    { title: 'check mode', run: check },
    { title: 'converge', run: converge },
    { title: 'converge again', run: again },
    { title: 'verify', run: verify },
    { title: 'reboot', run: reboot },
    { title: 'verify after reboot', run: verifyLater },
  ]
}

const outcomes = {
  failed: 'a task failed',
  unreachable: 'a host was unreachable',
  interrupted: 'interrupted',
}
