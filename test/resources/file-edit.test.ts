import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { Plan } from '../../src/core/resource.ts'
import { secret, secretText } from '../../src/core/secret.ts'
import { block, line } from '../../src/resources/file.ts'
import { type DiskShell, diskShells, inDirectory } from './on-disk.ts'

// file.line and file.block, on a real file system with a real sh. What they do to a text: text-edit.test.ts.

const first = (plan: Plan) => ('changes' in plan ? plan.changes[0] : undefined)

function withShell({ name, apply, plan, run }: DiskShell): void {
  test(`${name}: file.line: added, replaced, removed; a second run changes nothing; odd values arrive`, (t) => {
    const path = join(inDirectory(), "-f'$x")
    writeFileSync(path, '#a 1\na 1\nb\na 2\nc')
    t.deepEqual(apply(line({ path, match: '^a ', line: 'a 3' })), ["'a 2' → 'a 3'"])
    t.deepEqual(apply(line({ path, match: '^a ', line: 'a 3' })), ['is there'])
    t.deepEqual(apply(line({ path, line: "-n $HOME 'x' `id` \\n ü %s" })), ['1 line added'])
    t.is(readFileSync(path, 'utf8'), "#a 1\na 1\nb\na 3\nc\n-n $HOME 'x' `id` \\n ü %s\n")
    t.deepEqual(apply(line({ path, match: /^zzz/g, line: 'e', insertAfter: '^b$' })), ['1 line added'])
    t.deepEqual(apply(line({ path, match: '^a', state: 'absent' })), ['2 lines removed'])
    t.deepEqual(apply(line({ path, match: '^a', state: 'absent' })), ['is not there'])
    t.deepEqual(apply(line({ path, match: '^b', state: 'absent', line: 'no matter' })), ['1 line removed'])
    t.is(readFileSync(path, 'utf8'), "#a 1\ne\nc\n-n $HOME 'x' `id` \\n ü %s\n")
  })

  test(`${name}: file.line: a file without final line break gains one line, not two`, (t) => {
    const path = join(inDirectory(), 'f')
    writeFileSync(path, 'a')
    t.deepEqual(apply(line({ path, line: 'b' })), ['1 line added'])
    writeFileSync(path, '')
    t.deepEqual(apply(line({ path, line: 'b' })), ['1 line added'])
    t.deepEqual(apply(line({ path, line: 'b', state: 'absent' })), ['1 line removed'])
    t.is(readFileSync(path, 'utf8'), '')
  })

  test(`${name}: file.line: a missing file is unknown without create, and absent of it is absent`, (t) => {
    const path = join(inDirectory(), 'none')
    t.deepEqual(apply(line({ path, line: 'x', state: 'absent' })), [`${path} is absent`])
    t.deepEqual(apply(line({ path, line: 'x' })), [`${path} does not exist (create: true makes it)`])
    t.deepEqual(apply(line({ path, line: 'x', create: true, mode: '0600' })), ['absent → present'])
    t.is(statSync(path).mode & 0o7777, 0o600)
    t.deepEqual(apply(line({ path, line: 'x', mode: '0640' })), ['mode 0600 → 0640'])
    t.deepEqual(apply(line({ path, line: 'y', mode: '0644' })), ['1 line added', 'mode 0640 → 0644'])
  })

  test(`${name}: file.line: links are followed; what is no text is refused; Latin-1 stays Latin-1`, (t) => {
    const root = inDirectory()
    writeFileSync(join(root, 'real'), 'a\n')
    symlinkSync('real', join(root, 'l'))
    t.deepEqual(apply(line({ path: join(root, 'l'), line: 'b' })), ['1 line added'])
    t.is(readFileSync(join(root, 'real'), 'utf8'), 'a\nb\n')
    mkdirSync(join(root, 'd'))
    t.deepEqual(apply(line({ path: join(root, 'd'), line: 'b' })), [
      `${join(root, 'd')} is a directory, expected a file`,
    ])
    t.deepEqual(apply(line({ path: '/dev/null', line: 'b' })), ['/dev/null is no regular file, expected a file'])
    const path = join(root, 'bytes')
    writeFileSync(path, Uint8Array.of(65, 0, 66))
    t.deepEqual(apply(line({ path, line: 'b' })), [`${path} holds NUL bytes, expected a text`])
    writeFileSync(path, Uint8Array.of(0xe9, 0x0a))
    t.deepEqual(apply(line({ path, line: 'ü' })), ['1 line added'])
    t.deepEqual([...readFileSync(path)], [0xe9, 0x0a, 0xfc, 0x0a])
    t.deepEqual(apply(line({ path, line: '→' })), [`${path} is not UTF-8, and the new text does not fit into Latin-1`])
    writeFileSync(path, `\ufeffa\n`)
    t.deepEqual(apply(line({ path, line: 'b' })), ['1 line added'])
    t.is(readFileSync(path, 'utf8'), '\ufeffa\nb\n')
    writeFileSync(path, Buffer.alloc(4 * 1024 * 1024 + 1, 'x\n'))
    t.deepEqual(apply(line({ path, line: 'b' })), [`${path} has 4194305 bytes, expected a text of at most 4194304`])
  })

  test(`${name}: file.line: a secret goes in and is not shown, nor is the one before`, (t) => {
    const path = join(inDirectory(), 'f')
    const task = (key: string) =>
      line({ path, match: '^pass ', line: secretText`pass ${secret(key)} end`, create: true })
    t.deepEqual(apply(task('old')), ['absent → present'])
    t.is(statSync(path).mode & 0o7777, 0o600)
    const change = first(plan(task('new')))
    t.is(change?.summary, 'line differs (secret)')
    t.deepEqual(change?.diff, { label: path, before: 'pass ‹another secret› end\n', after: 'pass value of new end\n' })
    t.deepEqual(apply(task('new')), ['line differs (secret)'])
    t.is(readFileSync(path, 'utf8'), 'pass value of new end\n')
  })

  test(`${name}: file.line: validated and backed up like any other file`, (t) => {
    const root = inDirectory()
    const path = join(root, 'f')
    writeFileSync(path, 'good\n')
    chmodSync(path, 0o640)
    const task = (text: string, validate: string) => line({ path, line: text, validate, backup: true })
    t.regex(
      apply(task('bad', '! grep -q bad %s')).join(),
      /^error: Validation failed: ! grep -q bad <new file> exited with 1/,
    )
    t.regex(apply(task('bad', 'exit 4')).join(), /exited with 4\. The previous file is back in place\.$/)
    t.is(readFileSync(path, 'utf8'), 'good\n')
    t.deepEqual(readdirSync(root), ['f'])
    t.deepEqual(apply(task('better', 'true')), ['1 line added'])
    t.is(readdirSync(root).length, 2)
    t.is(statSync(path).mode & 0o7777, 0o640)
    writeFileSync(join(root, '.f.provision-old'), 'old\n') // what a kill during the validation leaves
    t.deepEqual(apply(task('better', 'true')), ['validation was interrupted'])
    t.deepEqual(
      readdirSync(root).filter((entry) => entry.startsWith('.')),
      [],
    )
    const kept = readdirSync(root).filter((entry) => entry.endsWith('~'))
    t.is(readFileSync(join(root, kept.sort().at(-1) ?? ''), 'utf8'), 'old\n')
  })

  test(`${name}: file.block: two blocks in one file, changed, emptied`, (t) => {
    const path = join(inDirectory(), 'hosts')
    writeFileSync(path, '127.0.0.1 localhost\n')
    const one = (text: string) => block({ path, marker: 'one', block: text })
    t.deepEqual(apply(one('a\nb')), ['4 lines added'])
    t.deepEqual(apply(block({ path, marker: 'two', block: 'c\n' })), ['3 lines added'])
    t.deepEqual(apply(one('a\nb')), ['is there'])
    t.deepEqual(apply(one('a\nB')), ["'b' → 'B'"])
    t.is(
      readFileSync(path, 'utf8'),
      '127.0.0.1 localhost\n# BEGIN provision one\na\nB\n# END provision one\n# BEGIN provision two\nc\n# END provision two\n',
    )
    t.deepEqual(apply(one('')), ['4 lines removed'])
    t.deepEqual(apply(block({ path, marker: 'two', state: 'absent' })), ['3 lines removed'])
    t.deepEqual(apply(block({ path, marker: 'two', state: 'absent' })), ['is not there'])
    t.is(readFileSync(path, 'utf8'), '127.0.0.1 localhost\n')
    writeFileSync(path, '; BEGIN provision x\nmy line\n')
    t.deepEqual(apply(block({ path, marker: 'x', comment: ';', block: 'y' })), [
      `${path}: the lines '; BEGIN provision x' and '; END provision x' must stand once each, in this order`,
    ])
  })

  test(`${name}: file.line and file.block: the same file is read once for all its tasks`, (t) => {
    const path = join(inDirectory(), 'f')
    writeFileSync(path, 'a\n')
    const { resource } = line({ path, line: 'a' })
    const wishes = ['a', 'b'].map((text) => ({ path, line: text, secret: false, masks: [] }))
    const { stdout } = run(resource.probe(wishes))
    t.is(stdout.match(/^sizes 2$/gm)?.length, 1)
    const plans = resource.parse(stdout, wishes).map((state, index) => resource.plan(state, wishes[index], {} as never))
    t.deepEqual(
      plans.map((made) => 'unchanged' in made),
      [true, false],
    )
  })
}

diskShells.forEach(withShell)

test('file.line and file.block: what is misused is refused with a sentence', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message ?? ''
  const path = '/x'
  t.regex(
    message(() => line({ path, line: 'x', match: '(' })),
    /option 'match': expected a regular expression/,
  )
  t.is(
    message(() => line({ path, line: 'a\nb' })),
    "file.line: option 'line': expected one line",
  )
  t.is(
    message(() => line({ path, match: 'a' })),
    "file.line: option 'line' is missing",
  )
  t.is(
    message(() => line({ path, state: 'absent' })),
    "file.line: neither 'line' nor 'match' is given",
  )
  t.is(
    message(() => line({ path, line: 'a', insertAfter: 'a', insertBefore: 'b' })),
    "file.line: 'insertAfter' and 'insertBefore' are both given; expected one of them",
  )
  t.is(
    message(() => block({ path, marker: 'm' })),
    "file.block: option 'block' is missing",
  )
  t.is(
    message(() => block({ path, marker: 'm', block: 'a\n# END provision m\n' })),
    "file.block: option 'block': holds its own marker line",
  )
  t.regex(
    message(() => block({ path, marker: 'a\nb', block: '' })),
    /option 'marker': expected a name in one line/,
  )
})
