import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { sshdConfig } from '../../src/resources/sshd-config.ts'
import { compareEffective, renderOptions } from '../../src/resources/sshd-options.ts'
import { facts, planOne, planTable } from './table.ts'

const path = '/etc/ssh/sshd_config.d/10-provision.conf'
const head = '# Written by provision; changes here will be lost.\n'

interface HostState {
  /** Content of our file; absent without. */
  readonly file?: string
  readonly mode?: string
  readonly effective?: readonly string[]
  readonly complaint?: string
  readonly version?: string
  readonly more?: readonly string[]
}

/** The probe's answer of a host in that state. */
function answer(state: HostState): string {
  const content = Buffer.from(`${head}${state.file ?? ''}`).toString('base64')
  return `${[
    'present',
    `version\t${state.version ?? '9.2'}`,
    'includes',
    ...(state.more ?? []),
    ...(state.complaint === undefined
      ? (state.effective ?? ['maxauthtries 3']).map((line) => `effective\t${line}`)
      : [`complaint\t${state.complaint}`]),
    state.file === undefined ? `absent\t${path}` : `file\t${path}\t${state.mode ?? '644'} root:root\t${content}`,
  ].join('\n')}\n`
}

const three = () => sshdConfig({ options: { MaxAuthTries: 3 } })

planTable([
  {
    title: 'changes nothing when file and effect are as wished',
    task: sshdConfig({
      options: {
        MaxAuthTries: 3,
        PermitRootLogin: 'prohibit-password',
        X11Forwarding: false,
        LogLevel: 'VERBOSE',
        AllowUsers: ['ann', 'bob'],
        AuthenticationMethods: ['publickey'],
        Ciphers: ['aes256-ctr', 'aes128-ctr'],
        HostKey: ['/etc/ssh/a', '/etc/ssh/b'],
      },
    }),
    probe: answer({
      file: `AllowUsers ann bob
AuthenticationMethods publickey
Ciphers aes256-ctr,aes128-ctr
HostKey /etc/ssh/a
HostKey /etc/ssh/b
LogLevel VERBOSE
MaxAuthTries 3
PermitRootLogin prohibit-password
X11Forwarding no
`,
      effective: [
        'maxauthtries 3',
        'permitrootlogin without-password',
        'x11forwarding no',
        'loglevel VERBOSE',
        'allowusers ann',
        'allowusers bob',
        'authenticationmethods publickey',
        'ciphers aes256-ctr,aes128-ctr',
        'hostkey /etc/ssh/a',
        'hostkey /etc/ssh/b',
      ],
    }),
    expect: { unchanged: '8 settings in effect' },
  },
  {
    title: 'names what changes in effect, and that the file is new',
    task: sshdConfig({ options: { MaxAuthTries: 3, PasswordAuthentication: false } }),
    probe: answer({ effective: ['maxauthtries 6', 'passwordauthentication yes'] }),
    expect: {
      changes: ['MaxAuthTries 6 → 3', 'PasswordAuthentication yes → no', `${path}: absent → present`],
    },
  },
  {
    title: 'writes the file even if the effect is right by accident',
    task: three(),
    probe: answer({ file: 'MaxAuthTries 4\n' }),
    expect: { changes: [`${path}: content differs`] },
  },
  {
    title: 'corrects the mode',
    task: three(),
    probe: answer({ file: 'MaxAuthTries 3\n', mode: '666' }),
    expect: { changes: [`${path}: mode 0666 → 0644`] },
  },
  {
    title: 'refuses when another file has the first word',
    task: three(),
    probe: answer({ file: 'MaxAuthTries 3\n', effective: ['maxauthtries 5'] }),
    expect: {
      refused: `MaxAuthTries is '5' in effect, expected '3' as in ${path}: another file says otherwise before it`,
    },
  },
  {
    title: 'reloads a daemon that has not read the file',
    task: three(),
    probe: answer({ file: 'MaxAuthTries 3\n', more: [`unread\t${path}`] }),
    expect: { changes: ['written, but not read by the daemon → reload'] },
  },
  {
    title: 'confirms a change that an interrupted run left waiting',
    task: three(),
    probe: answer({ file: 'MaxAuthTries 3\n', more: ['pending'] }),
    expect: { changes: ['the last change was not confirmed → confirmed'] },
  },
  {
    title: 'is unknown without sshd',
    task: three(),
    probe: 'absent\n',
    expect: { unknown: 'the ssh daemon is not installed' },
  },
  {
    title: 'refuses a main file that does not include drop-ins',
    task: three(),
    probe: answer({}).replace('includes\n', ''),
    expect: {
      refused: '/etc/ssh/sshd_config does not include /etc/ssh/sshd_config.d/*.conf, so a file there has no effect',
    },
  },
  {
    title: 'refuses a configuration that is broken elsewhere',
    task: three(),
    probe: answer({
      file: 'MaxAuthTries 3\n',
      complaint: '/etc/ssh/sshd_config line 4: Bad configuration option: Prot',
    }),
    expect: { refused: 'sshd refuses its configuration, and not because of our file' },
  },
  {
    title: 'mends a configuration that our own file broke',
    task: three(),
    probe: answer({ file: 'MaxAuthTries x\n', complaint: `${path} line 2: integer value expected` }),
    expect: { changes: [`${path}: content differs`] },
  },
  {
    title: 'takes what an older version knows',
    task: sshdConfig({
      options: { MaxAuthTries: 4 },
      newer: [
        { since: '9.8', options: { PerSourcePenaltyExemptList: ['192.0.2.0/24'] } },
        { since: '9.2', options: { MaxAuthTries: 3 } },
      ],
    }),
    probe: answer({ file: 'MaxAuthTries 3\n' }),
    expect: { unchanged: '1 settings in effect' },
  },
  {
    title: 'takes what version 10 knows, which is newer than 9.8',
    task: sshdConfig({
      options: {},
      newer: [{ since: '9.8', options: { PerSourcePenaltyExemptList: ['192.0.2.0/24'] } }],
    }),
    probe: answer({
      version: '10.0',
      file: 'PerSourcePenaltyExemptList 192.0.2.0/24\n',
      effective: ['persourcepenaltyexemptlist 192.0.2.0/24'],
    }),
    expect: { unchanged: '1 settings in effect' },
  },
  {
    title: 'refuses an exempt list without the controller',
    task: sshdConfig({ options: { PerSourcePenaltyExemptList: ['198.51.100.0/24', '2001:db8::/32'] } }),
    probe: answer({}),
    expect: { refused: 'PerSourcePenaltyExemptList does not name 192.0.2.1, where this run comes from' },
  },
  {
    title: 'refuses a port that systemd decides',
    task: sshdConfig({ options: { Port: [22, 2222] } }),
    probe: answer({ more: ['socket'], effective: ['port 22'] }),
    expect: { refused: 'systemd listens for sshd here (ssh.socket), so Port in its configuration has no effect' },
  },
  {
    title: 'refuses an address that systemd decides',
    task: sshdConfig({ options: { ListenAddress: ['192.0.2.10'] } }),
    probe: answer({ more: ['socket'], effective: ['listenaddress 0.0.0.0:22', 'listenaddress [::]:22'] }),
    expect: {
      refused: 'systemd listens for sshd here (ssh.socket), so ListenAddress in its configuration has no effect',
    },
  },
  {
    title: 'finds each address once, at whatever ports and however it is written',
    task: sshdConfig({ options: { ListenAddress: ['192.0.2.10', '2001:DB8:0::1'] } }),
    probe: answer({
      file: 'ListenAddress 192.0.2.10\nListenAddress 2001:DB8:0::1\n',
      effective: ['[2001:db8::1]:22', '[2001:db8::1]:2222', '192.0.2.10:22', '192.0.2.10:2222'].map(
        (address) => `listenaddress ${address}`,
      ),
    }),
    expect: { unchanged: '1 settings in effect' },
  },
  {
    title: 'names the addresses that change',
    task: sshdConfig({ options: { ListenAddress: ['192.0.2.10'] } }),
    probe: answer({ effective: ['listenaddress [::]:22', 'listenaddress 0.0.0.0:22'] }),
    expect: { changes: ['ListenAddress 0.0.0.0 :: → 192.0.2.10', `${path}: absent → present`] },
  },
])

