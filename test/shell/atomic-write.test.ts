import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { watch } from 'node:fs/promises'
import { join } from 'node:path'
import anyTest, { type ExecutionContext } from 'ava'
import { atomicWrite, heldFunction } from '../../src/shell/atomic-write.ts'
import { sh } from '../../src/shell/quote.ts'
import { diskShells, inDirectory } from '../resources/on-disk.ts'

// The scripts run for real: on a real file system, in each sh that a host may have.

const isRoot = process.getuid?.() === 0

for (const { name, run } of diskShells) {
  const test = (title: string, body: (t: ExecutionContext) => void) => anyTest(`${name}: ${title}`, body)

  test('bytes arrive exactly, in a directory and a name that want quoting', (t) => {
    const path = join(inDirectory(), "-n o'dd $(id) ü\nname")
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256)
    t.deepEqual(run(atomicWrite({ path }), bytes), { code: 0, stdout: '', stderr: '' })
    t.deepEqual(new Uint8Array(readFileSync(path)), bytes)
    t.is(statSync(path).mode & 0o7777, 0o644)
  })

  test('a present file keeps its mode, setuid bit included; another name of it keeps the old content', (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    writeFileSync(path, 'old')
    chmodSync(path, 0o4750)
    linkSync(path, join(root, 'other'))
    t.is(run(atomicWrite({ path }), 'new').stderr, '')
    t.is(statSync(path).mode & 0o7777, 0o4750)
    t.is(readFileSync(path, 'utf8'), 'new')
    t.is(readFileSync(join(root, 'other'), 'utf8'), 'old')
  })

  test('a wished mode is there before the file is: nobody sees it open in between', (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    writeFileSync(path, 'old')
    const validate = 'stat -c %a %s >&2; false'
    const { stderr } = run(atomicWrite({ path, mode: '0600', validate }), 'new')
    t.is(stderr.trim().split('\n').at(-1), '600')
  })

  if (isRoot) {
    test('owner and group are kept, or set by number', (t) => {
      const path = join(inDirectory(), 'f')
      t.is(run(atomicWrite({ path, owner: '65534', group: '7', mode: '06755' }), 'x').stderr, '')
      t.deepEqual([statSync(path).uid, statSync(path).gid, statSync(path).mode & 0o7777], [65534, 7, 0o6755])
      t.is(run(atomicWrite({ path }), 'y').stderr, '')
      t.deepEqual([statSync(path).uid, statSync(path).gid, statSync(path).mode & 0o7777], [65534, 7, 0o6755])
      t.is(run(atomicWrite({ path, group: '0' }), 'z').stderr, '')
      t.deepEqual([statSync(path).uid, statSync(path).gid, statSync(path).mode & 0o7777], [65534, 0, 0o6755])
    })

    test('an unknown owner fails and leaves nothing', (t) => {
      const root = inDirectory()
      const { code, stderr } = run(atomicWrite({ path: join(root, 'f'), owner: 'no-such-user' }), 'x')
      t.is(code, 1)
      t.regex(stderr, /no-such-user/)
      t.deepEqual(readdirSync(root), [])
    })

    test('a file that is a mount of its own is rewritten in place, also back again', (t) => {
      const root = inDirectory()
      const path = join(root, 'mounted')
      writeFileSync(join(root, 'real'), 'old and long')
      writeFileSync(path, '')
      const mounted = (script: string, input: string) =>
        run(
          [
            sh`mount --bind ${join(root, 'real')} ${path}`,
            `code=0; ( ${script}\n) || code=$?`,
            sh`umount ${path}`,
            'exit "$code"',
          ].join('\n'),
          input,
        )
      const done = mounted(atomicWrite({ path, mode: '0640' }), 'new')
      if (/permission denied|not permitted/i.test(done.stderr)) return t.pass('mounting is not allowed here')
      t.deepEqual(done, { code: 0, stdout: '', stderr: '' })
      t.is(readFileSync(join(root, 'real'), 'utf8'), 'new')
      t.is(statSync(join(root, 'real')).mode & 0o7777, 0o640)
      const failed = mounted(atomicWrite({ path, validate: 'false' }), 'bad')
      t.regex(failed.stderr, /^error: Validation failed: false exited with 1\. The previous file is back in place\.\n/)
      t.is(readFileSync(join(root, 'real'), 'utf8'), 'new')
      t.deepEqual(readdirSync(root).sort(), ['mounted', 'real'])
    })
  }

  test('a link is followed, also one to nothing; a link to nowhere is told', (t) => {
    const root = inDirectory()
    mkdirSync(join(root, 'd'))
    symlinkSync('d/real', join(root, 'l'))
    t.is(run(atomicWrite({ path: join(root, 'l') }), 'new').stderr, '')
    t.is(readFileSync(join(root, 'd/real'), 'utf8'), 'new')
    symlinkSync('round', join(root, 'round'))
    t.regex(run(atomicWrite({ path: join(root, 'round') }), '').stderr, /^error: .* is a link that leads in circles$/m)
    symlinkSync('none/real', join(root, 'lost'))
    const { code, stderr } = run(atomicWrite({ path: join(root, 'lost') }), 'new')
    t.is(code, 1)
    t.regex(stderr, /^error: the directory .*\/none does not exist$/m)
  })

  test('a directory in its place, and a missing directory, are told', (t) => {
    const root = inDirectory()
    t.is(run(atomicWrite({ path: root }), '').stderr, `error: ${root} is a directory, expected a file\n`)
    t.is(
      run(atomicWrite({ path: join(root, 'a/b') }), '').stderr,
      `error: the directory ${join(root, 'a')} does not exist\n`,
    )
  })

  test('what a killed run left under our names is cleared away; a planted link is not followed', (t) => {
    const root = inDirectory()
    writeFileSync(join(root, 'victim'), 'precious')
    symlinkSync('victim', join(root, '.f.provision-new'))
    t.is(run(atomicWrite({ path: join(root, 'f') }), 'new').stderr, '')
    t.is(readFileSync(join(root, 'victim'), 'utf8'), 'precious')
    t.deepEqual(readdirSync(root).sort(), ['f', 'victim'])
  })

  test('a staged validation sees the new file whatever quotes stand around %s', (t) => {
    const path = join(inDirectory(), 'f')
    for (const validate of ['grep -q new %s', "grep -q new '%s'", 'grep -q new "%s" && test -s %s'])
      t.is(run(atomicWrite({ path, validate }), 'new').stderr, '', validate)
  })

  test('a staged validation that fails leaves the present file and nothing else', (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    writeFileSync(path, 'good')
    const { code, stderr } = run(
      atomicWrite({ path, backup: true, validate: 'echo line 1 >&2; echo line 2; exit 3 # %s' }),
      'bad',
    )
    t.is(code, 1)
    t.is(
      stderr,
      'error: Validation failed: echo line 1 >&2; echo line 2; exit 3 # <new file> exited with 3. The present file was not touched.\nline 1\nline 2\n',
    )
    t.is(readFileSync(path, 'utf8'), 'good')
    t.deepEqual(readdirSync(root), ['f'])
  })

  test('a mistake in the command itself is a failed validation', (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    writeFileSync(path, 'good')
    for (const validate of [`echo "unbalanced`, 'no-such-command-at-all %s', 'if'])
      t.regex(run(atomicWrite({ path, validate }), 'bad').stderr, /^error: Validation failed: /, validate)
    t.is(readFileSync(path, 'utf8'), 'good')
    t.deepEqual(readdirSync(root), ['f'])
  })

  test('a validation of the tree puts the old file back, with what it was', (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    writeFileSync(path, 'good')
    chmodSync(path, 0o640)
    const inode = statSync(path).ino
    const { stderr } = run(
      atomicWrite({ path, mode: '0600', backup: true, validate: sh`cat ${path}; echo no good >&2; exit 1` }),
      'bad',
    )
    t.regex(stderr, /exited with 1\. The previous file is back in place\.\nbadno good\n$/)
    t.is(readFileSync(path, 'utf8'), 'good')
    t.is(statSync(path).mode & 0o7777, 0o640)
    t.is(statSync(path).ino, inode)
    t.deepEqual(readdirSync(root), ['f'])
  })

  test('a validation of the tree removes a file that was not there before, even an empty one', (t) => {
    const root = inDirectory()
    const { stderr } = run(atomicWrite({ path: join(root, 'f'), validate: 'false' }), '')
    t.regex(stderr, /The new file is gone again; there was none before\./)
    t.deepEqual(readdirSync(root), [])
    writeFileSync(join(root, 'f'), '')
    t.regex(run(atomicWrite({ path: join(root, 'f'), validate: 'false' }), 'x').stderr, /The previous file is back/)
    t.is(readFileSync(join(root, 'f'), 'utf8'), '')
  })

  anyTest(`${name}: killed while the tree is validated, the next write goes back to what was good`, async (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    const flag = join(root, 'validating')
    const held = () => run(`${heldFunction}\n${sh`if held ${path}; then echo held; else echo free; fi`}`).stdout.trim()
    for (const before of ['good', undefined]) {
      if (before === undefined) run(sh`rm -f -- ${path}`)
      else writeFileSync(path, before)
      const validate = sh`: >${flag}; while [ -e ${flag} ]; do sleep 0.1; done; grep -q good ${path}`
      const child = spawn('sh', ['-c', `set -eu\n${atomicWrite({ path, validate })}`], {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      child.stdin.end('unchecked')
      const limit = AbortSignal.timeout(20_000)
      const appears = watch(root, { signal: limit })
      if (!existsSync(flag)) for await (const _ of appears) if (existsSync(flag)) break
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL')
      await once(child, 'close')
      run(sh`rm -f -- ${flag}`)
      t.is(readFileSync(path, 'utf8'), 'unchecked')
      t.is(held(), 'held')

      t.regex(
        run(atomicWrite({ path, validate: sh`grep -q good ${path}` }), 'bad again').stderr,
        /^error: Validation failed/,
      )
      t.is(existsSync(path) ? readFileSync(path, 'utf8') : undefined, before)
      t.is(held(), 'free')
      t.is(run(atomicWrite({ path, validate: sh`grep -q good ${path}` }), 'good too').stderr, '')
      t.deepEqual(readdirSync(root), ['f'])
    }
  })

  anyTest(`${name}: a step that is told to end while it validates puts the old file back itself`, async (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    const flag = join(root, 'validating')
    writeFileSync(path, 'good')
    const validate = sh`: >${flag}; while [ -e ${flag} ]; do sleep 0.1; done`
    const child = spawn('sh', ['-c', `set -eu\n${atomicWrite({ path, validate })}`], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.stdin.end('bad')
    const appears = watch(root, { signal: AbortSignal.timeout(20_000) })
    if (!existsSync(flag)) for await (const _ of appears) if (existsSync(flag)) break
    process.kill(-(child.pid ?? Number.NaN), 'SIGTERM')
    await once(child, 'close')
    t.is(readFileSync(path, 'utf8'), 'good')
    t.deepEqual(readdirSync(root).sort(), ['f', 'validating'])
  })

  test('a backup keeps content and mode', (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    t.is(run(atomicWrite({ path, backup: true }), 'old').stderr, '')
    t.deepEqual(readdirSync(root), ['f'])
    chmodSync(path, 0o600)
    t.is(run(atomicWrite({ path, backup: true, mode: '0644' }), 'new').stderr, '')
    const kept = readdirSync(root).find((entry) => /^f\.\d{8}T\d{6}~$/.test(entry)) ?? ''
    t.is(readFileSync(join(root, kept), 'utf8'), 'old')
    t.is(statSync(join(root, kept)).mode & 0o7777, 0o600)
  })
}
