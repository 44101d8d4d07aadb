import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { dialAhead } from '../../src/cli/dial-ahead.ts'
import type { Connect, Connection, ConnectProgress } from '../../src/transport/connection.ts'
import { makeInventory } from '../engine/stand-in.ts'

const secrets = { reveal: String, redact: (text: string) => text } as never
const command = ['site.ts', 'hosts.ts', undefined]

/** Notes who is connected to and closed. */
function makeTransport() {
  const story: string[] = []
  const given = new Map<string, ConnectProgress | undefined>()
  const connect: Connect = async (host, _secrets, progress) => {
    story.push(`connect ${host.name}`)
    given.set(host.name, progress)
    progress?.onAttempt?.(1, 'connecting')
    const connection = { requests: 0, close: async () => void story.push(`close ${host.name}`) }
    return connection as unknown as Connection // what is not here is not used
  }
  return { story, given, connect }
}

const inventory = makeInventory(['a', 'b', 'c'])
const place = () => ({ folder: join(mkdtempSync(join(tmpdir(), 'hostwright-')), 'cache'), command })
const [a] = inventory.hosts

test('the first run of a command dials nobody ahead; the next one dials the hosts that it used', async (t) => {
  const where = place()
  const first = makeTransport()
  const learning = dialAhead(first.connect, inventory, secrets, where)
  t.deepEqual(first.story, [])
  learning.remember(['b', 'a'])
  const second = makeTransport()
  const knowing = dialAhead(second.connect, inventory, secrets, where)
  t.deepEqual(second.story, ['connect a', 'connect b'])
  t.truthy(a && (await knowing.connect(a, secrets)))
  t.deepEqual(second.story, ['connect a', 'connect b'])
  await knowing.close()
  t.deepEqual(second.story, ['connect a', 'connect b', 'close b'])
  const other = makeTransport()
  dialAhead(other.connect, inventory, secrets, { ...where, command: ['other.ts'] })
  t.deepEqual(other.story, [])
})

test('who takes a call hears what was said before, and can hang up', async (t) => {
  const where = place()
  const { connect, given } = makeTransport()
  dialAhead(connect, inventory, secrets, where).remember(['a'])
  const ahead = dialAhead(connect, inventory, secrets, where)
  const heard: string[] = []
  const stop = new AbortController()
  if (a) await ahead.connect(a, secrets, { onAttempt: (_, detail) => heard.push(detail), signal: stop.signal })
  given.get('a')?.onAttempt?.(2, 'again')
  t.deepEqual(heard, ['connecting', 'again'])
  t.false(given.get('a')?.signal?.aborted)
  stop.abort()
  t.true(given.get('a')?.signal?.aborted)
})

test('a failed call is told to who takes it, and a host that is gone from the inventory is not called', async (t) => {
  const where = place()
  dialAhead(makeTransport().connect, inventory, secrets, where).remember(['a', 'gone'])
  const asked: string[] = []
  const ahead = dialAhead(
    (host) => {
      asked.push(host.name)
      return Promise.reject(new Error('no route'))
    },
    inventory,
    secrets,
    where,
  )
  t.deepEqual(asked, ['a'])
  if (a) await t.throwsAsync(ahead.connect(a, secrets), { message: 'no route' })
  await ahead.close()
})

test('more hosts than work at a time, or a file that cannot be read, mean no call ahead', (t) => {
  const many = makeInventory(Array.from({ length: 21 }, (_, index) => `h${index}`))
  const where = place()
  dialAhead(makeTransport().connect, many, secrets, where).remember(many.hosts.map((host) => host.name))
  const { connect, story } = makeTransport()
  dialAhead(connect, many, secrets, where)
  t.deepEqual(story, [])
  writeFileSync(where.folder.replace(/cache$/, 'file'), '')
  const nowhere = { ...where, folder: where.folder.replace(/cache$/, 'file/cache') }
  t.notThrows(() => dialAhead(connect, inventory, secrets, nowhere).remember(['a']))
})
