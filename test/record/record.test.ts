import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import { failedHosts, findRecord, listRecords, readDescription, readRecord } from '../../src/record/find-records.ts'
import { gitRevision } from '../../src/record/git-revision.ts'
import { makeRecordId } from '../../src/record/record-id.ts'
import { createRecord, type RecordOptions } from '../../src/record/write-record.ts'
import { recordedRun, task, taskEnd } from '../report/events.ts'

function temporary(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-record-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const description: RecordOptions['description'] = {
  id: '20261121T083015Z-3f9a1c',
  command: 'run',
  playbook: 'playbooks/site.ts',
  inventory: 'inventory/hosts.ts',
  check: false,
  started: '2026-11-21T08:30:15.000Z',
  groups: { web1: ['all', 'web'], web2: ['all', 'web'], web10: ['all', 'web'] },
}

function open(folder: string, more: Partial<RecordOptions> = {}) {
  const troubles: string[] = []
  let clock = 0
  const record = createRecord({
    folder: join(folder, '.provision', 'runs'),
    description,
    cwd: '/home/me/site',
    keep: 50,
    now: () => clock++,
    onTrouble: (why) => troubles.push(why),
    ...more,
  })
  return { record, troubles, runs: join(folder, '.provision', 'runs') }
}

test('a run is written and read back, for its owner only', async (t) => {
  const folder = temporary(t)
  const { record, troubles, runs } = open(folder)
  for (const event of recordedRun) record.emit(event)
  record.setOutcome('failed')
  await record.end()
  t.deepEqual(troubles, [])
  const read = readRecord(runs, description.id)
  t.like(read.description, { ...description, outcome: 'failed' })
  t.is(read.description.hosts?.web1?.changed, 2)
  const ends = read.events.filter((event) => event.type === 'task:end')
  t.deepEqual(
    ends.map(({ host, status, task: { where } }) => [host, status, where]),
    recordedRun.flatMap((event) =>
      event.type === 'task:end' ? [[event.host, event.status, 'roles/nginx.ts:16:9']] : [],
    ),
  )
  t.deepEqual(failedHosts(read), ['web2', 'web10'])
  const modes = [
    runs,
    join(runs, description.id),
    ...['meta.json', 'events.jsonl'].map((name) => join(runs, description.id, name)),
  ]
  t.deepEqual(
    modes.map((path) => (statSync(path).mode & 0o777).toString(8)),
    ['700', '700', '600', '600'],
  )
  t.is(readFileSync(join(folder, '.provision', '.gitignore'), 'utf8'), '*\n')
  t.deepEqual(readdirSync(join(runs, description.id)).sort(), ['events.jsonl', 'meta.json'])
})

test('a task that ends at once costs one line; one that runs while the process dies is in the record', (t) => {
  const { record, runs } = open(temporary(t))
  const place = { host: 'web1', play: 'p', index: 1, total: 2 }
  record.emit({ type: 'task:start', task: task(1, 'short'), ...place })
  record.emit(taskEnd('web1', task(1, 'short'), 'ok'))
  record.emit({ type: 'task:start', task: task(2, 'long'), ...place })
  record.abandon?.()
  const { description: read, events } = readRecord(runs, description.id)
  t.is(read.outcome, undefined)
  t.deepEqual(
    events.map((event) => [event.type, 'task' in event && event.task.title]),
    [
      ['task:end', 'short'],
      ['task:start', 'long'],
    ],
  )
})

test('half a line at the end, of a killed run, is left out', async (t) => {
  const { record, runs } = open(temporary(t))
  for (const event of recordedRun) record.emit(event)
  await record.end()
  const file = join(runs, description.id, 'events.jsonl')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.slice(0, -20))
  t.is(readRecord(runs, description.id).events.length, text.split('\n').length - 2)
})

test('an error that ends the run is in the record', async (t) => {
  const { record, runs } = open(temporary(t))
  record.fail?.(new ProvisionError({ code: 'input', message: 'no such template', hint: 'Write one.' }))
  await record.end()
  const read = readRecord(runs, description.id)
  t.is(read.description.outcome, 'error')
  t.deepEqual(read.events, [
    { at: 1, type: 'error', error: { code: 'input', message: 'no such template', hint: 'Write one.' } },
  ])
})

