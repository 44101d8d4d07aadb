import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import { createJunitReport } from '../../src/report/junit.ts'
import { cwd, recordedRun, task, taskEnd } from './events.ts'
import { sink } from './sink.ts'

test('a suite for each host, a case for each task', (t) => {
  const stream = sink()
  const report = createJunitReport({ stream, cwd })
  for (const event of recordedRun) report.emit(event)
  t.is(stream.text(), '')
  void report.end()
  t.is(
    stream.text(),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="provision" tests="6" failures="1" errors="1" skipped="1" time="0.060">
  <testsuite name="web10" tests="1" failures="0" errors="1" skipped="0" time="0.000">
    <testcase name="connection" classname="connection" time="0.000">
      <error message="web10: no route to 192.0.2.10:22" type="unreachable">web10: no route to 192.0.2.10:22
at inventory/hosts.ts:8:5</error>
    </testcase>
  </testsuite>
  <testsuite name="web1" tests="3" failures="0" errors="0" skipped="0" time="0.036">
    <testcase name="nginx › apt.package nginx" classname="Web servers" time="0.012"/>
    <testcase name="nginx › file.template /etc/nginx/nginx.conf" classname="Web servers" time="0.012">
      <system-out>mode 0644 → 0640
content differs</system-out>
    </testcase>
    <testcase name="handler: nginx › systemd.service nginx" classname="Web servers" time="0.012">
      <system-out>reload</system-out>
    </testcase>
  </testsuite>
  <testsuite name="web2" tests="2" failures="1" errors="0" skipped="1" time="0.024">
    <testcase name="nginx › apt.package nginx" classname="Web servers" time="0.012">
      <skipped message="when: false"/>
    </testcase>
    <testcase name="nginx › file.template /etc/nginx/nginx.conf" classname="Web servers" time="0.012">
      <failure message="Validation failed: nginx -t exited with 1. The previous file is back in place." type="apply">Validation failed: nginx -t exited with 1. The previous file is back in place.
at roles/nginx.ts:16:9
nginx: [emerg] unknown directive "worker_process" in /etc/nginx/nginx.conf:3
provision --check --diff --limit web1 --tags nginx</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  )
})

test('whatever a title or an error holds, the XML stays well-formed', (t) => {
  const stream = sink()
  const report = createJunitReport({ stream, cwd })
  const odd = 'a<b> & "c" \'d\' ]]> \u0000\u0008\u001b[31m\ud800\ufffe é 🦊\nline'
  report.emit(
    taskEnd('h"<', task(1, odd), 'failed', { error: new ProvisionError({ code: 'apply', message: odd, detail: odd }) }),
  )
  void report.end()
  const shown = 'a&lt;b&gt; &amp; "c" \'d\' ]]&gt; \ufffd\ufffd é 🦊\nline'
  const inAttribute = shown.replaceAll('"', '&quot;').replaceAll('\n', '&#10;')
  t.is(
    stream.text(),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="provision" tests="1" failures="1" errors="0" skipped="0" time="0.012">
  <testsuite name="h&quot;&lt;" tests="1" failures="1" errors="0" skipped="0" time="0.012">
    <testcase name="${inAttribute}" classname="Web servers" time="0.012">
      <failure message="${inAttribute}" type="apply">${shown}\n${shown}</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  )
})

test('a run that never reached a host is an error of its own', (t) => {
  const stream = sink()
  const report = createJunitReport({ stream, cwd })
  report.fail?.(new ProvisionError({ code: 'template', message: 'no template' }))
  void report.end()
  t.true(
    stream
      .text()
      .includes(
        '<testcase name="run" classname="provision" time="0.000">\n      <error message="no template" type="template">no template</error>',
      ),
  )
})

test('a task that runs on another host says so in its name', (t) => {
  const stream = sink()
  const report = createJunitReport({ stream, cwd })
  report.emit(taskEnd('web1', task(1, 'drain', { on: 'lb1' }), 'changed'))
  void report.end()
  t.true(stream.text().includes('<testcase name="drain → lb1" classname="Web servers"'))
})
