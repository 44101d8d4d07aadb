import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { redacted, secret } from '../../src/core/secret.ts'
import type { Task } from '../../src/core/task.ts'
import { absent, block, directory, file, line, link } from '../../src/resources/file.ts'
import { facts, planOne } from './table.ts'

// These resources are tested on a real file system with a real sh: probe, plan, apply, probe again.

function inDirectory(): string {
  return mkdtempSync(join(tmpdir(), "hostwright file's $HOME ü-"))
}

function shell(script: string, input: string | Uint8Array = ''): { code: number; stdout: string; stderr: string } {
  const child = spawnSync('sh', ['-c', `set -eu\n${script}`], { input, encoding: 'utf8' })
  return { code: child.status ?? 255, stdout: child.stdout, stderr: child.stderr }
}

function planNow(task: Task) {
  const { resource } = task
  const context = {
    host: {} as never,
    secrets: {
      reveal: (value: unknown) => (typeof value === 'string' ? value : 'hunter2'),
      redact: (text: string) => text,
    },
    from: import.meta.filename,
  }
  const wish = resource.prepare ? resource.prepare(task.args, context) : task.args
  const probe = shell(resource.probe([wish]))
  if (probe.code !== 0) throw new Error(probe.stderr)
  return resource.plan(resource.parse(probe.stdout, [wish])[0], wish, { facts, check: false })
}

/** Applies a task; returns the summaries, or the refusal, or the error. */
function apply(task: Task): string[] {
  const plan = planNow(task)
  if (!('changes' in plan)) return [Object.values(plan)[0] as string]
  for (const change of plan.changes) {
    for (const step of change.steps) {
      const done = shell(step.script, (step.input as string) ?? '')
      if (done.code !== 0) return [done.stderr.trim()]
    }
  }
  const again = planNow(task)
  if (!('unchanged' in again)) return [`did not converge: ${JSON.stringify(again)}`]
  return plan.changes.map((change) => change.summary)
}

const odd = ['plain', 'two words', "it's", '"quoted"', '$HOME `id`', 'a\nb', '-n', 'ünïcode', '%s %%', '\\n', '']

for (const content of odd) {
  test(`file.file: the content ${JSON.stringify(content)} arrives exactly, and a second run changes nothing`, (t) => {
    const dest = join(inDirectory(), `-odd name's $x`)
    t.deepEqual(apply(file({ dest, content })), ['absent → present'])
    t.is(readFileSync(dest, 'utf8'), content)
    t.is(statSync(dest).mode & 0o7777, 0o644)
    t.deepEqual(apply(file({ dest, content })), ['content and attributes match'])
  })
}

test('file.file: bytes that are no text arrive exactly', (t) => {
  const dest = join(inDirectory(), 'bytes')
  const content = Uint8Array.from({ length: 256 }, (_, index) => index)
  t.deepEqual(apply(file({ dest, content })), ['absent → present'])
  t.deepEqual(new Uint8Array(readFileSync(dest)), content)
})

test('file.file: a present file keeps its mode when none is given; a given one is set; each is a sentence', (t) => {
  const dest = join(inDirectory(), 'f')
  writeFileSync(dest, 'old')
  chmodSync(dest, 0o640)
  t.deepEqual(apply(file({ dest, content: 'new' })), ['content differs'])
  t.is(statSync(dest).mode & 0o7777, 0o640)
  t.deepEqual(apply(file({ dest, content: 'new', mode: '0600' })), ['mode 0640 → 0600'])
  t.deepEqual(apply(file({ dest, content: 'newer', mode: '0644' })), ['content differs', 'mode 0600 → 0644'])
})

test('file.file: the diff shows texts, and hides a secret as a whole', (t) => {
  const dest = join(inDirectory(), 'f')
  writeFileSync(dest, 'one\n')
  const plan = planNow(file({ dest, content: 'two\n' }))
  t.deepEqual('changes' in plan && plan.changes[0]?.diff, { label: dest, before: 'one\n', after: 'two\n' })
  const hidden = planNow(file({ dest, content: secret('x') }))
  t.deepEqual('changes' in hidden && [hidden.changes[0]?.summary, hidden.changes[0]?.diff], [
    'content differs (secret)',
    undefined,
  ])
})

test('file.file: a secret put into a plain string is refused before any host is touched', (t) => {
  const error = t.throws(() => planNow(file({ dest: '/x', content: `password=${secret('db')}` })))
  t.is(error?.message, `content of /x holds ${redacted}: a secret was put into a plain string; use secretText\`…\``)
})

test('file.file: force false only creates', (t) => {
  const dest = join(inDirectory(), 'f')
  writeFileSync(dest, 'theirs')
  t.deepEqual(apply(file({ dest, content: 'ours', force: false })), ['is there, and force is false'])
  t.is(readFileSync(dest, 'utf8'), 'theirs')
})

