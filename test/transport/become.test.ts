import test from 'ava'
import type { ConnectionSettings } from '../../src/core/host.ts'
import type { StartFailure } from '../../src/transport/agent.ts'
import { agentCommand, agentScript } from '../../src/transport/agent-script.ts'
import { explainStart, planBecome } from '../../src/transport/become.ts'

const secrets = { reveal: String, redact: (text: string) => text }
const target = { name: 'web1', address: '192.0.2.1', port: 22, user: 'admin' }
const tail = `-c 'echo hostwright-agent;eval "$(dd bs=${agentScript.length} count=1 iflag=fullblock status=none)"'`

const plans: readonly (readonly [
  settings: ConnectionSettings,
  login: string,
  method: string,
  user: string,
  command: string,
  asks: boolean,
])[] = [
  [{}, 'root', 'none', 'root', `sh ${tail} sh "$SSH_CONNECTION"`, false],
  [{}, 'admin', 'sudo', 'root', `env LC_ALL=C sudo -n -H -u root -- sh ${tail} sh "$SSH_CONNECTION"`, false],
  [{ become: false }, 'admin', 'none', 'admin', `sh ${tail} sh "$SSH_CONNECTION"`, false],
  [
    { become: 'app' },
    'admin',
    'sudo',
    'app',
    `env LC_ALL=C sudo -n -H -u app -- sh ${tail} sh "$SSH_CONNECTION"`,
    false,
  ],
  [{ become: 'app' }, 'app', 'none', 'app', `sh ${tail} sh "$SSH_CONNECTION"`, false],
  [{ become: 'app' }, 'root', 'su', 'app', `env LC_ALL=C su -s /bin/sh ${tail} app sh "$SSH_CONNECTION"`, false],
  [
    { becomePassword: 'p' },
    'admin',
    'sudo',
    'root',
    `env LC_ALL=C sudo -S -p hostwright-password: -H -u root -- sh ${tail} sh "$SSH_CONNECTION"`,
    true,
  ],
  [
    { becomeMethod: 'su', becomePassword: 'p' },
    'admin',
    'su',
    'root',
    `env LC_ALL=C su -s /bin/sh ${tail} root sh "$SSH_CONNECTION"`,
    true,
  ],
]
for (const [settings, login, method, user, command, asks] of plans) {
  test(`become ${JSON.stringify(settings)} as ${login} is ${method} to ${user}`, (t) => {
    const become = planBecome(settings, login, secrets)
    t.deepEqual([become.method, become.user, become.command], [method, user, command])
    t.is(become.prompt !== undefined, asks)
    t.false(become.command.includes("'p'"))
  })
}

test('the command holds nothing that login shells disagree on', (t) => {
  t.notRegex(agentCommand('sh'), /[!\\\n]/)
})

test('a become that is no name of a user is refused', (t) => {
  t.throws(() => planBecome({ become: 'root; id' }, 'admin', secrets), { message: /become is "root; id"/ })
})

test('prompts are told from other complaints', (t) => {
  const sudo = planBecome({ becomePassword: 'p' }, 'admin', secrets).prompt
  t.true(sudo?.isPrompt('We trust you have received the usual lecture.\n\nhostwright-password:'))
  t.false(sudo?.isPrompt('sudo: unable to resolve host web1: Name or service not known\n'))
  const su = planBecome({ becomeMethod: 'su' }, 'admin', secrets).prompt
  t.true(su?.isPrompt('Password: '))
  t.true(su?.isPrompt('Mot de passe : '))
  t.false(su?.isPrompt('su: Authentication failure\n'))
})

const ended = (output: string, code: number | undefined = 1): StartFailure => ({ kind: 'ended', output, end: { code } })
const failures: readonly (readonly [
  title: string,
  settings: ConnectionSettings,
  failure: StartFailure,
  code: string,
  message: string,
])[] = [
  [
    'needs a password',
    {},
    ended('sudo: a password is required'),
    'become',
    'sudo asks for the password of admin to become root, and none was given',
  ],
  [
    'needs a terminal to read it',
    {},
    ended('sudo: a terminal is required to read the password; either use the -S option'),
    'become',
    'sudo asks for the password of admin to become root, and none was given',
  ],
  [
    'no sudoer',
    {},
    ended('admin is not in the sudoers file.  This incident will be reported.'),
    'become',
    'sudo does not allow admin to become root',
  ],
  [
    'may not',
    {},
    ended('Sorry, user admin is not allowed to execute x as app on web1.'),
    'become',
    'sudo does not allow admin to become root',
  ],
  [
    'requiretty',
    {},
    ended('sudo: sorry, you must have a tty to run sudo'),
    'become',
    'sudo on this host insists on a terminal, and the agent has none',
  ],
  ['no sudo', {}, ended('env: ‘sudo’: No such file or directory', 127), 'become', 'sudo is not installed on the host'],
  [
    'no sudo, busybox',
    {},
    ended("env: can't execute 'sudo': No such file or directory", 127),
    'become',
    'sudo is not installed on the host',
  ],
  [
    'unknown user',
    { become: 'app' },
    ended('sudo: unknown user app'),
    'become',
    'the user app does not exist on the host',
  ],
  [
    'no new privileges',
    {},
    ended('sudo: The "no new privileges" flag is set, which prevents sudo from running as root.'),
    'become',
    'sudo cannot work here: the "no new privileges" flag is set for this login',
  ],
  [
    'wrong su password',
    { becomeMethod: 'su', becomePassword: 'p' },
    ended('su: Authentication failure'),
    'become',
    'su refused the password of root: it is wrong, or su is not allowed',
  ],
  [
    'wrong sudo password',
    { becomePassword: 'p' },
    { kind: 'password', output: '' },
    'become',
    'sudo refused the password of admin: it is wrong',
  ],
  [
    'su without a password',
    { becomeMethod: 'su' },
    { kind: 'password', output: '' },
    'become',
    'su asks for the password of root to become root, and none was given',
  ],
  [
    'something else of sudo',
    {},
    ended('sudo: oops', 9),
    'become',
    'sudo ended with exit code 9 before the agent started',
  ],
  [
    'nologin',
    { become: false },
    ended('This account is currently not available.'),
    'unreachable',
    'the login shell ended with exit code 1 before the agent started',
  ],
  [
    'a lost connection',
    {},
    { kind: 'ended', output: '', end: { code: undefined, error: new Error('read ECONNRESET') } },
    'unreachable',
    'the connection was lost before the agent started: read ECONNRESET',
  ],
  ['a slow host', {}, { kind: 'slow', output: '' }, 'unreachable', 'the agent did not start in time (by sudo)'],
  [
    'a lock',
    {},
    { kind: 'locked', output: '', text: 'bob@desk, pid 7, since noon' },
    'locked',
    'locked by bob@desk, pid 7, since noon',
  ],
  [
    'a lock file',
    {},
    { kind: 'refused', output: '', text: 'the lock file /x cannot be written' },
    'locked',
    'the lock file /x cannot be written',
  ],
  ['an interrupt', {}, { kind: 'interrupted', output: '' }, 'interrupted', 'interrupted while connecting'],
]
for (const [title, settings, failure, code, message] of failures) {
  test(`why no agent: ${title}`, (t) => {
    const error = explainStart(failure, planBecome(settings, 'admin', secrets), target)
    t.is(error.message, `web1 (admin@192.0.2.1:22): ${message}`)
    t.is(error.code, code as typeof error.code)
  })
}
