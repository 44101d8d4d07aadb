import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Task } from '../../src/core/task.ts'
import { unpack } from '../../src/resources/archive.ts'
import { checkout } from '../../src/resources/git.ts'
import { deploy } from '../../src/resources/release.ts'
import { facts } from './table.ts'

// git.checkout, archive.unpack and release.deploy on a real file system with real git and tar. They set owners, so they need root.
const asRoot = process.getuid?.() === 0 ? test : test.skip

function inDirectory(): string {
  return mkdtempSync(join(tmpdir(), "hostwright it's $x "))
}

function planNow(task: Task) {
  const { resource } = task
  const context = { host: {} as never, secrets: {} as never, from: import.meta.filename }
  const wish = resource.prepare ? resource.prepare(task.args, context) : task.args
  const probe = spawnSync('sh', ['-c', `set -eu\n${resource.probe([wish])}`], { encoding: 'utf8', input: '' })
  if (probe.status !== 0) throw new Error(probe.stderr)
  return resource.plan(resource.parse(probe.stdout, [wish])[0], wish, { facts, check: false })
}

function apply(task: Task): string {
  const plan = planNow(task)
  if (!('changes' in plan)) return Object.values(plan)[0] as string
  for (const step of plan.changes.flatMap((change) => change.steps)) {
    const { input } = step
    const bytes = typeof input === 'object' && 'path' in input ? readFileSync(input.path) : (input ?? '')
    const done = spawnSync('sh', ['-c', `set -eu\n${step.script}`], { encoding: 'utf8', input: bytes })
    if (done.status !== 0) return done.stderr.trim()
  }
  const again = planNow(task)
  return 'unchanged' in again
    ? plan.changes.map((change) => change.summary).join('; ')
    : `did not converge: ${JSON.stringify(again)}`
}

function repository(): { path: string; commit: (text: string) => string; git: (...args: string[]) => string } {
  const path = inDirectory()
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      encoding: 'utf8',
    }).trim()
  git('init', '--quiet', '--initial-branch=main')
  const commit = (text: string) => {
    writeFileSync(join(path, 'file'), text)
    git('add', '.')
    git('commit', '--quiet', '-m', text)
    return git('rev-parse', 'HEAD')
  }
  return { path, commit, git }
}

asRoot('git.checkout follows a branch, pins a tag and a commit, and refuses local changes', (t) => {
  const { path, commit, git } = repository()
  const first = commit('one')
  git('tag', '-a', 'v1', '-m', 'v1')
  const dest = join(inDirectory(), 'work tree')
  t.is(apply(checkout({ repo: path, dest, version: 'main' })), `absent → ${first.slice(0, 12)}`)
  t.is(apply(checkout({ repo: path, dest, version: 'main' })), `is at ${first.slice(0, 12)}`)
  const second = commit('two')
  t.is(apply(checkout({ repo: path, dest, version: 'main' })), `${first.slice(0, 12)} → ${second.slice(0, 12)}`)
  t.is(apply(checkout({ repo: path, dest, version: 'v1' })), `${second.slice(0, 12)} → ${first.slice(0, 12)}`)
  t.is(readFileSync(join(dest, 'file'), 'utf8'), 'one')
  writeFileSync(join(dest, 'file'), 'edited')
  t.is(apply(checkout({ repo: path, dest, version: second })), `${dest} has local changes`)
  t.is(
    apply(checkout({ repo: path, dest, version: second, force: true })),
    `${first.slice(0, 12)} → ${second.slice(0, 12)}; 1 local changes thrown away`,
  )
  t.is(apply(checkout({ repo: path, dest, version: 'nope' })), `${path} has no branch, tag or commit 'nope'`)
  t.is(apply(checkout({ repo: '/none', dest })), 'git ls-remote /none failed')
})

asRoot('archive.unpack replaces the directory when the archive changes, and leaves foreign directories alone', (t) => {
  const root = inDirectory()
  mkdirSync(join(root, 'top/sub'), { recursive: true })
  const archive = join(root, 'a.tar.gz')
  const pack = (text: string) => {
    writeFileSync(join(root, 'top/sub/file'), text)
    execFileSync('tar', ['-czf', archive, '-C', root, 'top'])
  }
  pack('one')
  const dest = join(root, 'out')
  t.regex(apply(unpack({ src: archive, dest, strip: 1 })), /^archive absent → [0-9a-f]{12}$/)
  t.is(readFileSync(join(dest, 'sub/file'), 'utf8'), 'one')
  t.regex(apply(unpack({ src: archive, dest, strip: 1 })), /^holds the archive/)
  pack('two')
  t.regex(apply(unpack({ src: archive, dest, strip: 1 })), /^archive [0-9a-f]{12} → [0-9a-f]{12}$/)
  t.is(readFileSync(join(dest, 'sub/file'), 'utf8'), 'two')
  t.is(
    apply(unpack({ src: archive, dest: join(root, 'top') })),
    `${join(root, 'top')} is there and was not unpacked by provision`,
  )
  t.is(t.throws(() => unpack({ dest: '/x' }))?.message, "archive.unpack: expected one of 'src' and 'url'")
  t.is(
    t.throws(() => unpack({ url: 'https://example.org/a.tar', dest: '/x' }))?.message,
    "archive.unpack: 'url' needs 'sha256'",
  )
})

asRoot(
  'release.deploy from a folder: the same content is the same release, the link switches, old releases go',
  (t) => {
    const root = inDirectory()
    const source = join(root, 'source')
    mkdirSync(join(source, 'bin'), { recursive: true })
    const path = join(root, 'app')
    const ids: string[] = []
    const task = () => deploy({ path, source: { directory: source }, keep: 2 })
    for (const text of ['one', 'two', 'three']) {
      writeFileSync(join(source, '@file'), text)
      t.regex(apply(task()), /^release \w+ → [0-9a-f]{12}$/)
      t.regex(apply(task()), /^release [0-9a-f]{12} is current$/)
      ids.push(readlinkSync(join(path, 'current')).replace('releases/', ''))
      t.is(readFileSync(join(path, 'current/@file'), 'utf8'), text)
    }
    t.deepEqual(readdirSync(join(path, 'releases')).sort(), ids.slice(1).sort())
    writeFileSync(join(source, '@file'), 'two')
    apply(task())
    t.is(readlinkSync(join(path, 'current')), `releases/${ids[1]}`)
    t.throws(() => planNow(deploy({ path, source: { directory: join(root, 'none') } })), {
      message: /the source directory .* was not found/,
    })
  },
)

asRoot('release.deploy from git: a branch becomes a commit', (t) => {
  const { path: repo, commit, git } = repository()
  const first = commit('one')
  const path = join(inDirectory(), 'app')
  t.is(apply(deploy({ path, source: { git: repo, version: 'main' } })), `release absent → ${first.slice(0, 12)}`)
  t.is(readlinkSync(join(path, 'current')), `releases/${first}`)
  git('checkout', '--quiet', '-b', 'next')
  const second = commit('two')
  t.is(
    apply(deploy({ path, source: { git: repo, version: 'next' } })),
    `release ${first.slice(0, 12)} → ${second.slice(0, 12)}`,
  )
  t.true(existsSync(join(path, 'releases', first)))
  t.throws(() => planNow(deploy({ path, source: { git: repo, version: 'nope' } })), {
    message: /is neither a branch, nor a tag, nor a full commit id/,
  })
})