test('file.file: a staged validation that fails leaves the present file and no other behind', (t) => {
  const root = inDirectory()
  const dest = join(root, 'f')
  writeFileSync(dest, 'good')
  const [said] = apply(file({ dest, content: 'bad', validate: 'grep -q good %s || { echo no good; exit 3; }' }))
  t.is(
    said,
    'error: Validation failed: grep -q good <new file> || { echo no good; exit 3; } exited with 3. The present file was not touched.\nno good',
  )
  t.is(readFileSync(dest, 'utf8'), 'good')
  t.deepEqual(readdirSync(root), ['f'])
  t.deepEqual(apply(file({ dest, content: 'good too', validate: 'grep -q good %s' })), ['content differs'])
})

test('file.file: a validation of the whole tree sees the new file; if it fails the old one comes back', (t) => {
  const root = inDirectory()
  const dest = join(root, 'f')
  const validate = `grep -q good '${dest.replaceAll("'", `'\\''`)}'`
  const [first] = apply(file({ dest, content: 'bad', validate }))
  t.regex(first ?? '', /^error: Validation failed: .* exited with 1\. The previous file is back in place\.$/)
  t.false(existsSync(dest))
  t.deepEqual(apply(file({ dest, content: 'good 1', validate })), ['absent → present'])
  apply(file({ dest, content: 'bad', validate }))
  t.is(readFileSync(dest, 'utf8'), 'good 1')
  t.deepEqual(readdirSync(root), ['f'])
})

test('file.file: a tree validation that was killed is done again by the next run', (t) => {
  const root = inDirectory()
  const dest = join(root, 'f')
  writeFileSync(dest, 'new')
  writeFileSync(join(root, '.f.provision-old'), 'old') // what a kill between rename and validation leaves
  t.deepEqual(apply(file({ dest, content: 'new', validate: 'false' })).length, 1)
  t.is(readFileSync(dest, 'utf8'), 'old')
  writeFileSync(join(root, '.f.provision-old'), 'old')
  t.deepEqual(apply(file({ dest, content: 'new', validate: 'true' })), ['content differs'])
  t.deepEqual(readdirSync(root), ['f'])
})

test('file.file: backup keeps the old content; a link is followed; a directory is refused', (t) => {
  const root = inDirectory()
  writeFileSync(join(root, 'real'), 'old')
  symlinkSync('real', join(root, 'link'))
  t.deepEqual(apply(file({ dest: join(root, 'link'), content: 'new', backup: true })), ['content differs'])
  t.is(readFileSync(join(root, 'real'), 'utf8'), 'new')
  const kept = readdirSync(root).find((name) => /^real\.\d{8}T\d{6}~$/.test(name))
  t.is(readFileSync(join(root, kept ?? ''), 'utf8'), 'old')
  mkdirSync(join(root, 'd'))
  t.deepEqual(apply(file({ dest: join(root, 'd'), content: '' })), [
    `${join(root, 'd')} is a directory, expected a file`,
  ])
  t.deepEqual(apply(file({ dest: join(root, 'none/f'), content: '' })), [
    `error: the directory ${join(root, 'none')} does not exist`,
  ])
})

test('file.file: many files cost one stat and one sha256sum', (t) => {
  const root = inDirectory()
  const wishes = Array.from({ length: 50 }, (_, index) => ({
    dest: join(root, `f ${index}`),
    sha256: 'x',
    text: undefined,
    hidden: undefined,
    input: '',
  }))
  for (const { dest } of wishes) writeFileSync(dest, dest)
  const { resource } = file({ dest: '/x', content: '' })
  const script = resource.probe(wishes)
  t.is(script.match(/\bstat -L -c '%a/g)?.length, 1)
  t.is(script.match(/\bsha256sum\b/g)?.length, 1)
  const states = resource.parse(shell(script).stdout, wishes) as { status: { type: string; sha256: string } }[]
  t.true(states.every(({ status }) => status.type === 'file' && status.sha256.length === 64))
  t.is(new Set(states.map(({ status }) => status.sha256)).size, 50)
})

test('file.file: what is misused is refused with a sentence', (t) => {
  t.is(t.throws(() => file({ dest: '/x' }))?.message, "file.file: neither 'content' nor 'src' is given")
  t.is(
    t.throws(() => file({ dest: 'x', content: '' }))?.message,
    "file.file: option 'dest': expected an absolute path (starting with /), found 'x'",
  )
  t.is(
    t.throws(() => file({ dest: '/x', content: '', mode: '644' as never }))?.message,
    "file.file: option 'mode': expected an octal mode as text, for example '0644', found '644'",
  )
})

test('file.*: garbage from the probe is an error, never an absent file', (t) => {
  for (const task of [
    file({ dest: '/x', content: '' }),
    directory({ path: '/x' }),
    link({ path: '/x', target: 'y' }),
    absent({ path: '/x/y' }),
    line({ path: '/x', line: 'y' }),
  ]) {
    t.throws(() => planOne(task, 'boom\n', { facts, check: false }), undefined, task.resource.name)
  }
})

test('file.directory: makes, corrects mode with setgid, refuses a file', (t) => {
  const root = inDirectory()
  const path = join(root, 'a b/c')
  t.deepEqual(apply(directory({ path, mode: '0750' })), ['absent → present'])
  t.is(statSync(path).mode & 0o7777, 0o750)
  t.is(statSync(join(root, 'a b')).mode & 0o7777, 0o755)
  t.deepEqual(apply(directory({ path, mode: '02775' })), ['mode 0750 → 02775'])
  t.deepEqual(apply(directory({ path })), ['is a directory with these attributes'])
  writeFileSync(join(root, 'f'), '')
  t.deepEqual(apply(directory({ path: join(root, 'f') })), [`${join(root, 'f')} is a file, expected a directory`])
})

test('file.link: dangling is legal, replaced in place, a real file only by force', (t) => {
  const root = inDirectory()
  const path = join(root, 'l')
  t.deepEqual(apply(link({ path, target: "no such $file's" })), ["absent → no such $file's"])
  t.deepEqual(apply(link({ path, target: '-other' })), ["no such $file's → -other"])
  t.deepEqual(apply(link({ path, target: '-other' })), ['points to -other'])
  writeFileSync(join(root, 'f'), '')
  t.deepEqual(apply(link({ path: join(root, 'f'), target: 'x' })), [
    `${join(root, 'f')} is a file, expected a link or nothing`,
  ])
  t.deepEqual(apply(link({ path: join(root, 'f'), target: 'x', force: true })), ['file → x'])
})

test('file.absent: removes files, links but not their targets, directories with all in them; refuses the system', (t) => {
  const root = inDirectory()
  mkdirSync(join(root, 'd/e'), { recursive: true })
  writeFileSync(join(root, 'd/e/f'), '')
  symlinkSync('d', join(root, 'l'))
  t.deepEqual(apply(absent({ path: join(root, 'l') })), ['link → absent'])
  t.true(existsSync(join(root, 'd/e/f')))
  t.deepEqual(apply(absent({ path: join(root, 'd') })), ['directory → absent'])
  t.deepEqual(apply(absent({ path: join(root, 'd') })), ['is absent'])
  for (const path of ['/', '/etc', '/usr/', '//var', '/home/.', '/etc/ssh']) {
    t.is(
      t.throws(() => absent({ path }))?.message,
      `file.absent: option 'path': '${path}' is a directory of the system and is not removed`,
    )
  }
  t.throws(() => absent({ path: '/srv/../etc' }), { message: /expected a path without '\.\.'/ })
})

test('file.line: the last match is replaced, a second run changes nothing, endings stay', (t) => {
  const path = join(inDirectory(), 'f')
  writeFileSync(path, '#a 1\na 1\nb\na 2\nc')
  t.deepEqual(apply(line({ path, match: '^a ', line: 'a 3' })), ["'a 2' → 'a 3'"])
  t.is(readFileSync(path, 'utf8'), '#a 1\na 1\nb\na 3\nc')
  t.deepEqual(apply(line({ path, match: '^a ', line: 'a 3' })), ['is there'])
  t.deepEqual(apply(line({ path, line: "d $HOME 'x'" })), ['1 line added'])
  t.is(readFileSync(path, 'utf8'), "#a 1\na 1\nb\na 3\nc\nd $HOME 'x'\n")
  t.deepEqual(apply(line({ path, match: /^zzz/g, line: 'e', insertAfter: '^b$' })), ['1 line added'])
  t.is(readFileSync(path, 'utf8').split('\n')[3], 'e')
  t.deepEqual(apply(line({ path, match: '^a', state: 'absent' })), ['2 lines removed'])
  t.deepEqual(apply(line({ path, match: '^a', state: 'absent' })), ['is not there'])
  writeFileSync(path, 'x\r\ny\r\n')
  apply(line({ path, line: 'z' }))
  t.is(readFileSync(path, 'utf8'), 'x\r\ny\r\nz\r\n')
})

test('file.line: a missing file is unknown without create; a bad expression is refused', (t) => {
  const path = join(inDirectory(), 'none')
  t.deepEqual(apply(line({ path, line: 'x' })), [`${path} does not exist (create: true makes it)`])
  t.deepEqual(apply(line({ path, line: 'x', create: true, mode: '0600' })), ['absent → present'])
  t.is(statSync(path).mode & 0o7777, 0o600)
  t.throws(() => line({ path, line: 'x', match: '(' }), { message: /expected a regular expression/ })
})

test('file.block: two blocks in one file, changed, emptied', (t) => {
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
  t.is(readFileSync(path, 'utf8'), '127.0.0.1 localhost\n# BEGIN provision two\nc\n# END provision two\n')
})

test('the scripts of file resources run under busybox too', (t) => {
  if (spawnSync('busybox', ['true']).error) return t.pass('busybox is not installed here; the lab test covers it')
  const dest = join(inDirectory(), 'f')
  const plan = planNow(file({ dest, content: 'x', mode: '0600' }))
  if (!('changes' in plan)) return t.fail()
  execFileSync('busybox', ['sh', '-c', `set -eu\n${plan.changes[0]?.steps[0]?.script}`], { input: 'x' })
  t.is(statSync(dest).mode & 0o7777, 0o600)
})
