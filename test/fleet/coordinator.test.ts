// The coordinator with workers that are played: which parts it hands out, when, and what becomes of the run.
import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { HostRecap, RunEvent } from '../../src/core/events.ts'
import { after, changed } from '../../src/core/flow.ts'
import { defineInventory } from '../../src/core/inventory.ts'
import { definePlaybook, type Play, type PlayOptions, play } from '../../src/core/play.ts'
import type { RunResult } from '../../src/engine/run.ts'
import { runFleet } from '../../src/fleet/coordinator.ts'
import type { HostEvent, Part, PartResult } from '../../src/fleet/messages.ts'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'
import * as shell from '../../src/resources/shell.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'

const quiet: HostRecap = {
  ok: 1,
  changed: 0,
  failed: 0,
  skipped: 0,
  ignored: 0,
  unknown: 0,
  unreachable: false,
  requests: 1,
}
const results: Record<'ok' | 'failed' | 'unreachable' | 'interrupted', PartResult> = {
  ok: { recap: quiet, outcome: 'ok' },
  failed: { recap: { ...quiet, failed: 1 }, outcome: 'failed' },
  unreachable: { recap: { ...quiet, ok: 0, unreachable: true }, outcome: 'unreachable' },
  interrupted: { recap: quiet, outcome: 'interrupted' },
}

interface Fleet {
  readonly result: RunResult
  /** `play host`, in the order in which they were handed out; `halt` where the workers were told to stop. */
  readonly handed: readonly string[]
  readonly events: readonly RunEvent[]
}

async function fleet(
  plays: readonly Play[],
  answer: (part: Part) => keyof typeof results | 'lost' = () => 'ok',
  more: { stop?: AbortSignal; local?: boolean } = {},
): Promise<Fleet> {
  const handed: string[] = []
  const events: RunEvent[] = []
  const inventory = resolveInventory(
    defineInventory({ hosts: { a: more.local ? { connection: 'local' } : {}, b: {}, c: {}, d: {} } }),
  )
  const result = await runFleet(
    {
      playbook: definePlaybook(plays),
      inventory,
      secrets: openSecrets({ file: '/nowhere', generate: 'memory' }),
      emit: (event) => events.push(event),
      stop: more.stop,
    },
    async () => ({
      run: 'run',
      perform: async (part, listen) => {
        handed.push(`${part.play} ${part.host}${part.last ? ' last' : ''}`)
        const kind = answer(part)
        await Promise.resolve()
        if (kind === 'lost') throw new ProvisionError({ code: 'unreachable', message: 'no worker is left' })
        const connected: HostEvent = { type: 'host:connected', host: part.host }
        if (kind !== 'unreachable') listen(1, 'w', [connected])
        return results[kind]
      },
      halt: async (giveUp) => void handed.push(`halt ${giveUp}`),
    }),
  )
  return { result, handed, events }
}

const task = () => shell.command({ run: 'true' })
const make = (options: Partial<PlayOptions> = {}) => play({ hosts: 'all', tasks: [task()], ...options })

test('a play is a barrier, and each host knows its last play', async (t) => {
  const { handed, result, events } = await fleet([make({ name: 'one' }), make({ name: 'two', hosts: 'a' })])
  t.deepEqual(handed, ['0 a', '0 b last', '0 c last', '0 d last', '1 a last'])
  t.is(result.outcome, 'ok')
  t.deepEqual(result.hosts.a, { ...quiet, ok: 2, requests: 2 })
  t.is(events.filter(({ type }) => type === 'recap').length, 1)
  t.is(events.at(-1)?.type, 'recap')
})

test('a failed host takes no later play; the others do', async (t) => {
  const { handed, result } = await fleet([make(), make()], ({ host }) => (host === 'b' ? 'failed' : 'ok'))
  t.deepEqual(handed.slice(4), ['1 a last', '1 c last', '1 d last'])
  t.is(result.outcome, 'failed')
})