test('with onlyNews a run in which nothing happened leaves nothing, another all of its events', async (t) => {
  const quiet = open(temporary(t), { onlyNews: true })
  quiet.record.emit({ type: 'run:start', check: false, hosts: ['web1'], plays: [] })
  quiet.record.emit(taskEnd('web1', task(1, 'a'), 'ok'))
  await quiet.record.end()
  t.deepEqual(listRecords(quiet.runs), [])
  const loud = open(temporary(t), { onlyNews: true })
  loud.record.emit({ type: 'run:start', check: false, hosts: ['web1'], plays: [] })
  loud.record.emit(taskEnd('web1', task(1, 'a'), 'changed'))
  await loud.record.end()
  t.deepEqual(
    readRecord(loud.runs, description.id).events.map(({ type }) => type),
    ['run:start', 'task:end'],
  )
})

test('only so many records stay, and nothing else of the folder is removed', async (t) => {
  const folder = temporary(t)
  const { record, runs } = open(folder, { keep: 2 })
  const old = ['20250101T000000Z-000001', '20250101T000000Z-000002', '20250101T000000Z-000003']
  for (const name of [...old, 'notes']) mkdirSync(join(runs, name), { recursive: true })
  record.emit({ type: 'run:start', check: false, hosts: [], plays: [] })
  await record.end()
  t.deepEqual(readdirSync(runs).sort(), ['20250101T000000Z-000003', description.id, 'notes'])
})

test('a record that cannot be written is trouble, told once, and no error', async (t) => {
  const folder = temporary(t)
  writeFileSync(join(folder, '.provision'), '')
  const { record, troubles } = open(folder)
  for (const event of recordedRun) record.emit(event)
  await record.end()
  t.is(troubles.length, 1)
  t.regex(troubles[0] ?? '', /^(ENOTDIR|EEXIST)/)
})

test('a run is found by last, by its id and by a beginning; a wrong word names the nearest', (t) => {
  const runs = temporary(t)
  const ids = ['20261120T100000Z-aaaaaa', '20261121T083015Z-3f9a1c', '20261121T090000Z-bbbbbb']
  t.is(t.throws(() => findRecord(runs, 'last'))?.message, `no record of a run in ${runs}`)
  for (const id of ids) mkdirSync(join(runs, id))
  t.is(findRecord(runs, 'last'), '20261121T090000Z-bbbbbb')
  t.is(findRecord(runs, '20261121T08'), '20261121T083015Z-3f9a1c')
  t.is(
    t.throws(() => findRecord(runs, '20261121'))?.message,
    "'20261121' is the beginning of 2 runs: 20261121T090000Z-bbbbbb, 20261121T083015Z-3f9a1c",
  )
  const error = t.throws(() => findRecord(runs, '20261121T083015Z-3f9a1d'), { instanceOf: ProvisionError })
  t.is(error?.hint, 'Did you mean 20261121T083015Z-3f9a1c?')
  t.is(readDescription(runs, 'notes'), undefined)
})

test('ids in order are runs in order', (t) => {
  const earlier = makeRecordId(new Date('2026-11-21T08:30:15Z'))
  const later = makeRecordId(new Date('2026-11-21T08:30:16Z'))
  t.true(earlier < later)
  t.regex(earlier, /^20261121T083015Z-[0-9a-f]{6}$/)
})

test('the commit is what git says: on a branch, packed, detached, in a linked worktree, nowhere', (t) => {
  const folder = temporary(t)
  const git = (cwd: string, ...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words], {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  t.is(gitRevision('/'), undefined)
  git(folder, 'init', '-q')
  t.is(gitRevision(folder), undefined)
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'first')
  const first = git(folder, 'rev-parse', 'HEAD')
  mkdirSync(join(folder, 'inventory'))
  t.is(gitRevision(join(folder, 'inventory')), first)
  git(folder, 'pack-refs', '--all')
  t.is(gitRevision(folder), first)
  git(folder, 'worktree', 'add', '-q', '-b', 'other', 'linked')
  git(join(folder, 'linked'), 'commit', '-q', '--allow-empty', '-m', 'second')
  t.is(gitRevision(join(folder, 'linked')), git(join(folder, 'linked'), 'rev-parse', 'HEAD'))
  git(folder, 'checkout', '-q', '--detach')
  t.is(gitRevision(folder), first)
})