test('sshd.config: arms the revert first, writes what travels as input, and asks for a new connection', (t) => {
  const plan = planOne(sshdConfig({ options: { Banner: `/etc/a $HOME 'é'` } }), answer({}), { facts, check: false })
  if (!('changes' in plan)) return t.fail(JSON.stringify(plan))
  const [arm, write, reload] = plan.changes.flatMap((change) => change.steps)
  t.regex(arm?.script ?? '', /systemd-run .* --on-active=60 /)
  t.is(write?.input, `${head}Banner /etc/a $HOME 'é'\n`)
  t.false(write?.script.includes('HOME'))
  t.regex(reload?.script ?? '', /systemctl reload ssh\.service/)
  t.true([write, reload].every((step) => step?.script.startsWith(`trap 'code=$?;`)))
  t.is(plan.confirm?.what, 'the new settings of sshd')
})

for (const [garbage, message] of [
  ['', "sshd: expected 'present' or 'absent' first, found ''"],
  ['bash: nope\n', "sshd: expected 'present' or 'absent' first, found 'bash: nope'"],
  ['present\n', 'sshd -T said nothing'],
] as const) {
  test(`sshd.config: the answer ${JSON.stringify(garbage)} is an error`, (t) => {
    const error = t.throws(() => planOne(three(), garbage, { facts, check: false }))
    t.true(isProvisionError(error))
    t.is(error?.message, message)
  })
}

for (const options of [
  { MaxAuthTry: 3 },
  { MaxAuthTries: '3' },
  { MaxAuthTries: -1 },
  { PermitRootLogin: 'maybe' },
  { Banner: 'a\nPermitRootLogin yes' },
  { AllowUsers: [] },
  { AllowUsers: ['ann bob'] },
  { Ciphers: 'aes256-ctr' },
  { MaxStartups: '10' },
  { ListenAddress: ['localhost'] },
  { ListenAddress: ['192.0.2.10:22'] },
  { PerSourcePenaltyExemptList: ['everybody'] },
]) {
  test(`sshd.config: ${JSON.stringify(options)} is refused`, (t) => {
    t.true(isProvisionError(t.throws(() => sshdConfig({ options: options as never }))))
  })
}

test('sshd.config: lists that sshd resolves itself are not compared, nor is what it never prints', (t) => {
  t.deepEqual(compareEffective({ Ciphers: ['+aes256-cbc'], DebianBanner: false }, 'ciphers a,b\n'), [])
  t.deepEqual(compareEffective({ AllowUsers: ['ann'] }, 'port 22\n'), [
    { keyword: 'AllowUsers', found: 'not set', wished: 'ann' },
  ])
  t.is(renderOptions({ Port: [22, 2222], UseDNS: false }), 'Port 22\nPort 2222\nUseDNS no\n')
})

test('sshd.config: a misspelt keyword does not compile', (t) => {
  // @ts-expect-error MaxAuthTry is no keyword
  t.throws(() => sshdConfig({ options: { MaxAuthTry: 3 } }))
})
