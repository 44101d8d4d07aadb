// A recorded run, as the engine tells it: three hosts, one task that changes, one that fails, one host out of reach.
import { ProvisionError } from '../../src/core/error.ts'
import type { HostRecap, RunEvent, TaskRef, TaskStatus } from '../../src/core/events.ts'

export const cwd = '/home/me/site'

export function task(id: number, title: string, more: Partial<TaskRef> = {}): TaskRef {
  return {
    id,
    title,
    role: 'nginx',
    resource: 'file.template',
    where: { file: `${cwd}/roles/nginx.ts`, line: 16, column: 9 },
    handler: false,
    ...more,
  }
}

type TaskEnd = Extract<RunEvent, { type: 'task:end' }>

export function taskEnd(host: string, ref: TaskRef, status: TaskStatus, more: Partial<TaskEnd> = {}): TaskEnd {
  return {
    type: 'task:end',
    host,
    play: 'Web servers',
    task: ref,
    status,
    changes: [],
    reason: undefined,
    error: undefined,
    elapsedMs: 12,
    ...more,
  }
}

export const noRecap: HostRecap = {
  ok: 0,
  changed: 0,
  failed: 0,
  skipped: 0,
  ignored: 0,
  unknown: 0,
  unreachable: false,
  requests: 0,
}

export const failure = new ProvisionError({
  code: 'apply',
  message: 'Validation failed: nginx -t exited with 1. The previous file is back in place.',
  where: { file: `${cwd}/roles/nginx.ts`, line: 16, column: 9 },
  detail: 'nginx: [emerg] unknown directive "worker_process" in /etc/nginx/nginx.conf:3',
  hint: 'provision --check --diff --limit web1 --tags nginx',
})

const unreachable = new ProvisionError({
  code: 'unreachable',
  message: 'web10: no route to 192.0.2.10:22',
  where: { file: `${cwd}/inventory/hosts.ts`, line: 8, column: 5 },
})

const main = task(1, 'nginx › file.template /etc/nginx/nginx.conf')
const packages = task(2, 'nginx › apt.package nginx', { resource: 'apt.package' })
const reload = task(3, 'nginx › systemd.service nginx', { resource: 'systemd.service', handler: true })
const place = { play: 'Web servers', index: 1, total: 2 }

export const recordedRun: readonly RunEvent[] = [
  { type: 'run:start', check: false, hosts: ['web1', 'web2', 'web10'], plays: ['Web servers'] },
  { type: 'host:connecting', host: 'web1', attempt: 1, detail: 'connecting' },
  { type: 'host:connecting', host: 'web10', attempt: 1, detail: 'no route to 192.0.2.10:22; again in 1 s' },
  { type: 'play:start', play: 'Web servers', hosts: ['web1', 'web2', 'web10'] },
  { type: 'host:connected', host: 'web1' },
  { type: 'host:play', host: 'web1', play: 'Web servers', tasks: 2 },
  { type: 'host:unreachable', host: 'web10', error: unreachable },
  { type: 'host:play:end', host: 'web10', play: 'Web servers', failed: true },
  taskEnd('web1', packages, 'ok', { reason: 'nginx 1.22.1 is installed' }),
  { type: 'task:start', host: 'web1', task: main, ...place },
  { type: 'task:output', host: 'web1', task: main, stream: 'stdout', text: 'writing' },
  taskEnd('web1', main, 'changed', {
    changes: [
      { summary: 'mode 0644 → 0640' },
      { summary: 'content differs', diff: { label: '/etc/nginx/nginx.conf', before: 'a\nb\n', after: 'a\nc\n' } },
    ],
  }),
  taskEnd('web1', reload, 'changed', { changes: [{ summary: 'reload' }] }),
  { type: 'host:play:end', host: 'web1', play: 'Web servers', failed: false },
  taskEnd('web2', packages, 'skipped', { reason: 'when: false' }),
  { type: 'task:retry', host: 'web2', task: main, attempt: 1, of: 3, reason: 'failed with exit code 1' },
  taskEnd('web2', main, 'failed', { error: failure }),
  {
    type: 'warning',
    host: 'web2',
    message: 'handlers still to run: reload nginx',
    hint: 'They are marked on the host; the next run executes them.',
  },
  { type: 'host:play:end', host: 'web2', play: 'Web servers', failed: true },
  { type: 'play:end', play: 'Web servers' },
  {
    type: 'recap',
    check: false,
    elapsedMs: 3210,
    hosts: {
      web1: { ...noRecap, ok: 1, changed: 2, requests: 4 },
      web2: { ...noRecap, skipped: 1, failed: 1, requests: 3 },
      web10: { ...noRecap, unreachable: true },
    },
  },
]
