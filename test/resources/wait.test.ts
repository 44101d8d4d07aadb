import { spawnSync } from 'node:child_process'
import { type AddressInfo, createServer, type Server } from 'node:net'
import test from 'ava'
import { http, port } from '../../src/resources/wait.ts'
import { facts, planOne, planTable } from './table.ts'

planTable([
  {
    title: 'nothing to wait for when the port is open',
    task: port({ port: 22 }),
    probe: 'open\n',
    expect: { unchanged: '127.0.0.1:22 is open' },
  },
  {
    title: 'waits for a port',
    task: port({ port: 22, host: '::1' }),
    probe: 'closed\n',
    expect: { changes: ['[::1]:22 closed → open'] },
  },
  {
    title: 'check mode does not wait',
    task: port({ port: 22 }),
    probe: 'closed\n',
    check: true,
    expect: { unknown: '127.0.0.1:22 is closed now' },
  },
  {
    title: 'waits for a port to close',
    task: port({ port: 22, state: 'closed' }),
    probe: 'open\n',
    expect: { changes: ['127.0.0.1:22 open → closed'] },
  },
  {
    title: 'a host without a tool is told what to install',
    task: port({ port: 22 }),
    probe: 'no tool\n',
    expect: { refused: '127.0.0.1:22 cannot be asked: the host has neither bash nor nc nor curl' },
  },
  {
    title: 'nothing to wait for when the answer is as wished',
    task: http({ url: 'http://127.0.0.1/', contains: 'ok' }),
    probe: '200\tyes\t\n',
    expect: { unchanged: "status 200, with 'ok'" },
  },
  {
    title: 'one of several statuses will do',
    task: http({ url: 'http://127.0.0.1/', status: [301, 302] }),
    probe: '302\tyes\t\n',
    expect: { unchanged: 'status 302' },
  },
  {
    title: 'says what was found and what is expected',
    task: http({ url: 'http://127.0.0.1/', contains: "it's $x" }),
    probe: '200\tno\t\n',
    expect: { changes: ["status 200, without 'it's $x' → status 200 with 'it's $x'"] },
  },
  {
    title: 'says why there was no answer',
    task: http({ url: 'https://127.0.0.1/' }),
    probe: '000\tyes\tcurl: (7) Failed to connect\n',
    check: true,
    expect: { unknown: 'https://127.0.0.1/: no answer (curl: (7) Failed to connect) now' },
  },
  {
    title: 'a host without curl is told to install it',
    task: http({ url: 'https://127.0.0.1/' }),
    probe: 'no tool\n',
    expect: { refused: 'https://127.0.0.1/ cannot be asked: the host has no curl' },
  },
])

test('output of a probe that nobody understands is an error', (t) => {
  const error = (task: ReturnType<typeof port>, probe: string) =>
    t.throws(() => planOne(task, probe, { facts, check: false }))?.message
  t.is(error(port({ port: 22 }), 'sh: 1\n'), "expected open or closed of 127.0.0.1:22, found 'sh: 1'")
  t.is(error(http({ url: 'http://x/' }), '\n'), "expected the answer of http://x/, found ''")
})

test('waiting is never a change', (t) => {
  t.false(port({ port: 1 }).resource.didChange?.([], {}))
  t.false(http({ url: 'http://x/' }).resource.didChange?.([], {}))
})

const ask = (task: ReturnType<typeof port>) => {
  const answer = spawnSync('sh', ['-euc', task.resource.probe([task.args])], { encoding: 'utf8' })
  return task.resource.plan(task.resource.parse(answer.stdout, [task.args])[0], task.args, { facts, check: true })
}
const listen = (server: Server) =>
  new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))

const onLinux = process.platform === 'linux' ? test : test.skip // the scripts are for Linux hosts

onLinux('the probe of a port tells open from closed', async (t) => {
  const server = createServer((socket) => socket.destroy())
  const number = await listen(server)
  t.deepEqual(ask(port({ port: number })), { unchanged: `127.0.0.1:${number} is open` })
  await new Promise((resolve) => server.close(resolve))
  t.deepEqual(ask(port({ port: number })), { unknown: `127.0.0.1:${number} is closed now` })
})

onLinux('the steps of a wait give up with a sentence', (t) => {
  const plan = planOne(port({ port: 1, timeout: 1 }), 'closed\n', { facts, check: false })
  const script = 'changes' in plan ? (plan.changes[0].steps[0]?.script ?? '') : ''
  const result = spawnSync('sh', ['-euc', script], { encoding: 'utf8' })
  t.is(result.stderr, 'error: 127.0.0.1:1 was not open within 1 seconds\n')
  t.is(result.status, 1)
})

test('what types cannot say is refused at load', (t) => {
  t.throws(() => port({ port: 70_000 }))
  t.throws(() => http({ url: 'ftp://x/' }), { message: /expected an address that starts with/ })
  t.throws(() => http({ url: 'http://x/', headers: { 'X-A': 'a\r\nb' } }), { message: /expected one line/ })
})
