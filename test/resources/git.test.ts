import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { checkout } from '../../src/resources/git.ts'
import { commitOf } from '../../src/resources/git-ref.ts'
import { makeRepository } from './git-repository.ts'
import { diskShells, inDirectory, plainDirectory } from './on-disk.ts'
import { facts, planOne } from './table.ts'

// git.checkout with real git. Trees of other owners need root.

const [shell] = diskShells
if (!shell) throw new Error('there is no sh')
const { apply, plan } = shell
const asRoot = process.getuid?.() === 0 ? test : test.skip
const short = (commit: string) => commit.slice(0, 12)

test('follows a branch, pins a tag and a commit; a second run changes nothing', (t) => {
  const { path: repo, commit, git } = makeRepository()
  const first = commit('one')
  git('tag', '-a', 'v1', '-m', 'v1')
  const dest = join(inDirectory(), 'above/work tree')
  const at = (version?: string) => checkout({ repo, dest, ...(version && { version }) })
  t.deepEqual(apply(at('main')), [`absent → ${short(first)}`])
  t.deepEqual(apply(at('main')), [`is at ${short(first)}`])
  const second = commit('two')
  t.deepEqual(apply(at('main')), [`${short(first)} → ${short(second)}`])
  t.deepEqual(apply(at('v1')), [`${short(second)} → ${short(first)}`])
  t.is(readFileSync(join(dest, 'file'), 'utf8'), 'one')
  t.deepEqual(apply(at()), [`${short(first)} → ${short(second)}`])
  t.deepEqual(apply(at(first)), [`${short(second)} → ${short(first)}`])
  git('tag', '--force', 'v1', second)
  t.deepEqual(apply(at('v1')), [`${short(first)} → ${short(second)}`], 'a tag that moved')
  t.deepEqual(apply(at('nope')), [`${repo} has no branch, tag or commit 'nope'`])
  t.deepEqual(
    apply(at('0'.repeat(40)))
      .join()
      .split('\n')
      .at(-1),
    `error: commit ${'0'.repeat(40)} is not in ${repo}`,
  )
  const failed = plan(checkout({ repo: '/none', dest }))
  t.is('refused' in failed && failed.refused, 'git ls-remote /none failed')
  t.regex(('refused' in failed && failed.detail) || '', /'\/none' does not appear to be a git repository/)
})

test('check mode knows the commit, and the result names both', (t) => {
  const { path: repo, commit } = makeRepository()
  const first = commit('one')
  const dest = join(inDirectory(), 'tree')
  const planned = plan(checkout({ repo, dest }))
  t.deepEqual('changes' in planned && planned.result, { commit: first, before: '' })
  apply(checkout({ repo, dest }))
  const second = commit('two')
  const again = plan(checkout({ repo, dest }))
  t.deepEqual('changes' in again && again.result, { commit: second, before: first })
})

test('a branch that was rewritten is followed: the commit before was ours', (t) => {
  const { path: repo, commit, git } = makeRepository()
  commit('one')
  const second = commit('two')
  const dest = join(inDirectory(), 'tree')
  apply(checkout({ repo, dest, version: 'main' }))
  git('reset', '--quiet', '--hard', 'HEAD~1')
  const other = commit('other')
  t.deepEqual(apply(checkout({ repo, dest, version: 'main' })), [`${short(second)} → ${short(other)}`])
})

test('local changes and local commits are refused, or thrown away by force', (t) => {
  const { path: repo, commit } = makeRepository()
  const first = commit('one')
  const dest = join(inDirectory(), 'tree')
  apply(checkout({ repo, dest }))
  writeFileSync(join(dest, 'file'), 'edited')
  writeFileSync(join(dest, 'untracked'), 'mine')
  t.deepEqual(apply(checkout({ repo, dest })), [`is at ${short(first)}, with local changes`])
  const second = commit('two')
  const refused = plan(checkout({ repo, dest }))
  t.deepEqual(refused, {
    refused: `${dest} has local changes`,
    detail: ' M file',
    hint: 'Save them elsewhere, or set force: true to throw them away.',
  })
  t.deepEqual(apply(checkout({ repo, dest, force: true })), [
    `${short(first)} → ${short(second)}; 1 local changes thrown away`,
  ])
  t.is(readFileSync(join(dest, 'untracked'), 'utf8'), 'mine')
  const here = ['-C', dest, '-c', 'user.name=t', '-c', 'user.email=t@example.org']
  writeFileSync(join(dest, 'file'), 'local')
  execFileSync('git', [...here, 'commit', '--quiet', '-am', 'a commit of my own'])
  const local = plan(checkout({ repo, dest }))
  t.regex(('refused' in local && local.detail) || '', /^commit [0-9a-f]+ a commit of my own$/)
  t.regex(apply(checkout({ repo, dest, force: true })).join(), /→ .*; 1 local changes thrown away/)
  t.deepEqual(apply(checkout({ repo, dest })), [`is at ${short(second)}`])
})

