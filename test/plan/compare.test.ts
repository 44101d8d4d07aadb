// What counts as moved, and what a task of an apply may do.
import test from 'ava'
import { movedTasks } from '../../src/plan/compare.ts'
import { makePermits } from '../../src/plan/permit.ts'
import type { PlannedHost, PlannedTask } from '../../src/plan/plan-file.ts'

const task = (title: string, status: PlannedTask['status'], more: Partial<PlannedTask> = {}): PlannedTask => ({
  play: 'Web',
  title,
  resource: 'file.file',
  where: 'site.ts:1:1',
  handler: false,
  status,
  changes: status === 'changed' ? [{ summary: 'absent → present' }] : [],
  ...more,
})
const host = (...tasks: PlannedTask[]): PlannedHost => ({ state: 'planned', tasks })
const told = (before: PlannedHost, now: PlannedHost) =>
  movedTasks(before, now).map(({ task: { title }, expected, now: found }) => [title, expected, found])

test('a host that is as it was has not moved, whatever the reasons say', (t) => {
  const before = host(task('a', 'changed'), task('b', 'ok', { reason: '30 days left' }), task('c', 'unknown'))
  t.deepEqual(
    told(before, host(task('a', 'changed'), task('b', 'ok', { reason: '29 days left' }), task('c', 'unknown'))),
    [],
  )
})

const diff = (before: string, after = 'wished') => ({
  changes: [{ summary: 'content differs', diff: { label: '/etc/a', before, after } }],
})
const rows: readonly [string, PlannedTask, PlannedTask, string, string][] = [
  [
    'done by hand',
    task('a', 'changed'),
    task('a', 'ok', { reason: 'matches' }),
    'would change: absent → present',
    'nothing to do: matches',
  ],
  ['drifted', task('a', 'ok'), task('a', 'changed'), 'nothing to do', 'would change: absent → present'],
  [
    'known now',
    task('a', 'unknown', { reason: 'no unit' }),
    task('a', 'changed'),
    'unknown: no unit',
    'would change: absent → present',
  ],
  [
    'another text',
    task('a', 'changed', diff('old')),
    task('a', 'changed', diff('odd')),
    'would change: content differs',
    '/etc/a has another text than it had',
  ],
  [
    'another wish',
    task('a', 'changed', diff('old')),
    task('a', 'changed', diff('old', 'new')),
    'would change: content differs',
    '/etc/a would get another text',
  ],
  [
    'not shown',
    task('a', 'changed', { evidence: '1' }),
    task('a', 'changed', { evidence: '2' }),
    'would change: absent → present',
    'something that it does not show (a content, a password) is another',
  ],
  [
    'fails now',
    task('a', 'ok'),
    task('a', 'failed', { error: { code: 'probe', message: 'no answer' } }),
    'nothing to do',
    'fails: no answer',
  ],
  [
    'skipped now',
    task('a', 'changed'),
    task('a', 'skipped', { reason: 'when is false' }),
    'would change: absent → present',
    'skipped: when is false',
  ],
]
for (const [name, before, now, expected, found] of rows) {
  test(`moved: ${name}`, (t) => t.deepEqual(told(host(before), host(now)), [['a', expected, found]]))
}

test('tasks that are gone or new are told; of handlers only if nothing else moved', (t) => {
  const handler = task('reload', 'changed', { handler: true })
  t.deepEqual(told(host(task('a', 'ok'), handler), host(task('b', 'ok'))), [
    ['a', 'nothing to do', 'its turn does not come'],
    ['b', 'no such task', 'nothing to do'],
  ])
  t.deepEqual(told(host(handler), host()), [['reload', 'would change: absent → present', 'its turn does not come']])
})

test('the second of two tasks of one name is compared with the second', (t) => {
  const two = host(task('a', 'ok'), task('a', 'changed'))
  t.deepEqual(told(two, two), [])
  t.is(told(two, host(task('a', 'changed'), task('a', 'ok'))).length, 2)
})

test('only what was announced may change, and what comes of something unknown in a planned play', (t) => {
  const permits = makePermits({
    web1: host(task('a', 'changed'), task('b', 'unknown'), task('c', 'ok'), task('d', 'skipped'), task('e', 'ignored')),
  })
  const may = (title: string, play?: string, name = 'web1') =>
    permits(name, { title, resource: 'file.file', where: 'site.ts:1:1' }, play)
  t.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((title) => may(title, 'Web')),
    [true, true, false, false, true],
  )
  t.deepEqual(
    [may('new', 'Web'), may('new', undefined), may('new', 'Db'), may('a', 'Web', 'web2')],
    [true, false, false, false],
  )
})
