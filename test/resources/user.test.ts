import { createHash } from 'node:crypto'
import test from 'ava'
import { Secret } from '../../src/core/secret.ts'
import { group } from '../../src/resources/group.ts'
import { user } from '../../src/resources/user.ts'
import { facts, planOne, planTable } from './table.ts'

interface Present {
  kind?: string
  digest?: string
  home?: string
  homeExists?: string
  groups?: string
  local?: boolean
  comment?: string
  present?: string[]
}

const groups = (...names: string[]) => answer(names)
const answer = (names: readonly string[], passwd = '', isLocal = false) =>
  `${passwd}== group\n${names.map((name, index) => `${name}:x:${1000 + index}:\n`).join('')}== local\n${names.map((name) => `/etc/group:${name}:\n`).join('')}${isLocal ? '/etc/passwd:app:\n' : ''}`
const app = ({ kind = 'locked', digest = '', home = '/home/app', homeExists = 'yes', ...more }: Present = {}) =>
  answer(
    more.present ?? ['app'],
    `== passwd\napp:x:1000:1000:${more.comment ?? ''}:${home}:/bin/bash\n== home\n${homeExists === 'yes' ? 'app\n' : ''}== groups\napp : ${more.groups ?? 'app'}\n== password\napp:${kind}:${digest}\n`,
    more.local !== false,
  )
const hash = '$6$salt$abc./DEF'
const digest = createHash('sha256').update(hash).digest('hex')

planTable([
  {
    title: 'nothing to do for a user as wished',
    task: user({ name: 'app', uid: 1000, groups: ['www'], shell: '/bin/bash' }),
    probe: app({ present: ['app', 'www'], groups: 'app www' }),
    expect: { unchanged: 'uid 1000' },
  },
  {
    title: 'makes a user with all that was wished, odd values quoted',
    task: user({ name: 'app', groups: ['www'], comment: '-A "B" $C é', home: '/srv/my app', uid: 1500 }),
    probe: groups('www'),
    expect: { changes: ['absent → present: uid 1500, in www, home /srv/my app'] },
    scripts: [
      `mkdir -p -- /srv\nuseradd '-m' '-u' 1500 '-U' '-G' www '-s' /bin/bash '-d' '/srv/my app' '-c' '-A "B" $C é' app`,
    ],
  },
  {
    title: 'a system user gets no home and no shell',
    task: user({ name: 'app', system: true }),
    probe: groups(),
    expect: { changes: ['absent → present'] },
    scripts: [`useradd '-M' '-r' '-U' '-s' /usr/sbin/nologin app`],
  },
  {
    title: 'takes the group of its name if that is there already',
    task: user({ name: 'app', createHome: false }),
    probe: groups('app'),
    expect: { changes: ['absent → present: group app'] },
    scripts: [`useradd '-M' '-g' app '-s' /bin/bash app`],
  },
  {
    title: 'a group that is not there is unknown',
    task: user({ name: 'app', groups: ['docker'] }),
    probe: app(),
    expect: { unknown: 'there is no group docker, which user app should be in' },
  },
  {
    title: 'other groups stay',
    task: user({ name: 'app', groups: ['www'] }),
    probe: app({ present: ['app', 'www'], groups: 'app sudo' }),
    expect: { changes: ['groups +www'] },
    scripts: [`usermod '-a' '-G' www app`],
  },
  {
    title: 'other groups go with append: false',
    task: user({ name: 'app', groups: ['www'], append: false }),
    probe: app({ present: ['app', 'www'], groups: 'app sudo' }),
    expect: { changes: ['groups +www -sudo'] },
    scripts: [`usermod '-G' www app`],
  },
  {
    title: 'no groups at all with append: false and an empty list',
    task: user({ name: 'app', groups: [], append: false }),
    probe: app({ groups: 'app sudo' }),
    expect: { changes: ['groups -sudo'] },
    scripts: [`usermod '-G' '' app`],
  },
  {
    title: 'the primary group may be a gid',
    task: user({ name: 'app', group: 1000 }),
    probe: app(),
    expect: { unchanged: 'uid 1000' },
  },
  {
    title: 'a missing home directory is made',
    task: user({ name: 'app' }),
    probe: app({ homeExists: 'no' }),
    expect: { changes: ['home directory /home/app absent → present'] },
  },
  {
    title: "the home of an existing system user is nobody's business",
    task: user({ name: 'app', system: true }),
    probe: app({ homeExists: 'no' }),
    expect: { unchanged: 'uid 1000' },
  },
  {
    title: 'a moved home takes its files along if asked',
    task: user({ name: 'app', home: '/srv/app', moveHome: true }),
    probe: app(),
    expect: { changes: ['home /home/app → /srv/app'] },
    scripts: [`usermod '-m' '-d' /srv/app app`],
  },
  {
    title: 'the same password hash is no change',
    task: user({ name: 'app', passwordHash: hash }),
    probe: app({ kind: 'set', digest }),
    expect: { unchanged: 'uid 1000' },
  },
  {
    title: 'a locked password stays locked when its hash is the same',
    task: user({ name: 'app', passwordHash: hash }),
    probe: app({ kind: 'locked', digest }),
    expect: { unchanged: 'uid 1000' },
  },
  {
    title: 'another hash is set',
    task: user({ name: 'app', passwordHash: hash }),
    probe: app({ kind: 'set', digest: 'f00' }),
    expect: { changes: ['password differs → set'] },
    scripts: ['chpasswd -e'],
  },
  {
    title: 'locks a password',
    task: user({ name: 'app', locked: true }),
    probe: app({ kind: 'set', digest }),
    expect: { changes: ['password → locked'] },
    scripts: ['usermod -L app'],
  },
  {
    title: 'a user that never had a password is locked',
    task: user({ name: 'app', locked: true }),
    probe: app({ kind: 'impossible' }),
    expect: { unchanged: 'uid 1000' },
  },
  {
    title: 'nothing can be unlocked where there is no password',
    task: user({ name: 'app', locked: false }),
    probe: app({ kind: 'locked' }),
    expect: { refused: 'user app has no password that could be unlocked' },
  },
  {
    title: 'a user of a directory service is not changed here',
    task: user({ name: 'app', shell: '/bin/sh' }),
    probe: app({ local: false }),
    expect: { refused: 'user app is not in /etc/passwd and cannot be changed there' },
  },
  {
    title: 'absent is absent',
    task: user({ name: 'app', state: 'absent' }),
    probe: groups('app'),
    expect: { unchanged: 'absent' },
  },
  {
    title: 'removes a user with its home',
    task: user({ name: 'app', state: 'absent', removeHome: true }),
    probe: app(),
    expect: { changes: ['uid 1000 → absent, with /home/app'] },
    scripts: [`userdel '-r' app`],
  },
  {
    title: 'nothing to do for a group with its gid',
    task: group({ name: 'app', gid: 1000 }),
    probe: groups('app'),
    expect: { unchanged: 'gid 1000' },
  },
  {
    title: 'makes a group',
    task: group({ name: 'ops', gid: 2000, system: true }),
    probe: groups(),
    expect: { changes: ['absent → gid 2000'] },
    scripts: [`groupadd '-r' '-g' 2000 ops`],
  },
  {
    title: 'changes a gid',
    task: group({ name: 'app', gid: 2000 }),
    probe: groups('app'),
    expect: { changes: ['gid 1000 → 2000'] },
    scripts: [`groupmod '-g' 2000 app`],
  },
  {
    title: 'a group of a directory service is not removed here',
    task: group({ name: 'ldap', state: 'absent' }),
    probe: '== group\nldap:x:9000:\n== local\n',
    expect: { refused: 'group ldap is not in /etc/group and cannot be removed from there' },
  },
])

