import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { InventoryHost } from '../../src/core/host.ts'
import type { Connect, Connection } from '../../src/transport/connection.ts'
import { type FakeAnswer, fakeConnection } from '../../src/transport/fake.ts'
import { keepConnections } from '../../src/transport/kept.ts'

const secrets = { reveal: String, redact: (text: string) => text }

function host(name: string, more: Partial<InventoryHost['connection']> = {}): InventoryHost {
  return { name, groups: ['all'], connection: { address: name, ...more }, vars: {}, where: { get: () => undefined } }
}

interface Made {
  readonly connect: Connect
  /** What happened, in order. */
  readonly log: string[]
}

/** Connections that write down what is done with them; `resume` and `answer` may throw. */
function made(resume: () => void = () => undefined, answer: () => FakeAnswer = () => undefined): Made {
  const log: string[] = []
  let count = 0
  return {
    log,
    connect: async (given) => {
      const name = `${given.name}#${++count}`
      const fake = fakeConnection(answer)
      log.push(`connect ${name}`)
      const connection: Connection = {
        run: fake.run,
        get requests() {
          return fake.requests
        },
        probeFresh: fake.probeFresh,
        rest: async () => {
          log.push(`rest ${name}`)
        },
        resume: async () => {
          log.push(`resume ${name}`)
          resume()
        },
        close: async () => {
          log.push(`close ${name}`)
          await fake.close()
        },
      }
      return connection
    },
  }
}

test('the next run gets the same connection, and counts its own requests', async (t) => {
  const { connect, log } = made()
  const kept = keepConnections(connect)
  const first = await kept.connect(host('a'), secrets)
  await first.run([{ script: 'one' }])
  await first.run([{ script: 'two' }])
  t.is(first.requests, 2)
  await first.close()
  await first.close()
  const second = await kept.connect(host('a'), secrets)
  t.is(second.requests, 0)
  await second.run([{ script: 'three' }])
  t.is(second.requests, 1)
  await second.close()
  await kept.close()
  t.deepEqual(log, ['connect a#1', 'rest a#1', 'resume a#1', 'rest a#1', 'close a#1'])
})

test('with locks kept, a connection neither rests nor resumes between two runs', async (t) => {
  const { connect, log } = made()
  const kept = keepConnections(connect, { locked: true })
  for (const script of ['one', 'two']) {
    const connection = await kept.connect(host('a'), secrets)
    await connection.run([{ script }])
    t.is(connection.requests, 1)
    await connection.close()
  }
  await kept.close()
  t.deepEqual(log, ['connect a#1', 'close a#1'])
})

test('a connection that does not answer any more is replaced', async (t) => {
  const { connect, log } = made(() => {
    throw new ProvisionError({ code: 'unreachable', message: 'gone' })
  })
  const kept = keepConnections(connect)
  await (await kept.connect(host('a'), secrets)).close()
  await kept.connect(host('a'), secrets)
  t.deepEqual(log, ['connect a#1', 'rest a#1', 'resume a#1', 'close a#1', 'connect a#2'])
})

test('a host that another run has locked is refused, not dialled again', async (t) => {
  const { connect, log } = made(() => {
    throw new ProvisionError({ code: 'locked', message: 'locked by someone' })
  })
  const kept = keepConnections(connect)
  await (await kept.connect(host('a'), secrets)).close()
  await t.throwsAsync(kept.connect(host('a'), secrets), { message: 'locked by someone' })
  t.deepEqual(log, ['connect a#1', 'rest a#1', 'resume a#1', 'close a#1'])
})

test('a connection that broke is closed; one that was given what cannot be sent is kept', async (t) => {
  const { connect, log } = made(undefined, () => {
    throw new Error('the connection was lost')
  })
  const kept = keepConnections(connect)
  const first = await kept.connect(host('a'), secrets)
  await t.throwsAsync(first.run([{ script: '' }]))
  await first.close()
  const odd = made(undefined, () => {
    throw new TypeError('a NUL byte')
  })
  const others = keepConnections(odd.connect)
  const second = await others.connect(host('b'), secrets)
  await t.throwsAsync(second.run([{ script: '' }]))
  await second.close()
  t.deepEqual(
    [log, odd.log],
    [
      ['connect a#1', 'close a#1'],
      ['connect b#1', 'rest b#1'],
    ],
  )
})

test('other settings of a host mean another connection; so does a second use at the same time', async (t) => {
  const { connect, log } = made()
  const kept = keepConnections(connect)
  await (await kept.connect(host('a'), secrets)).close()
  const other = await kept.connect(host('a', { user: 'root' }), secrets)
  const meanwhile = await kept.connect(host('a', { user: 'root' }), secrets)
  await other.close()
  await meanwhile.close()
  t.deepEqual(log, ['connect a#1', 'rest a#1', 'close a#1', 'connect a#2', 'connect a#3', 'rest a#2', 'close a#3'])
})

test('what takes no lock is not kept, and nothing is after the end', async (t) => {
  const { connect, log } = made()
  const kept = keepConnections(connect)
  await (await kept.connect(host('a'), secrets, { lock: false })).close()
  const late = await kept.connect(host('b'), secrets)
  await kept.close()
  await late.close()
  t.deepEqual(log, ['connect a#1', 'close a#1', 'connect b#2', 'close b#2'])
})
