import { PassThrough } from 'node:stream'
import test from 'ava'
import { makeOperator } from '../../src/cli/ask-step.ts'
import type { Io } from '../../src/cli/io.ts'
import type { RunEvent } from '../../src/core/events.ts'
import { exampleSite, provision } from './stand-in.ts'

const question = {
  play: 'Web',
  title: 'apt.package nginx',
  handler: false,
  host: 'web1',
  on: undefined,
  where: undefined,
}

function atTerminal() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin })
  let shown = ''
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 100 })
  stderr.on('data', (text: Buffer) => {
    shown += text.toString()
  })
  const events: RunEvent[] = []
  const stop = new AbortController()
  const io = { stdin, stderr, env: {} } as unknown as Io // what the question uses
  const operator = makeOperator(io, { emit: (event) => events.push(event), end: () => undefined })
  let quits = 0
  const run = { stop: stop.signal, quit: () => quits++ }
  const ask = () => operator.ask(question, run)
  return { stdin, operator, ask, events, stop, shown: () => shown, quits: () => quits }
}

test('--step needs a terminal and somebody who reads along, before anything is loaded', async (t) => {
  const cwd = exampleSite(t)
  const rows: [string[], string][] = [
    [[], '✗ --step: expected a terminal to ask on, found that stdin is none'],
    [['--output', 'json'], '✗ --step: expected an operator who reads along, found --output json'],
    [['--output', 'junit'], '✗ --step: expected an operator who reads along, found --output junit'],
    [['--queue', 'redis://127.0.0.1:1'], '✗ --step: workers of a --queue can ask nobody'],
  ]
  for (const [more, message] of rows) {
    const { code, stderr } = await provision(['--step', ...more], { cwd })
    t.is(code, 1)
    t.is(stderr.split('\n')[0], message)
  }
})

for (const [typed, answer] of [
  ['y', 'yes'],
  [' Yes ', 'yes'],
  ['n', 'no'],
  ['c', 'continue'],
  ['quit', 'quit'],
] as const)
  test(`'${typed}' means ${answer}`, async (t) => {
    const { stdin, ask, quits } = atTerminal()
    stdin.write(`${typed}\n`)
    t.is(await ask(), answer)
    t.is(quits(), answer === 'quit' ? 1 : 0)
  })

test('an answer that is none is asked for again, and what hosts tell waits for the answer', async (t) => {
  const { stdin, operator, ask, events, shown } = atTerminal()
  operator.report.emit({ type: 'play:start', play: 'Web', hosts: ['web1', 'web2'] })
  const answer = ask()
  operator.report.emit({ type: 'host:connected', host: 'web2' })
  t.is(events.length, 1)
  stdin.write('yep\n')
  while (!shown().includes("found 'yep'")) await new Promise((resolve) => setImmediate(resolve))
  stdin.write('y\n')
  t.is(await answer, 'yes')
  t.is(events.length, 2)
  t.true(shown().includes('apt.package nginx (web1, web2)? [y]es, [n]o, [c]ontinue without asking, [q]uit: '))
})

test('the end of the terminal and a stop of the run quit', async (t) => {
  const closed = atTerminal()
  closed.stdin.end()
  t.is(await closed.ask(), 'quit')
  t.is(closed.quits(), 1)
  const stopped = atTerminal()
  const answer = stopped.ask()
  stopped.stop.abort()
  t.is(await answer, 'quit')
  t.is(stopped.quits(), 0)
})
