import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { RunEvent } from '../../src/core/events.ts'
import { createPlainReport } from '../../src/report/plain.ts'
import { cwd, noRecap, recordedRun, task, taskEnd } from './events.ts'
import { sink } from './sink.ts'

function plain(
  events: readonly RunEvent[],
  more: { verbosity?: number; diff?: boolean; colour?: boolean } = {},
): string {
  const stream = sink()
  const report = createPlainReport({ stream, colour: false, cwd, ...more })
  for (const event of events) report.emit(event)
  void report.end()
  return stream.text()
}

test('tells changes, failures and the recap, not what was ok', (t) => {
  t.is(
    plain(recordedRun),
    `web10  no route to 192.0.2.10:22; again in 1 s

Web servers (web1, web2, web10)

✗ web10 · unreachable                                                         inventory/hosts.ts:8:5
  web10: no route to 192.0.2.10:22

web1   changed  nginx › file.template /etc/nginx/nginx.conf  (mode 0644 → 0640; content differs)
web1   changed  handler · nginx › systemd.service nginx  (reload)
web2   retry    nginx › file.template /etc/nginx/nginx.conf  (attempt 1 of 3: failed with exit code 1)

✗ web2 · nginx › file.template /etc/nginx/nginx.conf                             roles/nginx.ts:16:9
  Validation failed: nginx -t exited with 1. The previous file is back in place.

    nginx: [emerg] unknown directive "worker_process" in /etc/nginx/nginx.conf:3

  Try: provision --check --diff --limit web1 --tags nginx

! web2: handlers still to run: reload nginx
  They are marked on the host; the next run executes them.

       ok  changed  failed  skipped  unreachable  requests
web1    1        2       0        0            0         4
web2    0        0       1        1            0         3
web10   0        0       0        0            1         0

failed on 1 host, 1 host unreachable, 2 changed in 3.2 s
`,
  )
})

test('-v also tells what was ok or skipped, with the reason', (t) => {
  const lines = plain(recordedRun, { verbosity: 1 }).split('\n')
  t.true(lines.includes('web1   ok       nginx › apt.package nginx  (nginx 1.22.1 is installed)'))
  t.true(lines.includes('web2   skipped  nginx › apt.package nginx  (when: false)'))
  t.true(lines.includes('web1   connecting'))
  t.false(lines.some((line) => line.includes('writing')))
})

test('-vv also tells what commands write', (t) => {
  t.true(plain(recordedRun, { verbosity: 2 }).includes('\nweb1   │ writing\n'))
})

test('--diff tells the texts below the line of the task', (t) => {
  t.true(
    plain(recordedRun, { diff: true }).includes(`(mode 0644 → 0640; content differs)
    --- /etc/nginx/nginx.conf (now)
    +++ /etc/nginx/nginx.conf (wished)
    @@ -1,2 +1,2 @@
     a
    -b
    +c
web1   changed  handler`),
  )
})

test('check mode says so before and after, and in the column', (t) => {
  const events: RunEvent[] = [
    { type: 'run:start', check: true, hosts: ['web1'], plays: ['Web servers'] },
    { type: 'play:start', play: 'Web servers', hosts: ['web1'] },
    taskEnd('web1', task(1, 'apt.package nginx'), 'changed', { changes: [{ summary: 'absent → 1.22.1' }] }),
    taskEnd('web1', task(2, 'systemd.service nginx'), 'unknown', { reason: 'the unit is not there yet' }),
    {
      type: 'recap',
      check: true,
      elapsedMs: 800,
      hosts: { web1: { ...noRecap, changed: 1, unknown: 1, requests: 2 } },
    },
  ]
  t.is(
    plain(events),
    `check mode: nothing will be changed

Web servers (web1)
web1  changed  apt.package nginx  (absent → 1.22.1)
web1  unknown  systemd.service nginx  (the unit is not there yet)

      ok  would change  failed  skipped  unknown  unreachable  requests
web1   0             1       0        0        1            0         2

1 would change, 1 unknown until then in 800 ms; check mode, nothing was touched
`,
  )
})

test('an interrupted run says so, and says it in the last line again', (t) => {
  const text = plain([
    { type: 'interrupted', giveUp: false },
    { type: 'interrupted', giveUp: true },
    { type: 'recap', check: false, elapsedMs: 61_000, hosts: { web1: noRecap } },
  ])
  t.true(text.startsWith('finishing the running step; press Ctrl-C again to give up\ngiving up\n'))
  t.true(text.endsWith('\ninterrupted in 1 min 1 s\n'))
})

test('a failure that is ignored is one line', (t) => {
  const error = recordedRun.find((event) => event.type === 'host:unreachable')?.error
  t.is(
    plain([taskEnd('web1', task(1, 'a task'), 'ignored', { error })]),
    'web1  ignored  a task  (web10: no route to 192.0.2.10:22)\n',
  )
})

test('a task with many changes tells a few of them, and -v all', (t) => {
  const changes = ['a', 'b', 'c', 'd', 'e', 'f'].map((summary) => ({ summary }))
  const event = taskEnd('web1', task(1, 'apt.package'), 'changed', { changes })
  t.is(plain([event]), 'web1  changed  apt.package  (a; b; c; d; 2 more changes)\n')
  t.is(plain([event], { verbosity: 1 }), 'web1  changed  apt.package  (a; b; c; d; e; f)\n')
})

test('the hosts of a large play are counted', (t) => {
  const hosts = Array.from({ length: 20 }, (_, index) => `web${index + 1}`)
  t.is(plain([{ type: 'play:start', play: 'Web', hosts }]), 'Web (20 hosts)\n')
})

test('no text of a host reaches the terminal as an escape sequence', (t) => {
  const evil = '\u001b]0;title\u0007\u001b[2J\u009b31mred\u0008\rx'
  const text = plain(
    [
      taskEnd('web1', task(1, `name ${evil}`), 'changed', {
        changes: [{ summary: evil, diff: { label: 'f', before: '', after: evil } }],
      }),
      { type: 'task:output', host: 'web1', task: task(1, 'name'), stream: 'stdout', text: evil },
      { type: 'warning', host: 'web1', message: evil },
    ],
    { verbosity: 2, diff: true },
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  t.notRegex(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  t.true(text.includes('red'))
})

test('colour only where it is asked for', (t) => {
  t.false(plain(recordedRun).includes('\u001b'))
  t.true(plain(recordedRun, { colour: true }).includes('\u001b[33mchanged\u001b[39m'))
})

test('a task that runs on another host names both, whether it changes, fails or prints', (t) => {
  const drain = task(1, 'drain', { on: 'lb1' })
  const error = new ProvisionError({ code: 'apply', message: 'failed with exit code 1' })
  const shown = plain(
    [
      taskEnd('web1', drain, 'changed'),
      { type: 'task:output', host: 'web1', task: drain, stream: 'stdout', text: 'drained' },
      taskEnd('web2', drain, 'failed', { error }),
    ],
    { verbosity: 2 },
  )
  t.deepEqual(shown.split('\n').slice(0, 5), [
    'web1 → lb1  changed  drain',
    'web1 → lb1  │ drained',
    '',
    '✗ web2 → lb1 · drain',
    '  failed with exit code 1',
  ])
})