test('a checkout that was killed is finished, though the tree looks edited and is locked', (t) => {
  const { path: repo, commit } = makeRepository()
  const first = commit('one')
  const dest = join(inDirectory(), 'tree')
  apply(checkout({ repo, dest }))
  const second = commit('two')
  execFileSync('git', ['-C', dest, 'update-ref', 'refs/provision/next', first])
  writeFileSync(join(dest, 'file'), 'half')
  writeFileSync(join(dest, '.git/index.lock'), '')
  t.deepEqual(apply(checkout({ repo, dest })), [`${short(first)} → ${short(second)}; a checkout was interrupted`])
  t.is(readFileSync(join(dest, 'file'), 'utf8'), 'two')
})

test('little history, another origin, and what is in the way', (t) => {
  const { path: repo, commit } = makeRepository()
  commit('one')
  commit('two')
  const root = inDirectory()
  const plain = join(plainDirectory(), 'repo')
  symlinkSync(repo, plain)
  const dest = join(root, 'tree')
  apply(checkout({ repo: `file://${plain}`, dest, depth: 1 }))
  t.is(execFileSync('git', ['-C', dest, 'rev-list', '--count', 'HEAD'], { encoding: 'utf8' }), '1\n')
  t.regex(apply(checkout({ repo, dest, depth: 1 })).join(), /^origin file:\/\/.* → /)
  mkdirSync(join(root, 'full/of'), { recursive: true })
  t.deepEqual(apply(checkout({ repo, dest: join(root, 'full') })), [
    `${join(root, 'full')} is there and is not a git work tree`,
  ])
  mkdirSync(join(root, 'empty'))
  t.regex(apply(checkout({ repo, dest: join(root, 'empty') })).join(), /^absent → /)
})

asRoot('as another user: its tree, its git; a tree of the wrong owner is given to it', (t) => {
  const { path: repo, commit } = makeRepository()
  chmodSync(repo, 0o755)
  const first = commit('one')
  execFileSync('chown', ['-R', '65534:65534', repo])
  const root = plainDirectory()
  chmodSync(root, 0o755)
  const dest = join(root, 'tree')
  t.deepEqual(apply(checkout({ repo, dest, owner: 'nobody' })), [`absent → ${short(first)}`])
  t.deepEqual(
    [statSync(dest).uid, statSync(join(dest, '.git/HEAD')).uid, statSync(join(dest, 'file')).uid],
    [65534, 65534, 65534],
  )
  t.deepEqual(apply(checkout({ repo, dest })), [`is at ${short(first)}`], 'read as its owner')
  execFileSync('chown', ['-R', 'root:root', dest])
  t.deepEqual(apply(checkout({ repo, dest, owner: 'nobody' })), ['owner root → nobody'])
  t.is(statSync(join(dest, 'file')).uid, 65534)
  t.deepEqual(plan(checkout({ repo, dest, owner: 'no-such-user' })), {
    unknown: 'the user no-such-user does not exist',
  })
  t.true(existsSync(dest))
})

test('without git it is unknown; garbage is an error', (t) => {
  const task = checkout({ repo: 'https://example.org/x.git', dest: '/srv/x' })
  const context = { facts, check: false }
  t.deepEqual(planOne(task, '== checkout\nuser=yes\ngit=no\n', context), { unknown: 'git is not installed' })
  for (const garbage of ['', 'boom', '== checkout\n', '== checkout\nuser=yes\ngit=yes\nkind=odd\n'])
    t.throws(() => planOne(task, garbage, context), { message: /unexpected answer/ })
})

test('a tag goes before a branch of the same name, and the commit behind it before the tag', (t) => {
  const [branch = '', tag = '', peeled = ''] = ['a', 'b', 'c'].map((letter) => letter.repeat(40))
  const heads = `${branch}\trefs/heads/x`
  t.is(commitOf(heads, 'x'), branch)
  t.is(commitOf(`${heads}\n${tag}\trefs/tags/x`, 'x'), tag)
  t.is(commitOf(`warning: odd\n${heads}\n${tag}\trefs/tags/x\n${peeled}\trefs/tags/x^{}`, 'x'), peeled)
  t.is(commitOf(`${branch}\trefs/heads/feature/x`, 'x'), '')
})

test('what is misused is refused with a sentence', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message ?? ''
  t.regex(
    message(() => checkout({ repo: 'https://me:token@example.org/x.git', dest: '/x' })),
    /option 'repo': expected a URL without a password/,
  )
  t.regex(
    message(() => checkout({ repo: '--upload-pack=x', dest: '/x' })),
    /option 'repo': expected the URL or path/,
  )
  t.regex(
    message(() => checkout({ repo: '/r', dest: '/x', version: '-x' })),
    /option 'version': expected a branch/,
  )
  t.notThrows(() => checkout({ repo: 'ssh://git@example.org:22/x.git', dest: '/x', version: 'feature/x@2' }))
})
