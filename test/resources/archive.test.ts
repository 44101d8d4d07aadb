import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { unpack } from '../../src/resources/archive.ts'
import { type DiskShell, diskShells, inDirectory } from './on-disk.ts'
import { facts, planOne } from './table.ts'

// archive.unpack with real tar. It sets owners, so it needs root.
const asRoot = process.getuid?.() === 0 ? test : test.skip

function makeArchive(): { root: string; archive: string; pack: (text: string) => void } {
  const root = inDirectory()
  mkdirSync(join(root, 'top/sub'), { recursive: true })
  const archive = join(root, 'a.tar.gz')
  const pack = (text: string) => {
    writeFileSync(join(root, 'top/sub/file'), text)
    chmodSync(join(root, 'top/sub/file'), 0o755)
    execFileSync('tar', ['-czf', archive, '-C', root, 'top'])
  }
  pack('one')
  return { root, archive, pack }
}

function withShell({ name, apply }: DiskShell): void {
  asRoot(`${name}: the directory is replaced when the archive or strip changes, and only then`, (t) => {
    const { root, archive, pack } = makeArchive()
    const dest = join(root, 'above/out')
    const task = (strip = 1) => unpack({ src: archive, dest: `${dest}/`, strip })
    t.regex(apply(task()).join(), /^archive absent → [0-9a-f]{12}$/)
    t.is(readFileSync(join(dest, 'sub/file'), 'utf8'), 'one')
    t.is(statSync(join(dest, 'sub/file')).mode & 0o7777, 0o755)
    t.regex(apply(task()).join(), /^holds the archive/)
    writeFileSync(join(dest, 'stray'), '')
    pack('two')
    t.regex(apply(task()).join(), /^archive [0-9a-f]{12} → [0-9a-f]{12}$/)
    t.is(readFileSync(join(dest, 'sub/file'), 'utf8'), 'two')
    t.false(existsSync(join(dest, 'stray')))
    t.regex(apply(task(0)).join(), /^archive/)
    t.true(existsSync(join(dest, 'top/sub/file')))
    t.deepEqual(readdirSync(join(root, 'above')), ['out'])
  })

  asRoot(`${name}: owners are set, and corrected`, (t) => {
    const { root, archive } = makeArchive()
    const dest = join(root, 'out')
    const task = () => unpack({ src: archive, dest, owner: '65534', group: '7' })
    t.regex(apply(task()).join(), /^archive absent/)
    t.deepEqual([statSync(join(dest, 'top/sub/file')).uid, statSync(join(dest, 'top/sub/file')).gid], [65534, 7])
    execFileSync('chown', ['-R', '0:7', dest])
    t.deepEqual(apply(task()), ['owner root → 65534'])
    t.is(statSync(join(dest, 'top/sub/file')).uid, 65534)
  })

  asRoot(`${name}: a directory of others is left alone, an empty one is taken, a file refused`, (t) => {
    const { root, archive } = makeArchive()
    t.deepEqual(apply(unpack({ src: archive, dest: join(root, 'top') })), [
      `${join(root, 'top')} is there and was not unpacked by provision`,
    ])
    mkdirSync(join(root, 'empty'))
    t.regex(apply(unpack({ src: archive, dest: join(root, 'empty') })).join(), /^archive absent/)
    t.deepEqual(apply(unpack({ src: archive, dest: archive })), [`${archive} is a file, expected a directory`])
  })

  asRoot(`${name}: with creates it goes into a directory of others, which stays as it is`, (t) => {
    const { root, archive } = makeArchive()
    const dest = join(root, 'shared')
    mkdirSync(dest)
    chmodSync(dest, 0o2775)
    writeFileSync(join(dest, 'theirs'), 'theirs')
    const task = (creates: string) => unpack({ src: archive, dest, creates })
    t.deepEqual(apply(task('top/none')), ['error: the archive does not bring top/none'])
    t.deepEqual(readdirSync(dest), ['theirs'])
    t.regex(apply(task('top/sub/file')).join(), /^archive absent/)
    t.deepEqual(readdirSync(dest).sort(), ['theirs', 'top'])
    t.is(statSync(dest).mode & 0o7777, 0o2775)
    t.deepEqual(apply(task('top/sub/file')), ['top/sub/file is there'])
  })

  asRoot(`${name}: a broken archive leaves what was there; what was left between two renames comes back`, (t) => {
    const { root, archive, pack } = makeArchive()
    const dest = join(root, 'out')
    const task = () => unpack({ src: archive, dest })
    apply(task())
    writeFileSync(archive, 'no archive')
    t.regex(apply(task()).join(), /tar|gzip/i)
    t.is(readFileSync(join(dest, 'top/sub/file'), 'utf8'), 'one')
    execFileSync('mv', [dest, join(root, '.out.provision-old')])
    t.regex(apply(task()).join(), /tar|gzip/i)
    t.is(readFileSync(join(dest, 'top/sub/file'), 'utf8'), 'one')
    pack('two')
    t.regex(apply(task()).join(), /^archive/)
    t.deepEqual(
      readdirSync(root).filter((entry) => entry.startsWith('.')),
      [],
    )
  })
}

diskShells.forEach(withShell)

test('what is missing on the host is told before anything is changed; garbage is an error', (t) => {
  const sha256 = 'a'.repeat(64)
  const absent = 'kinds a--\n\nkind 0 absent\n'
  const context = { facts, check: false }
  const url = (name: string) => unpack({ url: `https://example.org/${name}`, sha256, dest: '/srv/x' })
  t.deepEqual(planOne(url('x.tar'), absent, context), { unknown: 'curl is not installed' })
  t.deepEqual(planOne(url('x.tar.xz?y=1'), `${absent}tool wget\n`, context), { unknown: 'xz is not installed' })
  t.true('changes' in planOne(url('x.tar.xz'), `${absent}tool curl\ntool xz\n`, context))
  for (const garbage of ['', 'boom', 'kinds a--\n\n', 'kinds a--\n\nkind 0 odd\n'])
    t.throws(() => planOne(url('x.tar'), garbage, context), { message: /unexpected answer/ })
})

test('what is misused is refused with a sentence', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.is(
    message(() => unpack({ dest: '/x' })),
    "archive.unpack: expected one of 'src' and 'url'",
  )
  t.is(
    message(() => unpack({ url: 'https://example.org/a.tar', dest: '/x' })),
    "archive.unpack: 'url' needs 'sha256'",
  )
  t.is(
    message(() => unpack({ src: 'a.zip', dest: '/x' })),
    "archive.unpack: 'a.zip' is no tar archive; only those can be unpacked",
  )
})
