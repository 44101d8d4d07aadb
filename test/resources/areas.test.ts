// What tasks say they read and alter: the engine keeps or throws away what it knows by this.
import test from 'ava'
import type { Area, Footprint } from '../../src/core/resource.ts'
import { isTouched } from '../../src/engine/footprint.ts'
import { areasAbove, fileArea, fileFootprint, treeArea } from '../../src/resources/areas.ts'
import { fileDirectory } from '../../src/resources/file-directory.ts'
import { fileFile } from '../../src/resources/file-file.ts'
import { group } from '../../src/resources/group.ts'
import { systemdService } from '../../src/resources/systemd-service.ts'
import { systemdUnit } from '../../src/resources/systemd-unit.ts'
import { user } from '../../src/resources/user.ts'

interface Row {
  readonly title: string
  readonly reads: Footprint['reads']
  readonly altered: readonly Area[] | undefined
  readonly touched: boolean
}

const rows: readonly Row[] = [
  { title: 'nothing altered touches nothing', reads: undefined, altered: [], touched: false },
  { title: 'everything altered touches everything', reads: ['file:/a'], altered: undefined, touched: true },
  { title: 'who reads everything is touched by anything', reads: undefined, altered: ['file:/a'], touched: true },
  { title: 'a file is touched by itself', reads: ['file:/a'], altered: ['file:/a'], touched: true },
  { title: 'a file is not touched by its neighbour', reads: ['file:/a/b'], altered: ['file:/a/bc'], touched: false },
  { title: 'a tree holds what is below it', reads: ['file:/a/b/c'], altered: ['tree:/a/b'], touched: true },
  { title: 'a tree holds its own root', reads: ['file:/a/b'], altered: ['tree:/a/b'], touched: true },
  {
    title: 'a tree does not hold what only begins alike',
    reads: ['file:/a/bc'],
    altered: ['tree:/a/b'],
    touched: false,
  },
  { title: 'a tree that is read is touched from within', reads: ['tree:/a'], altered: ['file:/a/b/c'], touched: true },
  { title: 'the root holds all paths', reads: ['file:/x'], altered: ['tree:/'], touched: true },
  { title: 'paths and names are different things', reads: ['user:a'], altered: ['tree:/'], touched: false },
]

for (const { title, reads, altered, touched } of rows) {
  test(`footprint: ${title}`, (t) => {
    t.is(isTouched(reads, altered), touched)
  })
}

/** Whether a change of the first task makes what is known of the second worthless. */
function touches(
  first: { resource: { footprint?: (wish: never, state: never) => Footprint }; args: unknown; state?: unknown },
  second: { resource: { footprint?: (wish: never, state: never) => Footprint }; args: unknown },
): boolean {
  const altered = first.resource.footprint?.(first.args as never, first.state as never).alters
  return isTouched(second.resource.footprint?.(second.args as never, undefined as never).reads, altered)
}

const of = (task: { resource: unknown }, args: unknown, state?: unknown) => ({
  resource: task.resource as never,
  args,
  state,
})
const fileTask = fileFile({ dest: '/x', content: '' })
const directoryTask = fileDirectory({ path: '/x' })
const absent = { status: { type: 'absent' }, foreign: false }
const present = { status: { type: 'directory' }, foreign: false }

test('a new directory touches the files that go into it, and not those elsewhere', (t) => {
  const made = of(directoryTask, { path: '/srv/app/data' }, absent)
  t.true(touches(made, of(fileTask, { dest: '/srv/app/data/x' })))
  t.true(touches(made, of(fileTask, { dest: '/srv/app/x' })), 'it may have been missing too')
  t.false(touches(made, of(fileTask, { dest: '/srv/other/x' })))
  t.false(touches(made, of(directoryTask, { path: '/srv/app/data/more' })))
})

test('other modes of a directory may hide all below it', (t) => {
  const changed = of(directoryTask, { path: '/srv/app' }, present)
  t.true(touches(changed, of(fileTask, { dest: '/srv/app/a/b/c' })))
})

test('a new user touches files that shall be its own, itself and lists of all users', (t) => {
  const nobody = { users: new Map(), groups: new Map() }
  const made = of(user({ name: 'app' }), { name: 'app' }, nobody)
  t.true(touches(made, of(fileTask, { dest: '/etc/x', owner: 'app' })))
  t.true(touches(made, of(fileTask, { dest: '/etc/x', group: 'app' })))
  t.true(touches(made, of(fileTask, { dest: '/home/app/.bashrc' })))
  t.true(touches(made, of(fileTask, { dest: '/etc/passwd' })))
  t.true(touches(made, of(user({ name: 'b' }), { name: 'b', groups: ['app'] })))
  t.false(touches(made, of(user({ name: 'b' }), { name: 'b' })))
  t.false(touches(made, of(fileTask, { dest: '/etc/x', owner: 'root' })))
})

test('a user that is there, and one with a given uid, may own files anywhere', (t) => {
  const there = { users: new Map([['app', {}]]), groups: new Map() }
  t.true(touches(of(user({ name: 'app' }), { name: 'app' }, there), of(fileTask, { dest: '/etc/x' })))
  const nobody = { users: new Map(), groups: new Map() }
  t.true(touches(of(user({ name: 'app' }), { name: 'app', uid: 7 }, nobody), of(fileTask, { dest: '/etc/x' })))
  t.false(touches(of(group({ name: 'g' }), { name: 'g' }), of(fileTask, { dest: '/etc/x' })))
  t.true(touches(of(group({ name: 'g' }), { name: 'g', gid: 7 }), of(fileTask, { dest: '/etc/x' })))
})

test('a file of users touches all users', (t) => {
  t.true(touches(of(fileTask, { dest: '/etc/passwd' }), of(user({ name: 'b' }), { name: 'b' })))
  t.is(fileFootprint('/etc//./passwd').alters, undefined)
})

test('units: a file of one touches what is known of all; a start may do anything', (t) => {
  const service = systemdService({ unit: 'app', state: 'started' })
  const written = of(systemdUnit({ name: 'app.service', content: '[Service]\nExecStart=/bin/true\n' }), {
    name: 'app.service',
  })
  t.true(touches(written, of(service, { unit: 'app' })))
  t.true(touches(of(fileTask, { dest: '/etc/systemd/system/app.service' }), of(service, { unit: 'app' })))
  t.false(touches(of(fileTask, { dest: '/etc/app.conf' }), of(service, { unit: 'app' })))
  t.true(touches(of(service, { unit: 'app' }), of(fileTask, { dest: '/etc/app.conf' })))
})

test('a path with .. may lead anywhere', (t) => {
  t.deepEqual(fileFootprint('/etc/../srv/x'), {})
  t.is(fileArea('/a//b/'), 'file:/a/b')
  t.is(treeArea('/'), 'tree:/')
  t.deepEqual(areasAbove('/a/b'), ['file:/a', 'file:/'])
})
