import { spawnSync } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import test from 'ava'
import { silent } from '../../src/resources/silent.ts'
import { facts, planOne } from './table.ts'

const { resource, args } = silent({ addresses: ['192.0.2.1'] })
// without `prepare`, which asks from this machine
const judge = (probe: string) => resource.plan(resource.parse(probe, [args])[0], args, { facts, check: false })

test('no answer is as it should be, any answer is refused with who gave it', (t) => {
  t.deepEqual(judge('asked\n'), { unchanged: 'nothing answers at 192.0.2.1' })
  t.deepEqual(judge('asked 192.0.2.1:22 192.0.2.1:443\n'), {
    refused: 'this host still gets an answer from 192.0.2.1:22 and 192.0.2.1:443, so that is not gone',
    hint: 'Switch it off, or cut it off from everybody.',
  })
})

test('output that nobody understands is an error, not silence', (t) => {
  t.throws(() => judge('\n'), { message: "expected who answers, found ''" })
})

const probe = (port: number) =>
  spawnSync('sh', ['-euc', resource.probe([{ addresses: ['127.0.0.1'], ports: [port] }])], { encoding: 'utf8' })
const onLinux = process.platform === 'linux' ? test : test.skip // the script is for Linux hosts

onLinux('an open port is an answer, and so is a refusal, to this machine and to a host', async (t) => {
  const server = createServer((socket) => socket.destroy())
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  const here = () => planOne(silent({ addresses: ['127.0.0.1'], ports: [port] }), 'asked\n', { facts, check: false })
  const sentence = `this machine still gets an answer from 127.0.0.1:${port}, so that is not gone`
  t.is(probe(port).stdout, `asked 127.0.0.1:${port}\n`)
  t.throws(here, { message: sentence })
  await new Promise((resolve) => server.close(resolve))
  t.is(probe(port).stdout, `asked 127.0.0.1:${port}\n`)
  t.throws(here, { message: sentence })
})

test('names are refused: one that nobody knows would look like a host that is gone', (t) => {
  t.throws(() => silent({ addresses: ['db1.example.com'] }), { message: /expected an IP address/ })
})
