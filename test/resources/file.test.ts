import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import type { Plan } from '../../src/core/resource.ts'
import { redacted, secret, secretText } from '../../src/core/secret.ts'
import { absent, block, directory, file, line, link, template } from '../../src/resources/file.ts'
import { type DiskShell, diskShells, inDirectory, plainDirectory, testSecrets } from './on-disk.ts'
import { facts, planOne } from './table.ts'

// file.file and file.template, on a real file system with a real sh: probe, plan, apply, probe again.

const odd = [
  'plain',
  'two words',
  "it's",
  '"quoted"',
  '$HOME `id`',
  'a\nb',
  '-n',
  'ünïcode',
  '%s %%',
  '\\n',
  '',
  '\r\n',
]
const diffOf = (plan: Plan) => ('changes' in plan ? plan.changes[0].diff : plan)

function withShell({ name, apply, plan, run }: DiskShell): void {
  for (const content of odd) {
    test(`${name}: file.file: the content ${JSON.stringify(content)} arrives exactly, and a second run changes nothing`, (t) => {
      const dest = join(inDirectory(), `-odd name's $x`)
      t.deepEqual(apply(file({ dest, content })), ['absent → present'])
      t.is(readFileSync(dest, 'utf8'), content)
      t.is(statSync(dest).mode & 0o7777, 0o644)
      t.deepEqual(apply(file({ dest, content })), ['content and attributes match'])
    })
  }

  test(`${name}: file.file: bytes and local files arrive exactly, large ones too`, (t) => {
    const root = inDirectory()
    const content = Uint8Array.from({ length: 256 }, (_, index) => index)
    t.deepEqual(apply(file({ dest: join(root, 'bytes'), content })), ['absent → present'])
    t.deepEqual(new Uint8Array(readFileSync(join(root, 'bytes'))), content)
    for (const size of [10, 3_000_000]) {
      const src = join(root, `local ${size}`)
      writeFileSync(src, Buffer.alloc(size, '0123456789abcde\n'))
      const task = () => file({ dest: join(root, 'copy'), src })
      t.is(apply(task()).length, 1)
      t.deepEqual(readFileSync(join(root, 'copy')), readFileSync(src))
      t.deepEqual(apply(task()), ['content and attributes match'])
    }
  })

  test(`${name}: file.file: a present file keeps its mode when none is given; a given one is set; each is a sentence`, (t) => {
    const dest = join(inDirectory(), 'f')
    writeFileSync(dest, 'old')
    chmodSync(dest, 0o640)
    t.deepEqual(apply(file({ dest, content: 'new' })), ['content differs'])
    t.is(statSync(dest).mode & 0o7777, 0o640)
    t.deepEqual(apply(file({ dest, content: 'new', mode: '0600' })), ['mode 0640 → 0600'])
    t.deepEqual(apply(file({ dest, content: 'newer', mode: '04755' })), ['content differs', 'mode 0600 → 04755'])
    t.deepEqual(apply(file({ dest, content: 'newer', mode: '0755' })), ['mode 4755 → 0755'])
    t.deepEqual(apply(file({ dest, content: 'newer', mode: '00755' as `0${number}` })), [
      'content and attributes match',
    ])
  })

  if (process.getuid?.() === 0) {
    test(`${name}: file.file: owners by name and by number are the same thing`, (t) => {
      const dest = join(inDirectory(), 'f')
      t.deepEqual(apply(file({ dest, content: '', owner: '65534', group: '65534', mode: '04711' })), [
        'absent → present',
      ])
      t.regex(apply(file({ dest, content: '', owner: 'root', group: '0' })).join(), /^owner \S+ → root,group \S+ → 0$/)
      t.is(statSync(dest).mode & 0o7777, 0o4711)
      t.deepEqual(apply(file({ dest, content: '', owner: '0', group: 'root' })), ['content and attributes match'])
    })
  }

  test(`${name}: file.file: the diff shows texts up to 64 KB, and nothing of binary files`, (t) => {
    const dest = join(inDirectory(), 'f')
    writeFileSync(dest, 'one\n')
    t.deepEqual(diffOf(plan(file({ dest, content: 'two\n' }))), { label: dest, before: 'one\n', after: 'two\n' })
    t.is(diffOf(plan(file({ dest, content: Uint8Array.of(0, 255) }))), undefined)
    writeFileSync(dest, 'x'.repeat(64 * 1024 + 1))
    t.is(diffOf(plan(file({ dest, content: 'two\n' }))), undefined)
  })

  test(`${name}: file.file: each of several files has the diff of its own, also when another is as wished`, (t) => {
    const root = inDirectory()
    const { resource } = file({ dest: '/x', content: '' })
    const wishes = ['as wished', 'differs', 'none', 'differs too'].map((name) =>
      resource.prepare?.(
        { dest: join(root, name), content: 'same' },
        { host: {} as never, secrets: testSecrets(), from: '' },
      ),
    )
    writeFileSync(join(root, 'as wished'), 'same')
    writeFileSync(join(root, 'differs'), 'other 1')
    writeFileSync(join(root, 'differs too'), 'other 2\n')
    const answer = run(resource.probe(wishes))
    t.is(answer.stderr, '')
    const states = resource.parse(answer.stdout, wishes) as { before: string | undefined }[]
    t.deepEqual(
      states.map(({ before }) => before),
      [undefined, 'other 1', undefined, 'other 2\n'],
    )
  })

  test(`${name}: file.file: what is secret as a whole is never shown, and a new file of it is nobody else's`, (t) => {
    const dest = join(inDirectory(), 'f')
    t.deepEqual(apply(file({ dest, content: secret('x') })), ['absent → present'])
    t.is(readFileSync(dest, 'utf8'), 'value of x')
    t.is(statSync(dest).mode & 0o7777, 0o600)
    const hidden = plan(file({ dest, content: secretText`key=${secret('y')}` }))
    t.deepEqual('changes' in hidden && [hidden.changes[0].summary, hidden.changes[0].diff], [
      'content differs (secret)',
      undefined,
    ])
  })

  test(`${name}: file.file: secrets and contents are in no script`, (t) => {
    const dest = join(inDirectory(), 'f')
    for (const content of ['the content', secret('x')]) {
      const task = file({ dest, content })
      const planned = plan(task)
      if (!('changes' in planned)) return t.fail()
      const scripts = planned.changes.flatMap((change) => change.steps.map((step) => step.script)).join('\n')
      t.false(scripts.includes('the content') || scripts.includes('value of x'))
    }
  })

  test(`${name}: file.file: force false only creates`, (t) => {
    const dest = join(inDirectory(), 'f')
    t.deepEqual(apply(file({ dest, content: 'ours', force: false })), ['absent → present'])
    writeFileSync(dest, 'theirs')
    t.deepEqual(apply(file({ dest, content: 'ours', force: false, mode: '0600' })), ['is there, and force is false'])
    t.is(readFileSync(dest, 'utf8'), 'theirs')
  })

  test(`${name}: file.file: a validation that fails says so, and the old file is there`, (t) => {
    const root = inDirectory()
    const dest = join(root, 'f')
    writeFileSync(dest, 'good')
    const [staged] = apply(file({ dest, content: 'bad', validate: 'grep -q good %s || { echo no good; exit 3; }' }))
    t.is(
      staged,
      'error: Validation failed: grep -q good <new file> || { echo no good; exit 3; } exited with 3. The present file was not touched.\nno good',
    )
    const validate = `grep -q good '${dest.replaceAll("'", `'\\''`)}'`
    t.regex(
      apply(file({ dest, content: 'bad', validate })).join(),
      /exited with 1\. The previous file is back in place\.$/,
    )
    t.is(readFileSync(dest, 'utf8'), 'good')
    t.deepEqual(readdirSync(root), ['f'])
    t.deepEqual(apply(file({ dest, content: 'good too', validate })), ['content differs'])
  })

  test(`${name}: file.file: a tree validation that was killed is done again by the next run, also through a link`, (t) => {
    const root = inDirectory()
    writeFileSync(join(root, 'f'), 'new')
    symlinkSync('f', join(root, 'l'))
    const task = (validate: string) => file({ dest: join(root, 'l'), content: 'new', validate })
    // what a kill between rename and validation leaves
    writeFileSync(join(root, '.f.provision-old'), 'old')
    t.deepEqual(apply(task('true')), ['validation was interrupted'])
    t.deepEqual(readdirSync(root), ['f', 'l'])
    writeFileSync(join(root, '.f.provision-old'), 'old')
    t.regex(apply(task('false')).join(), /The previous file is back in place\.$/)
    t.is(readFileSync(join(root, 'f'), 'utf8'), 'old')
    writeFileSync(join(root, '.f.provision-none'), '')
    t.regex(apply(task('false')).join(), /there was none before\.$/)
    t.deepEqual(readdirSync(root), ['l'])
  })

  test(`${name}: file.file: backup keeps the old content; a link is followed; a directory is refused`, (t) => {
    const root = inDirectory()
    writeFileSync(join(root, 'real'), 'old')
    symlinkSync('real', join(root, 'link'))
    t.deepEqual(apply(file({ dest: join(root, 'link'), content: 'new', backup: true })), ['content differs'])
    t.is(readFileSync(join(root, 'real'), 'utf8'), 'new')
    const kept = readdirSync(root).find((entry) => /^real\.\d{8}T\d{6}~$/.test(entry))
    t.is(readFileSync(join(root, kept ?? ''), 'utf8'), 'old')
    mkdirSync(join(root, 'd'))
    t.deepEqual(apply(file({ dest: join(root, 'd'), content: '' })), [
      `${join(root, 'd')} is a directory, expected a file`,
    ])
    t.deepEqual(apply(file({ dest: join(root, 'none/f'), content: '' })), [
      `the directory ${join(root, 'none')} of ${join(root, 'none/f')} does not exist`,
    ])
    t.deepEqual(apply(file({ dest: '/dev/null', content: '' })), [
      '/dev/null is neither a file nor a directory (a device or socket), expected a file',
    ])
  })

  test(`${name}: file.template: rendered with secrets, and the diff hides those of yesterday too`, (t) => {
    const root = plainDirectory()
    writeFileSync(join(root, 'a.ejs'), 'user=<%= user %>\nurl=mysql://<%= user %>:<%= password %>@db\nend=<%= end %>\n')
    const dest = join(root, 'out')
    const task = (user: string) =>
      template({ src: join(root, 'a.ejs'), dest, vars: { user, password: secret('db'), end: '<b>&"' } })
    t.deepEqual(apply(task('app')), ['absent → present'])
    t.is(readFileSync(dest, 'utf8'), 'user=app\nurl=mysql://app:value of db@db\nend=<b>&"\n')
    t.is(statSync(dest).mode & 0o7777, 0o600)
    t.deepEqual(apply(task('app')), ['content and attributes match'])
    writeFileSync(dest, 'user=old\nurl=mysql://app:an old password@db\nother=1\n')
    t.deepEqual(diffOf(plan(task('app'))), {
      label: dest,
      before: 'user=old\nurl=mysql://app:‹another secret›@db\nother=1\n',
      after: 'user=app\nurl=mysql://app:value of db@db\nend=<b>&"\n',
    })
  })
}

diskShells.forEach(withShell)

test('file.file: many files cost one stat and one sha256sum', (t) => {
  const [shell] = diskShells
  const root = inDirectory()
  const { resource } = file({ dest: '/x', content: '' })
  const wishes = Array.from({ length: 200 }, (_, index) =>
    resource.prepare?.(
      { dest: join(root, `f ${index}`), content: join(root, `f ${index}`) },
      { host: {} as never, secrets: testSecrets(), from: '' },
    ),
  ) as { dest: string }[]
  for (const { dest } of wishes) writeFileSync(dest, dest)
  const counting = ['stat', 'sha256sum', 'base64'].map(
    (command) =>
      `${command}() { echo ${command} >>'${root.replaceAll("'", "'\\''")}/calls'; command ${command} "$@"; }`,
  )
  const answer = shell?.run([...counting, resource.probe(wishes)].join('\n'))
  const states = resource.parse(answer?.stdout ?? '', wishes) as { status: { type: string; sha256: string } }[]
  t.true(states.every(({ status }) => status.type === 'file' && status.sha256.length === 64))
  t.is(new Set(states.map(({ status }) => status.sha256)).size, 200)
  t.is(readFileSync(join(root, 'calls'), 'utf8'), 'stat\nsha256sum\n')
})

test('file.file: a secret put into a plain string is refused before any host is touched', (t) => {
  const content = `password=${secret('db')}`
  for (const task of [
    file({ dest: '/x', content }),
    line({ path: '/x', line: content }),
    block({ path: '/x', marker: 'm', block: content }),
  ]) {
    const error = t.throws(() => planOne(task, '', { facts, check: false }))
    t.true(isProvisionError(error) && error.hint?.startsWith('Build the text with secretText'), task.resource.name)
    t.regex(error?.message ?? '', new RegExp(`of /x holds ${redacted}: a secret was put into a plain string$`))
  }
})

test('file.file: what is misused is refused with a sentence', (t) => {
  t.is(t.throws(() => file({ dest: '/x' }))?.message, "file.file: neither 'content' nor 'src' is given")
  t.is(
    t.throws(() => file({ dest: 'x', content: '' }))?.message,
    "file.file: option 'dest': expected an absolute path (starting with /), found 'x'",
  )
  t.is(
    t.throws(() => file({ dest: '/x/', content: '' }))?.message,
    "file.file: option 'dest': expected the path of a file, which does not end in /, found '/x/'",
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
    for (const garbage of [
      'boom\n',
      '',
      'kinds f-h f-h\n',
      'kinds f-h\n644:0:0:root:root\n\n',
      'kinds f--\nstat: broken\n\n',
    ])
      t.throws(() => planOne(task, garbage, { facts, check: false }), undefined, `${task.resource.name} ${garbage}`)
  }
})

test('file.*: what this user may not see is not absent', (t) => {
  for (const task of [
    file({ dest: '/x/y', content: '' }),
    directory({ path: '/x/y' }),
    absent({ path: '/x/y' }),
    line({ path: '/x/y', line: 'y', create: true }),
    link({ path: '/x/y', target: 'z' }),
  ]) {
    t.deepEqual(planOne(task, 'kinds p--\n\n', { facts, check: false }), {
      refused: '/x/y cannot be looked at: a directory above it is closed to this user',
    })
  }
  if (process.getuid?.() !== 0) return
  const root = inDirectory()
  mkdirSync(join(root, 'closed'), { mode: 0o700 })
  chmodSync(root, 0o755)
  const { resource } = directory({ path: '/x' })
  const [shell] = diskShells
  const wish = { path: join(root, 'closed/a/b') }
  const probe = resource.probe([wish])
  const seen = shell?.run('exec setpriv --reuid=65534 --clear-groups sh', `set -eu\n${probe}`)
  t.is(resource.parse(seen?.stdout ?? '', [wish])[0].status.type, 'denied')
  t.false(existsSync(wish.path))
})

test('file.*: a directory that is not there yet is refused, unless check mode left out a change that may bring it', (t) => {
  for (const task of [
    file({ dest: '/x/y', content: '' }),
    line({ path: '/x/y', line: 'y', create: true }),
    link({ path: '/x/y', target: 'z' }),
  ]) {
    t.deepEqual(planOne(task, 'kinds n--\n\n', { facts, check: true }), {
      refused: 'the directory /x of /x/y does not exist',
      hint: "Make it before: file.directory({ path: '/x' }).",
    })
    t.true('changes' in planOne(task, 'kinds n--\n\n', { facts, check: true, pretended: true }), task.resource.name)
  }
})