test('serial hands out batch by batch, and a batch that fails whole ends the run', async (t) => {
  const { handed, result } = await fleet([make({ serial: [1, 2] }), make()], ({ host }) =>
    host === 'b' || host === 'c' ? 'failed' : 'ok',
  )
  t.deepEqual(handed, ['0 a', '0 b', '0 c'])
  t.is(result.outcome, 'failed')
})

test('maxFailPercentage ends the run when more hosts failed', async (t) => {
  const one = ({ host }: Part) => (host === 'b' ? 'failed' : 'ok')
  t.is((await fleet([make({ maxFailPercentage: 25 }), make()], one)).handed.length, 7)
  t.is((await fleet([make({ maxFailPercentage: 20 }), make()], one)).handed.length, 4)
})

test('anyErrorsFatal stops the workers and the run, which is failed and not interrupted', async (t) => {
  const { handed, result } = await fleet([make({ anyErrorsFatal: true }), make()], ({ host }) =>
    host === 'a' ? 'failed' : 'interrupted',
  )
  t.deepEqual(handed, ['0 a', '0 b', '0 c', '0 d', 'halt false'])
  t.is(result.outcome, 'failed')
})

test('runOnce passes over hosts that cannot be reached', async (t) => {
  const { handed } = await fleet([make({ runOnce: true })], ({ host }) => (host === 'a' ? 'unreachable' : 'ok'))
  t.deepEqual(handed, ['0 a last', '0 b last'])
})

test('runOnce does not go on to another host after a failure', async (t) => {
  const { handed } = await fleet([make({ runOnce: true })], () => 'failed')
  t.deepEqual(handed, ['0 a last'])
})

test('a host whose worker is lost for good is unreachable and told', async (t) => {
  const { result, events } = await fleet([make()], ({ host }) => (host === 'd' ? 'lost' : 'ok'))
  t.is(result.outcome, 'unreachable')
  t.true(result.hosts.d?.unreachable)
  t.deepEqual(
    events.flatMap((event) => (event.type === 'host:unreachable' ? [`${event.host}: ${event.error.message}`] : [])),
    ['d: no worker is left'],
  )
})

test('an interruption stops the workers, and later plays are not begun', async (t) => {
  const stop = new AbortController()
  const answer = (): 'interrupted' => {
    stop.abort()
    return 'interrupted'
  }
  const { handed, result } = await fleet([make({ hosts: 'a' }), make()], answer, { stop: stop.signal })
  t.deepEqual(handed, ['0 a', 'halt false'])
  t.is(result.outcome, 'interrupted')
})

test('a condition about a task of an earlier play is refused by name, in when and in after', async (t) => {
  const first = shell.command({ run: 'first', name: 'the first' })
  const plays = (second: PlayOptions['tasks']) => [
    play({ hosts: 'all', name: 'one', tasks: [first] }),
    play({ hosts: 'all', name: 'two', tasks: second ?? [] }),
  ]
  const message = /in play two asks about the first \(.*coordinator\.test\.ts:\d+:\d+\) of the play one: with --queue/
  await t.throwsAsync(fleet(plays([shell.command({ run: 'second', when: changed(first) })])), { message })
  await t.throwsAsync(fleet(plays([after(first, () => [task()])])), { message })
  const again = plays([first, shell.command({ run: 'second', when: changed(first) })])
  t.is((await fleet(again)).result.outcome, 'ok', 'a task that stands in both plays is its own in each')
})

test('a host that is the machine itself is refused', async (t) => {
  await t.throwsAsync(fleet([make()], undefined, { local: true }), {
    message: /^host a of play all has connection 'local'/,
  })
})

test('a task that runs on another host is refused; one that names its own is not', async (t) => {
  const on = (name: string) => play({ hosts: 'a', tasks: shell.command({ name: 'drain', run: 'true', on: name }) })
  await t.throwsAsync(fleet([on('b')]), {
    message: "drain: option 'on': with --queue no task can run on another host, and this one is for 'b'",
  })
  t.is((await fleet([on('a')])).result.outcome, 'ok')
})
