import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { deploy } from '../../src/resources/release.ts'
import { makeRepository } from './git-repository.ts'
import { type DiskShell, diskShells, inDirectory } from './on-disk.ts'
import { facts, planOne } from './table.ts'

// release.deploy with real git and tar. It sets owners, so it needs root.
const asRoot = process.getuid?.() === 0 ? test : test.skip
const short = (id: string) => id.slice(0, 12)

function makeSource(): {
  root: string
  source: string
  path: string
  write: (text: string) => void
  live: () => string
} {
  const root = inDirectory()
  const source = join(root, 'source')
  const path = join(root, 'app')
  mkdirSync(join(source, 'bin'), { recursive: true })
  writeFileSync(join(source, 'bin/run'), '#!/bin/sh\n', { mode: 0o755 })
  symlinkSync('bin/run', join(source, 'run'))
  const write = (text: string) => writeFileSync(join(source, '@file'), text)
  write('one')
  return { root, source, path, write, live: () => readlinkSync(join(path, 'current')).replace('releases/', '') }
}

function withShell({ name, apply, plan, run }: DiskShell): void {
  asRoot(
    `${name}: files have the time of the newest one, so that ETags differ between releases and not between hosts`,
    (t) => {
      const { source, path, write } = makeSource()
      const times = ['one', 'two'].map((text, index) => {
        write(text)
        utimesSync(join(source, 'bin/run'), 1_700_000_000, 1_700_000_000)
        utimesSync(join(source, '@file'), 1_800_000_000 + index, 1_800_000_000 + index)
        lutimesSync(join(source, 'run'), 1_700_000_000, 1_700_000_000)
        apply(deploy({ path, source: { directory: source } }))
        return [statSync(join(path, 'current/bin/run')).mtimeMs, statSync(join(path, 'current/@file')).mtimeMs]
      })
      t.deepEqual(times, [
        [1_800_000_000_000, 1_800_000_000_000],
        [1_800_000_001_000, 1_800_000_001_000],
      ])
    },
  )

  asRoot(`${name}: from a folder: the same content is the same release, the link switches, old releases go`, (t) => {
    const { root, source, path, write, live } = makeSource()
    const task = () => deploy({ path, source: { directory: source }, keep: 2, group: '7' })
    const ids: string[] = []
    for (const text of ['one', 'two', 'three']) {
      write(text)
      t.regex(apply(task()).join(), /^release \w+ → [0-9a-f]{12}$/)
      t.deepEqual(apply(task()), [`release ${short(live())} is current`])
      ids.push(live())
      t.is(readFileSync(join(path, 'current/@file'), 'utf8'), text)
    }
    const status = statSync(join(path, 'current/bin/run'))
    t.deepEqual([status.mode & 0o7777, status.uid, status.gid], [0o755, 0, 7])
    t.is(readlinkSync(join(path, 'current/run')), 'bin/run')
    t.deepEqual(readdirSync(join(path, 'releases')).sort(), ids.slice(1).sort())
    t.deepEqual(readdirSync(path).sort(), ['current', 'previous', 'releases'])
    const same = plan(task())
    t.deepEqual('unchanged' in same && same.result, { release: ids[2] ?? '', previous: ids[1] })

    write('two') // back to a release that is still there: nothing is shipped
    const back = plan(task())
    t.deepEqual('changes' in back && back.changes[0].steps.map((step) => step.input), [undefined])
    t.deepEqual('changes' in back && back.result, { release: ids[1] ?? '', previous: ids[2] })
    apply(task())
    t.is(live(), ids[1] ?? 'none')
    t.is(readlinkSync(join(path, 'previous')), `releases/${ids[2]}`)
    t.throws(() => plan(deploy({ path, source: { directory: join(root, 'none') } })), {
      message: /the source directory .* was not found/,
    })
  })

  asRoot(
    `${name}: what killed runs left goes, foreign directories stay, and the previous release is never pruned`,
    (t) => {
      const { source, path, write, live } = makeSource()
      const task = () => deploy({ path, source: { directory: source }, keep: 2 })
      apply(task())
      const first = live()
      mkdirSync(join(path, `releases/.${'a'.repeat(40)}.new/half`), { recursive: true })
      mkdirSync(join(path, 'releases/by-hand'))
      for (const letter of ['b', 'c', 'd']) mkdirSync(join(path, 'releases', letter.repeat(40)))
      write('two')
      apply(task())
      t.deepEqual(readdirSync(join(path, 'releases')).sort(), [first, live(), 'by-hand'].sort())
      renameSync(join(path, 'releases', live()), join(path, 'releases/by-hand/away'))
      t.is(apply(task()).length, 1)
      t.true(existsSync(join(path, 'current/@file')), 'a release that was removed by hand is shipped again')
    },
  )

  asRoot(`${name}: shared directories outlive releases, and a live one is not emptied for them`, (t) => {
    const { source, path, write, live } = makeSource()
    mkdirSync(join(source, 'var/up loads'), { recursive: true })
    writeFileSync(join(source, 'var/up loads/seed'), '')
    const task = (...shared: string[]) => deploy({ path, source: { directory: source }, group: '7', shared })
    apply(task())
    writeFileSync(join(path, 'current/var/up loads/photo'), 'kept')
    t.deepEqual(apply(task('var/up loads', 'cache')), ['shared: var/up loads, cache'])
    t.is(readFileSync(join(path, 'shared/var/up loads/photo'), 'utf8'), 'kept')
    t.true(lstatSync(join(path, 'current/var/up loads')).isSymbolicLink())
    const status = statSync(join(path, 'shared/cache'))
    t.deepEqual([status.mode & 0o7777, status.gid], [0o2775, 7])
    t.regex(apply(task('var/up loads', 'cache')).join(), /is current$/)
    write('two')
    t.regex(apply(task('var/up loads', 'cache')).join(), /^release/)
    t.is(readFileSync(join(path, 'current/var/up loads/photo'), 'utf8'), 'kept')
    run(`rm -- '${join(path, 'current/cache').replaceAll("'", "'\\''")}'`)
    mkdirSync(join(path, 'releases', live(), 'cache/full'), { recursive: true })
    t.regex(apply(task('cache')).join(), /^error: .*\/cache and .*\/shared\/cache both have content$/)
  })

  asRoot(`${name}: check mode ships nothing; a directory named current is refused`, (t) => {
    const { source, path } = makeSource()
    const task = deploy({ path, source: { directory: source } })
    const planned = planOne(task, run(task.resource.probe([{ path }])).stdout, { facts, check: true })
    t.deepEqual('changes' in planned && planned.changes[0].steps.map((step) => step.input), ['', undefined])
    mkdirSync(join(path, 'current'), { recursive: true })
    t.deepEqual(apply(task), [`${path}/current is no link, so it was not made by release.deploy`])
  })
}

