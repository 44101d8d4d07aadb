import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Plan } from '../../src/core/resource.ts'
import type { Task } from '../../src/core/task.ts'
import { authorizedKey } from '../../src/resources/authorized-key.ts'
import { parseKeyLine, sameOptions } from '../../src/resources/authorized-keys-file.ts'
import { facts, planTable } from './table.ts'

const ann = `ssh-ed25519 ${'A'.repeat(60)}ANNANNAN ann@home`
const bob = `ssh-ed25519 ${'B'.repeat(60)}BOBBOBBO bob`
const rsa = `ssh-rsa ${'C'.repeat(60)}= old`
const path = '/home/app/.ssh/authorized_keys'

const probe = (content: string | undefined, { home = '755', folder = '700', file = '600', owner = '1000:1000' } = {}) =>
  [
    'user\tapp\t/home/app\t1000:1000',
    `entry\t${home}\t1000:1000\tdirectory`,
    content === undefined ? 'entry' : `entry\t${folder}\t1000:1000\tdirectory`,
    content === undefined ? 'entry' : `entry\t${file}\t${owner}\tregular file`,
    `content\t${Buffer.from(content ?? '').toString('base64')}`,
    '',
  ].join('\n')

planTable([
  {
    title: 'nothing to do for a key that is there under another comment',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: probe(`# keys\n\n${ann.replace('ann@home', 'Ann "A" $B é')}\n`),
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'makes the file with its directory',
    task: authorizedKey({ user: 'app', key: [ann, bob] }),
    probe: probe(undefined),
    expect: {
      changes: ['ssh-ed25519 …ANNANNAN (ann@home) absent → present', 'ssh-ed25519 …BOBBOBBO (bob) absent → present'],
    },
  },
  {
    title: 'exclusive removes the others',
    task: authorizedKey({ user: 'app', key: ann, exclusive: true }),
    probe: probe(`${ann}\n${bob}\nno-pty ${rsa}\n`),
    expect: { changes: ['ssh-ed25519 …BOBBOBBO (bob) present → absent', 'ssh-rsa …CCCCCCC= (old) present → absent'] },
  },
  {
    title: 'options are left alone unless wished',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: probe(`no-pty,from="10.0.0.1,10.0.0.2" ${ann}\n`),
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'the order of options does not count',
    task: authorizedKey({ user: 'app', key: ann, options: 'from="10.0.0.1,10.0.0.2",no-pty' }),
    probe: probe(`no-pty,FROM="10.0.0.1,10.0.0.2" ${ann}\n`),
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'other options are replaced',
    task: authorizedKey({ user: 'app', key: ann, options: 'command="echo \\"a b\\""' }),
    probe: probe(`no-pty ${ann}\n`),
    expect: { changes: ['ssh-ed25519 …ANNANNAN (ann@home) options no-pty → command="echo \\"a b\\""'] },
  },
  {
    title: 'a second line with the same key goes',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: probe(`${ann}\nno-pty ${ann}\n`),
    expect: { changes: ['ssh-ed25519 …ANNANNAN (ann@home) present → absent'] },
  },
  {
    title: 'modes that sshd does not accept are mended',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: probe(`${ann}\n`, { home: '775', folder: '777', file: '644', owner: '0:0' }),
    expect: {
      changes: [
        '/home/app 0775 → 0755',
        '/home/app/.ssh 0777 1000:1000 → 0700 1000:1000',
        `${path} 0644 0:0 → 0600 1000:1000`,
      ],
    },
    scripts: [
      'chmod go-w -- /home/app',
      'chown -h 1000:1000 -- /home/app/.ssh\nchmod 0700 -- /home/app/.ssh',
      `chown -h 1000:1000 -- ${path}\nchmod 0600 -- ${path}`,
    ],
  },
  {
    title: 'the last key stays',
    task: authorizedKey({ user: 'app', key: ann, state: 'absent' }),
    probe: probe(`# nobody else\n${ann}\n`),
    expect: { refused: 'no key of app would remain' },
  },
  {
    title: 'the last key goes if that is meant',
    task: authorizedKey({ user: 'app', key: ann, state: 'absent', allowNone: true }),
    probe: probe(`${ann}\n`),
    expect: { changes: ['ssh-ed25519 …ANNANNAN (ann@home) present → absent'] },
  },
  {
    title: 'absent leaves other keys alone',
    task: authorizedKey({ user: 'app', key: bob, state: 'absent' }),
    probe: probe(`${ann}\n`),
    expect: { unchanged: 'absent' },
  },
  {
    title: 'a change that nobody confirmed is confirmed',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: `${probe(`${ann}\n`)}pending\tapp\n`,
    expect: { changes: ['the last change was not confirmed → confirmed'] },
  },
  {
    title: 'a change that waits for another user is none of its own',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: `${probe(`${ann}\n`)}pending\tbob\n`,
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'a user that is not there is unknown',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: 'user\tapp\n',
    expect: { unknown: 'there is no user app' },
  },
  {
    title: 'a link is not followed',
    task: authorizedKey({ user: 'app', key: ann }),
    probe: probe(`${ann}\n`).replace('700\t1000:1000\tdirectory', '777\t1000:1000\tsymbolic link'),
    expect: { refused: '/home/app/.ssh is a symbolic link, so the keys of app are not written there' },
  },
])

