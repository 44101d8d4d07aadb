import test, { type ExecutionContext } from 'ava'
import type { RunEvent } from '../../src/core/events.ts'
import { createLiveReport } from '../../src/report/live.ts'
import { createPlainReport } from '../../src/report/plain.ts'
import type { Report } from '../../src/report/report.ts'
import { cwd, noRecap, recordedRun, task, taskEnd } from './events.ts'
import { sink } from './sink.ts'
import { type TestTerminal, testTerminal } from './terminal.ts'

/** Waits until the screen has what is looked for. */
async function until(
  t: ExecutionContext,
  terminal: TestTerminal,
  isThere: (screen: string) => boolean,
): Promise<string> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const screen = terminal.visible().join('\n')
    if (isThere(screen)) return screen
    if (Date.now() > deadline) t.fail(`not on the screen within 10 s; it shows:\n${screen}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

function live(t: ExecutionContext, terminal: TestTerminal, now: () => number = () => 0): Report {
  const report = createLiveReport({ stream: terminal, colour: true, cwd, now, interval: 2 })
  t.teardown(() => report.end())
  return report
}

const slow = task(1, 'nginx › apt.package nginx')
const start: readonly RunEvent[] = [
  { type: 'run:start', check: false, hosts: ['web1', 'web2'], plays: ['Web servers'] },
  { type: 'play:start', play: 'Web servers', hosts: ['web1', 'web2'] },
  { type: 'host:connecting', host: 'web2', attempt: 1, detail: 'connecting' },
  { type: 'host:play', host: 'web1', play: 'Web servers', tasks: 41 },
  { type: 'task:start', host: 'web1', play: 'Web servers', task: slow, index: 12, total: 41 },
]

test('a row shows play, task n of m, elapsed time and the last output of a long step', async (t) => {
  const terminal = testTerminal(80)
  let now = 0
  const report = live(t, terminal, () => now)
  for (const event of start) report.emit(event)
  report.emit({
    type: 'task:output',
    host: 'web1',
    task: slow,
    stream: 'stdout',
    text: 'Unpacking nginx\u001b[2J (1.22.1)',
  })
  now = 14_200
  const screen = await until(t, terminal, (text) => text.includes('14.2 s'))
  t.is(
    screen.replace(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '*'),
    `Web servers (web1, web2)
* web1  Web servers 12/41  nginx › apt.package nginx  14.2 s
        │ Unpacking nginx (1.22.1)
* web2  connecting  14.2 s

14 s · 2 of 2 hosts running · 0 changed`,
  )
  t.false(terminal.cursorShown())
  await report.end()
})

test('what is left on the screen is what the plain report prints, and the terminal is whole', async (t) => {
  const terminal = testTerminal(120)
  const report = live(t, terminal)
  for (const event of recordedRun) {
    report.emit(event)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await report.end()
  const stream = sink(120)
  const plain = createPlainReport({ stream, colour: false, cwd })
  for (const event of recordedRun) plain.emit(event)
  t.deepEqual(terminal.lines(), stream.text().trimEnd().split('\n'))
  t.true(terminal.cursorShown())
  t.true(terminal.wraps())
})

test('a failure stays above the rows while the others go on', async (t) => {
  const terminal = testTerminal(100)
  const report = live(t, terminal)
  for (const event of start) report.emit(event)
  const failed = recordedRun.find((event) => event.type === 'task:end' && event.status === 'failed')
  if (failed) report.emit(failed)
  report.emit({ type: 'host:play:end', host: 'web2', play: 'Web servers', failed: true })
  const screen = await until(t, terminal, (text) => text.includes('✗ web2  stopped'))
  t.true(screen.indexOf('✗ web2 · nginx › file.template /etc/nginx/nginx.conf') < screen.indexOf(' web1  Web servers'))
  t.true(screen.includes('Validation failed: nginx -t exited with 1.'))
  t.true(screen.endsWith('0 s · 1 of 2 hosts running · 0 changed · 1 failed'))
  await report.end()
})

test('an interrupted run says what it does about it, and leaves the terminal whole', async (t) => {
  const terminal = testTerminal(100)
  const report = live(t, terminal)
  for (const event of start) report.emit(event)
  report.emit({ type: 'interrupted', giveUp: false })
  await until(t, terminal, (text) =>
    text.endsWith('finishing the running step; press Ctrl-C again to give up · 0 s · 2 of 2 hosts running · 0 changed'),
  )
  report.emit({ type: 'recap', check: false, elapsedMs: 900, hosts: { web1: noRecap, web2: noRecap } })
  await report.end()
  t.is(terminal.lines().at(-1), 'interrupted in 900 ms')
  t.true(terminal.cursorShown())
})

test('a process that ends at once leaves the terminal whole', async (t) => {
  const terminal = testTerminal(100)
  const report = live(t, terminal)
  for (const event of start) report.emit(event)
  await until(t, terminal, (text) => text.includes('web1'))
  report.abandon?.()
  t.deepEqual(terminal.lines(), ['Web servers (web1, web2)'])
  t.true(terminal.cursorShown())
  t.true(terminal.wraps())
  await report.end()
})

test('more hosts than lines: those at work are shown, the others counted, nothing scrolls', async (t) => {
  const terminal = testTerminal(80, 12)
  const report = live(t, terminal)
  const hosts = Array.from({ length: 40 }, (_, index) => `web${String(index + 1).padStart(2, '0')}`)
  report.emit({ type: 'run:start', check: false, hosts, plays: ['Web'] })
  for (const host of hosts) report.emit({ type: 'host:play', host, play: 'Web', tasks: 3 })
  for (const host of hosts.slice(0, 35)) report.emit({ type: 'host:play:end', host, play: 'Web', failed: false })
  const screen = await until(t, terminal, (text) => text.includes('5 of 40 hosts running'))
  t.deepEqual(
    screen.split('\n').map((line) => line.slice(2, 7).trimEnd()),
    ['web01', 'web02', 'web03', 'web36', 'web37', 'web38', 'web39', 'web40', '… and', '', 's · 5'],
  )
  for (const host of hosts.slice(35)) report.emit({ type: 'host:play:end', host, play: 'Web', failed: false })
  await until(t, terminal, (text) => text.includes('0 s · 40 hosts · 0 changed'))
  report.emit(taskEnd('web40', task(1, 'a task'), 'changed', { changes: [{ summary: 'x' }] }))
  await until(t, terminal, (text) => text.includes('1 changed'))
  await report.end()
  t.deepEqual(terminal.lines(), ['web40  changed  a task  (x)'])
})

test('a terminal that is made narrower keeps no rows behind', async (t) => {
  const terminal = testTerminal(100)
  const report = live(t, terminal)
  for (const event of start) report.emit(event)
  await until(t, terminal, (text) => text.includes('12/41'))
  terminal.columns = 30
  const screen = await until(t, terminal, (text) => text.split('\n').every((line) => [...line].length <= 30))
  t.true(screen.includes('web1'))
  await report.end()
  t.true(terminal.cursorShown())
})

test('pictures that are alike are not written again', async (t) => {
  const terminal = testTerminal(80)
  let pictures = 0
  const report = live(t, terminal, () => pictures++ && 0)
  report.emit({ type: 'run:start', check: false, hosts: ['web1'], plays: ['Web'] })
  await until(t, terminal, (text) => text.includes('waiting'))
  const before = { writes: terminal.writes.length, pictures }
  await until(t, terminal, () => pictures > before.pictures + 20)
  t.is(terminal.writes.length, before.writes)
  await report.end()
})

test('a run that ends before it begins writes nothing but what was said', async (t) => {
  const terminal = testTerminal(80)
  const report = live(t, terminal)
  report.emit({ type: 'warning', host: undefined, message: '--tags x: no task is known to have this tag' })
  await report.end()
  t.deepEqual(terminal.writes, ['\u001b[33m! --tags x: no task is known to have this tag\u001b[39m\n'])
})

test('a line as wide as the terminal is whole', async (t) => {
  const terminal = testTerminal(40)
  let now = 0
  const report = live(t, terminal, () => now)
  for (const event of start) report.emit(event)
  now = 2500
  const screen = await until(t, terminal, (text) => text.includes('2.5'))
  t.deepEqual(
    screen
      .split('\n')
      .slice(0, 2)
      .map((line) => line.slice(2)),
    ['b servers (web1, web2)', 'web1  nginx › apt.package nginx  2.5 s'],
  )
  now = 14_250
  t.regex(await until(t, terminal, (text) => text.includes('14.3')), /web1 {2}nginx › apt.package ngi… {2}14\.3 s\n/)
})
