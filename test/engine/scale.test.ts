// Many tasks and many hosts against connections that answer at once: what the engine itself costs, counted, not timed.
import test from 'ava'
import * as v from 'valibot'
import { definePlaybook, play } from '../../src/core/play.ts'
import { defineResource } from '../../src/core/resource.ts'
import { run } from '../../src/engine/run.ts'
import type { Connect } from '../../src/transport/connection.ts'
import { makeInventory } from './stand-in.ts'

const asked = { wishes: 0 }

/** A key in a map; `probe` and `steps` are lines that the fake below understands. */
const entry = defineResource<{ key: string; value: string }, { key: string; value: string }, string>({
  name: 'entry',
  schema: { key: v.string(), value: v.string() },
  describe: (args) => args.key,
  probe: (wishes) => {
    asked.wishes += wishes.length
    return wishes.map((wish) => `get ${wish.key}`).join('\n')
  },
  parse: (stdout) => stdout.split('\n'),
  plan: (state, wish) =>
    state === wish.value
      ? { unchanged: 'set' }
      : { changes: [{ summary: 'set', steps: [{ script: `put ${wish.key} ${wish.value}` }] }] },
})

function connectToMaps(hosts: Map<string, Map<string, string>>): Connect {
  return (host) => {
    const map = hosts.get(host.name) ?? new Map<string, string>()
    hosts.set(host.name, map)
    let requests = 0
    return Promise.resolve({
      get requests() {
        return requests
      },
      run: (steps) => {
        requests++
        return Promise.resolve(
          steps.map(({ script }) => {
            const stdout = script.split('\n').map((line) => {
              const [verb = '', key = '', value = ''] = line.split(' ')
              if (verb === 'put') map.set(key, value)
              return verb === 'get' ? (map.get(key) ?? '') : ''
            })
            return { code: 0, stdout: stdout.join('\n'), stderr: '', skipped: false, timedOut: false }
          }),
        )
      },
      probeFresh: () => Promise.resolve(),
      close: () => Promise.resolve(),
    })
  }
}

const secrets = { reveal: String, redact: (text: string) => text }

async function runMany(hosts: number, tasks: number, maps: Map<string, Map<string, string>>) {
  asked.wishes = 0
  const only = play({
    hosts: 'all',
    tasks: () => Array.from({ length: tasks }, (_, index) => entry({ key: `k${index}`, value: 'x' })),
  })
  return run({
    playbook: definePlaybook(only),
    inventory: makeInventory(Array.from({ length: hosts }, (_, index) => `h${index}`)),
    secrets,
    connect: connectToMaps(maps),
    emit: () => undefined,
    forks: 50,
  })
}

test.serial('a thousand changes: about one request each, and a bounded number of probes', async (t) => {
  const maps = new Map()
  const first = await runMany(1, 1000, maps)
  t.like(first.hosts.h0, { changed: 1000, requests: 1001 })
  t.true(asked.wishes < 1000 * 7, `${asked.wishes} wishes were probed`)
  const second = await runMany(1, 1000, maps)
  t.like(second.hosts.h0, { ok: 1000, requests: 1 })
  t.is(asked.wishes, 1000)
})

test.serial('two hundred hosts with fifty tasks each converge in one request a host', async (t) => {
  const maps = new Map()
  await runMany(200, 50, maps)
  const { hosts } = await runMany(200, 50, maps)
  t.true(Object.values(hosts).every((host) => host.ok === 50 && host.requests === 1))
})