/** The plan on a host that this connection enters as `user`. */
function planAs(user: string | undefined, task: Task, content: string, identityFile?: string): Plan {
  const connection = { address: '192.0.2.11', ...(user && { user }), ...(identityFile && { identityFile }) }
  const host = { name: 'web1', groups: [], connection, vars: {}, where: { get: () => undefined } }
  const secrets = { reveal: String, redact: (text: string) => text }
  const wish = task.resource.prepare?.(task.args, { host, secrets, from: '' })
  return task.resource.plan(task.resource.parse(probe(content), [wish])[0], wish, { facts, check: false })
}

test('the key of this connection is not removed', (t) => {
  const identityFile = join(mkdtempSync(join(tmpdir(), 'hostwright-')), 'id')
  writeFileSync(`${identityFile}.pub`, `${ann}\n`)
  const task = authorizedKey({ user: 'app', key: bob, exclusive: true })
  t.deepEqual(planAs('app', task, `${ann}\n${bob}\n`, identityFile), {
    refused: 'this would remove ssh-ed25519 …ANNANNAN (ann@home) of app, the key that this run is connected with',
    hint: 'Add it to key.',
  })
  t.true('changes' in planAs('someone', task, `${ann}\n${bob}\n`, identityFile))
})

const takesAway = [
  ['a key goes', authorizedKey({ user: 'app', key: bob, exclusive: true }), `${ann}\n${bob}\n`],
  ['a key is restricted', authorizedKey({ user: 'app', key: ann, options: 'from="192.0.2.9"' }), `${ann}\n`],
] as const
for (const [title, task, content] of takesAway) {
  test(`where ${title} of the login that this run may use, a new connection confirms it`, (t) => {
    for (const user of ['app', undefined]) {
      const plan = planAs(user, task, content)
      if (!('changes' in plan)) return t.fail(JSON.stringify(plan))
      const [arm, write] = plan.changes[0].steps
      t.regex(arm?.script ?? '', /systemd-run .* --on-active=60 /)
      t.regex(write?.script ?? '', /^trap 'code=\$\?;/)
      t.is(plan.confirm?.what, 'the new keys of app')
    }
    const other = planAs('root', task, content)
    return t.is('changes' in other ? other.confirm : other, undefined)
  })
}

test('a key that is added needs no confirmation', (t) => {
  const plan = planAs('app', authorizedKey({ user: 'app', key: [ann, bob] }), `${ann}\n`)
  t.is('changes' in plan ? plan.confirm : plan, undefined)
})

test('content travels as input with the other lines kept', (t) => {
  const task = authorizedKey({ user: 'app', key: bob })
  const wish = { ...(task.args as object), ownKey: undefined }
  const plan = task.resource.plan(task.resource.parse(probe(`# team\n${ann}\n\n`), [wish])[0], wish, {
    facts,
    check: false,
  })
  t.is('changes' in plan ? plan.changes[0].steps[0]?.input : undefined, `# team\n${ann}\n\n${bob}\n`)
})

test('lines are read as sshd reads them', (t) => {
  t.is(
    parseKeyLine(`command="echo \\"ssh-rsa x\\" y",no-pty ${ann}`)?.options,
    'command="echo \\"ssh-rsa x\\" y",no-pty',
  )
  t.is(parseKeyLine('# ssh-ed25519 AAAA'), undefined)
  t.is(parseKeyLine('ssh-foo AAAA x'), undefined)
  t.true(sameOptions('a,b="x,y"', 'B="x,y",A'))
  t.false(sameOptions('b="x,y"', 'b="y,x"'))
})

test('a key must be one line and without options', (t) => {
  t.throws(() => authorizedKey({ user: 'app', key: `no-pty ${ann}` }), { message: /options go into 'options'/ })
  t.throws(() => authorizedKey({ user: 'app', key: `${ann}\n${bob}` }), { message: /in one line/ })
  t.throws(() => authorizedKey({ user: 'app', key: ann, state: 'absent', exclusive: true }), {
    message: /exclusive does not go/,
  })
})
