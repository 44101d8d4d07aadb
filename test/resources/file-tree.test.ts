import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { absent, directory, link } from '../../src/resources/file.ts'
import { sh } from '../../src/shell/quote.ts'
import { type DiskShell, diskShells, inDirectory } from './on-disk.ts'

// file.directory, file.link and file.absent, on a real file system with a real sh.

const modeOf = (path: string) => statSync(path).mode & 0o7777

function withShell({ name, apply, run }: DiskShell): void {
  test(`${name}: file.directory: makes it with those above, corrects the mode, refuses a file`, (t) => {
    const root = inDirectory()
    const path = join(root, "a b/-c's\nd")
    t.deepEqual(apply(directory({ path: `${path}//`, mode: '0750' })), ['absent → present'])
    t.is(modeOf(path), 0o750)
    t.is(modeOf(join(root, 'a b')), 0o755)
    t.deepEqual(apply(directory({ path })), ['is a directory with these attributes'])
    writeFileSync(join(root, 'f'), '')
    t.deepEqual(apply(directory({ path: join(root, 'f') })), [`${join(root, 'f')} is a file, expected a directory`])
    symlinkSync('none', join(root, 'l'))
    t.deepEqual(apply(directory({ path: join(root, 'l') })), [
      `${join(root, 'l')} is a link to nothing, expected a directory`,
    ])
  })

  test(`${name}: file.directory: the setgid bit comes, goes when it is not wished, and stays when no mode is`, (t) => {
    const root = inDirectory()
    const path = join(root, 'd')
    t.deepEqual(apply(directory({ path, mode: '02775' })), ['absent → present'])
    t.is(modeOf(path), 0o2775)
    t.deepEqual(apply(directory({ path })), ['is a directory with these attributes'])
    t.deepEqual(apply(directory({ path, mode: '0775' })), ['mode 2775 → 0775'])
    t.deepEqual(apply(directory({ path, mode: '01777' })), ['mode 0775 → 01777'])
    chmodSync(path, 0o2755)
    t.deepEqual(apply(directory({ path: join(path, 'below'), mode: '0755' })), ['absent → present'])
    t.is(modeOf(join(path, 'below')), 0o755)
  })

  test(`${name}: file.directory: a link to a directory is that directory`, (t) => {
    const root = inDirectory()
    mkdirSync(join(root, 'real'), { mode: 0o755 })
    symlinkSync('real', join(root, 'l'))
    t.deepEqual(apply(directory({ path: join(root, 'l'), mode: '0700' })), ['mode 0755 → 0700'])
    t.is(modeOf(join(root, 'real')), 0o700)
    t.true(lstatSync(join(root, 'l')).isSymbolicLink())
  })

  if (process.getuid?.() === 0) {
    test(`${name}: file.directory: recurse gives owners below, follows no link, and keeps setuid bits of what is right`, (t) => {
      const root = inDirectory()
      const path = join(root, 'd')
      mkdirSync(join(path, 'sub'), { recursive: true })
      writeFileSync(join(path, 'sub/f'), '')
      writeFileSync(join(root, 'outside'), '')
      symlinkSync('../outside', join(path, 'l'))
      symlinkSync('d', join(root, 'to-d'))
      const task = () =>
        directory({ path: join(root, 'to-d'), owner: '65534', group: '7', mode: '02770', recurse: true })
      const changes = apply(task())
      t.regex(changes.join(), /^owner root → 65534,group root → 7,mode \d+ → 02770,below: other owners → 65534:7$/)
      for (const entry of ['sub', 'sub/f', 'l', '']) {
        const status = lstatSync(join(path, entry))
        t.deepEqual([status.uid, status.gid], [65534, 7], entry)
      }
      t.is(statSync(join(root, 'outside')).uid, 0)
      chmodSync(join(path, 'sub/f'), 0o4755)
      writeFileSync(join(path, 'new'), '')
      t.deepEqual(apply(task()), ['below: other owners → 65534:7'])
      t.is(modeOf(join(path, 'sub/f')), 0o4755)
      t.deepEqual(apply(task()), ['is a directory with these attributes'])
      t.regex(apply(directory({ path, owner: 'no-such-user', recurse: true })).join(), /no-such-user/)
    })

    test(`${name}: file.absent: what is mounted below is not lost`, (t) => {
      const root = inDirectory()
      mkdirSync(join(root, 'd/a mount'), { recursive: true })
      mkdirSync(join(root, 'data'))
      writeFileSync(join(root, 'data/f'), '')
      writeFileSync(join(root, 'd/f'), '')
      const mount = join(root, 'd/a mount')
      if (
        run(sh`mount --bind ${join(root, 'data')} ${mount} 2>/dev/null || mount -o bind ${join(root, 'data')} ${mount}`)
          .code !== 0
      )
        return t.pass('mounting is not allowed here')
      try {
        t.deepEqual(apply(absent({ path: join(root, 'd') })), [
          `error: ${join(root, 'd')} is not removed, since something is mounted on ${mount}`,
        ])
        t.true(existsSync(join(root, 'd/f')) && existsSync(join(root, 'data/f')))
      } finally {
        run(sh`umount ${mount}`)
      }
      t.deepEqual(apply(absent({ path: join(root, 'd') })), ['directory → absent'])
    })
  }

  test(`${name}: file.link: dangling is legal, replaced in place, a real file only by force`, (t) => {
    const root = inDirectory()
    const path = join(root, 'l')
    const steps: readonly [string, string][] = [
      ['absent', "no such $file's"],
      ["no such $file's", '-other'],
      ['-other', '../x y\n'],
      ['../x y\n', '.'],
      ['.', 'ü.'],
    ]
    for (const [before, target] of steps) {
      t.deepEqual(apply(link({ path, target })), [`${before} → ${target}`])
      t.is(readlinkSync(path), target)
      t.deepEqual(apply(link({ path: `${path}/`, target })), [`points to ${target}`])
    }
    t.deepEqual(readdirSync(root), ['l'])
    writeFileSync(join(root, 'f'), '')
    t.deepEqual(apply(link({ path: join(root, 'f'), target: 'x' })), [
      `${join(root, 'f')} is a file, expected a link or nothing`,
    ])
    t.deepEqual(apply(link({ path: join(root, 'f'), target: 'x', force: true })), ['file → x'])
    t.deepEqual(apply(link({ path: join(root, 'none/l'), target: 'x' })), [
      `the directory ${join(root, 'none')} of ${join(root, 'none/l')} does not exist`,
    ])
  })

  test(`${name}: file.link: a link to a directory is replaced, not entered; a directory only if it is empty`, (t) => {
    const root = inDirectory()
    mkdirSync(join(root, 'one'))
    mkdirSync(join(root, 'two/full'), { recursive: true })
    const path = join(root, 'l')
    t.deepEqual(apply(link({ path, target: 'one' })), ['absent → one'])
    t.deepEqual(apply(link({ path, target: 'two' })), ['one → two'])
    t.deepEqual(readdirSync(join(root, 'one')), [])
    t.deepEqual(apply(link({ path: join(root, 'one'), target: 'two' })), [
      `${join(root, 'one')} is a directory, expected a link or nothing`,
    ])
    t.deepEqual(apply(link({ path: join(root, 'one'), target: 'two', force: true })), ['directory → two'])
    t.deepEqual(apply(link({ path: join(root, 'two'), target: 'x', force: true })), [
      `error: the directory ${join(root, 'two')} is not empty`,
    ])
  })

  test(`${name}: file.absent: removes files, links but not their targets, directories with all in them`, (t) => {
    const root = inDirectory()
    mkdirSync(join(root, 'd/e'), { recursive: true })
    writeFileSync(join(root, 'd/e/f'), '')
    symlinkSync('d', join(root, 'l'))
    symlinkSync('none', join(root, 'dangling'))
    t.deepEqual(apply(absent({ path: join(root, 'l/') })), ['link → absent'])
    t.deepEqual(apply(absent({ path: join(root, 'dangling') })), ['link → absent'])
    t.true(existsSync(join(root, 'd/e/f')))
    t.deepEqual(apply(absent({ path: join(root, 'd/e/f') })), ['file → absent'])
    t.deepEqual(apply(absent({ path: join(root, 'd') })), ['directory → absent'])
    t.deepEqual(apply(absent({ path: join(root, 'd') })), ['is absent'])
    writeFileSync(join(root, 'file'), 'x')
    t.deepEqual(apply(absent({ path: join(root, 'file/below') })), ['is absent'])
    t.is(readFileSync(join(root, 'file'), 'utf8'), 'x')
  })

  test(`${name}: file.absent: a way round to a directory of the system is refused by the host`, (t) => {
    const root = inDirectory()
    symlinkSync('/', join(root, 'l'))
    t.deepEqual(apply(absent({ path: join(root, 'l/var/backups') })), [
      existsSync('/var/backups')
        ? `error: ${join(root, 'l/var/backups')} is /var/backups, a directory of the system, and is not removed`
        : 'is absent',
    ])
  })
}

diskShells.forEach(withShell)

test('file.absent: directories of the system are refused at load', (t) => {
  for (const path of ['/', '//', '/.', '/etc', '/usr/', '//var', '/home/.', '/etc//ssh', '/var/lib/./']) {
    t.is(
      t.throws(() => absent({ path }))?.message,
      `file.absent: option 'path': '${path}' is a directory of the system and is not removed`,
    )
  }
  t.throws(() => absent({ path: '/srv/../etc' }), { message: /expected a path without '\.\.'/ })
})

test('file.directory: recurse without owner or group is refused', (t) => {
  t.is(
    t.throws(() => directory({ path: '/x', recurse: true }))?.message,
    "file.directory: 'recurse' needs 'owner' or 'group'",
  )
})