diskShells.forEach(withShell)

asRoot('from git: a branch becomes a commit, shipped by one fetch; a commit by its id alone', (t) => {
  const [shell] = diskShells
  if (!shell) return t.fail()
  const { apply, plan } = shell
  const { path: repo, commit, git } = makeRepository()
  const first = commit('one')
  const path = join(inDirectory(), 'app')
  const at = (version: string) => deploy({ path, source: { git: repo, version } })
  t.deepEqual(apply(at('main')), [`release absent → ${short(first)}`])
  t.is(readlinkSync(join(path, 'current')), `releases/${first}`)
  git('checkout', '--quiet', '-b', 'next')
  const second = commit('two')
  t.deepEqual(apply(at('next')), [`release ${short(first)} → ${short(second)}`])
  t.deepEqual(readdirSync(join(path, 'current')), ['file'])
  t.deepEqual(apply(at(first)), [`release ${short(second)} → ${short(first)}`])
  t.deepEqual(
    apply(at('f'.repeat(40)))
      .join()
      .split('\n')
      .at(-1),
    `error: commit ${'f'.repeat(40)} is not in ${repo}`,
  )
  t.deepEqual(
    readdirSync(join(path, 'releases')).sort(),
    [first, second].sort(),
    'nothing half-made is named like a release',
  )
  t.throws(() => plan(at('nope')), { message: /is neither a branch, nor a tag, nor a full commit id/ })
  const error = t.throws(() => plan(deploy({ path, source: { git: '/none', version: 'main' } })))
  t.true(isProvisionError(error) && error.detail?.includes("'/none' does not appear to be a git repository"))
})

asRoot('what is no file, directory or link cannot be shipped', (t) => {
  const { source, path } = makeSource()
  execFileSync('mkfifo', [join(source, 'pipe')])
  t.throws(() => diskShells[0]?.plan(deploy({ path, source: { directory: source } })), {
    message: /pipe is neither a file, nor a directory, nor a link, and cannot be shipped$/,
  })
})

test('one run resolves a branch and reads a folder once for all hosts', (t) => {
  const { path: repo, commit } = makeRepository()
  const first = commit('one')
  const shared = new Map<string, unknown>()
  const once = <T>(key: string, make: () => T): T => {
    if (!shared.has(key)) shared.set(key, make())
    return shared.get(key) as T
  }
  const { resource, args } = deploy({ path: '/srv/app', source: { git: repo, version: 'main' } })
  const context = { host: {} as never, secrets: {} as never, from: '', once }
  t.is(resource.prepare?.(args, context).id, first)
  commit('two')
  t.is(resource.prepare?.(args, context).id, first)
})

test('without git it is unknown; garbage is an error; what is misused is refused', (t) => {
  const task = deploy({ path: '/srv/app', source: { git: '/r', version: 'a'.repeat(40) } })
  const context = { facts, check: false }
  t.deepEqual(planOne(task, '== release\nkind=absent\ncurrent=\nprevious=\ngit=no\n', context), {
    unknown: 'git is not installed',
  })
  for (const garbage of ['', 'boom', '== release\ncurrent=\n'])
    t.throws(() => planOne(task, garbage, context), { message: /unexpected answer/ })
  for (const shared of ['/abs', '../up', 'a/../b', '', './x', 'a//b'])
    t.throws(
      () => deploy({ path: '/x', source: { directory: '.' }, shared: [shared] }),
      { message: /expected a relative path/ },
      shared,
    )
  t.notThrows(() => deploy({ path: '/x', source: { directory: '.' }, shared: ['.env.d', 'a/b..c'] }))
})
