import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import { createJsonReport } from '../../src/report/json.ts'
import { cwd, recordedRun } from './events.ts'
import { sink } from './sink.ts'

function json(diff = false): Record<string, unknown>[] {
  const stream = sink()
  const report = createJsonReport({ stream, cwd, diff })
  for (const event of recordedRun) report.emit(event)
  void report.end()
  const lines = stream.text().split('\n')
  if (lines.pop() !== '') throw new Error('the last line is not whole')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('every event is one object on a line of its own, the recap the last', (t) => {
  const lines = json()
  t.deepEqual(
    lines.map((line) => line.type),
    recordedRun.map((event) => event.type),
  )
  t.deepEqual(lines.at(-1), {
    type: 'recap',
    check: false,
    elapsedMs: 3210,
    hosts: {
      web1: { ok: 1, changed: 2, failed: 0, skipped: 0, ignored: 0, unknown: 0, unreachable: false, requests: 4 },
      web2: { ok: 0, changed: 0, failed: 1, skipped: 1, ignored: 0, unknown: 0, unreachable: false, requests: 3 },
      web10: { ok: 0, changed: 0, failed: 0, skipped: 0, ignored: 0, unknown: 0, unreachable: true, requests: 0 },
    },
  })
})

test('an error is data, and places are relative', (t) => {
  const failed = json().find((line) => line.type === 'task:end' && line.status === 'failed')
  t.deepEqual(failed, {
    type: 'task:end',
    host: 'web2',
    play: 'Web servers',
    task: {
      id: 1,
      title: 'nginx › file.template /etc/nginx/nginx.conf',
      role: 'nginx',
      resource: 'file.template',
      where: 'roles/nginx.ts:16:9',
      handler: false,
    },
    status: 'failed',
    changes: [],
    error: {
      code: 'apply',
      message: 'Validation failed: nginx -t exited with 1. The previous file is back in place.',
      where: 'roles/nginx.ts:16:9',
      detail: 'nginx: [emerg] unknown directive "worker_process" in /etc/nginx/nginx.conf:3',
      hint: 'provision --check --diff --limit web1 --tags nginx',
    },
    elapsedMs: 12,
  })
})

test('the texts of files are left out unless a diff was asked for', (t) => {
  const changesOf = (lines: Record<string, unknown>[]) => lines.find((line) => line.status === 'changed')?.changes
  t.deepEqual(changesOf(json()), [{ summary: 'mode 0644 → 0640' }, { summary: 'content differs' }])
  t.deepEqual(changesOf(json(true)), [
    { summary: 'mode 0644 → 0640' },
    { summary: 'content differs', diff: { label: '/etc/nginx/nginx.conf', before: 'a\nb\n', after: 'a\nc\n' } },
  ])
})

test('a run that has no recap ends in its error', (t) => {
  const stream = sink()
  const report = createJsonReport({ stream, cwd })
  report.fail?.(new ProvisionError({ code: 'template', message: 'no template', hint: 'look' }))
  void report.end()
  t.is(stream.text(), '{"type":"error","error":{"code":"template","message":"no template","hint":"look"}}\n')
})