test('a hash travels as input only', (t) => {
  const plan = planOne(user({ name: 'app', passwordHash: hash, locked: true }), app(), {
    facts,
    check: false,
  })
  const steps = 'changes' in plan ? plan.changes.flatMap((change) => change.steps) : []
  t.deepEqual(steps, [{ script: 'chpasswd -e', input: `app:!${hash}\n` }])
})

test('a clear text is refused as a hash, from the playbook and from the secret store', (t) => {
  t.throws(() => user({ name: 'app', passwordHash: 'hunter2' }), { message: /expected a hash such as/ })
  const task = user({ name: 'app', passwordHash: new Secret([{ secret: 'app' }]) })
  t.throws(() => planOne(task, '', { facts, check: false }), { message: /the secret is no hash/ })
})

test('garbage is an error that quotes it', (t) => {
  const answer = '== passwd\napp:x:abc:1::/:/bin/sh\n== groups\napp : app\n== group\n== local\n'
  const error = t.throws(() => planOne(user({ name: 'app' }), answer, { facts, check: false }))
  t.is(error?.message, "the accounts could not be read: expected a line of getent, found 'app:x:abc:1::/:/bin/sh'")
  t.throws(() => planOne(group({ name: 'app' }), 'getent: command not found\n', { facts, check: false }), {
    message: /found 'getent: command not found'/,
  })
})

test('root stays', (t) => {
  t.throws(() => user({ name: 'root', state: 'absent' }), { message: 'user: the user root cannot be removed' })
  t.throws(() => group({ name: 'root', state: 'absent' }), { message: 'group: the group root cannot be removed' })
})
