import test from 'ava'
import { fakeConnect, fakeConnection, inputText } from '../../src/transport/fake.ts'

test('a fake connection answers by its function, skips after a failure, and remembers the requests', async (t) => {
  const fake = fakeConnection((step) =>
    step.script === 'bad' ? { code: 3, stderr: 'no' } : { stdout: `${step.script}!` },
  )
  const seen: string[] = []
  const steps = [{ script: 'a' }, { script: 'bad' }, { script: 'b' }, { script: 'c', always: true }]
  const results = await fake.run(steps, { onOutput: (step, stream, text) => seen.push(`${step} ${stream} ${text}`) })
  t.deepEqual(results, [
    { code: 0, stdout: 'a!', stderr: '', skipped: false, timedOut: false },
    { code: 3, stdout: '', stderr: 'no', skipped: false, timedOut: false },
    { code: -1, stdout: '', stderr: '', skipped: true, timedOut: false },
    { code: 0, stdout: 'c!', stderr: '', skipped: false, timedOut: false },
  ])
  t.deepEqual(seen, ['0 stdout a!', '1 stderr no', '3 stdout c!'])
  t.deepEqual(fake.log, [steps])
  t.is(fake.requests, 1)
  await fake.close()
  t.true(fake.closed)
  await t.throwsAsync(fake.run([{ script: 'a' }]))
})

test('a fake Connect gives each host its own', async (t) => {
  const connect = fakeConnect((name) => fakeConnection(() => ({ stdout: name })))
  const host = { name: 'web7', groups: [], connection: { address: 'x' }, vars: {}, where: { get: () => undefined } }
  const connection = await connect(host, { reveal: String, redact: String })
  const [result] = await connection.run([{ script: 'hostname' }])
  t.is(result?.stdout, 'web7')
  await connection.probeFresh()
})

test('an input is read as text', (t) => {
  t.is(inputText({ script: '', input: 'ä' }), 'ä')
  t.is(inputText({ script: '', input: new Uint8Array([65]) }), 'A')
  t.is(inputText({ script: '', input: { path: '/f', size: 1 } }), '‹file /f›')
  t.is(inputText({ script: '' }), '')
})
