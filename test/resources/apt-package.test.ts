import test from 'ava'
import { aptPackage } from '../../src/resources/apt-package.ts'
import { facts, planOne, planTable } from './table.ts'

const installed = 'package\tii \tnginx\tamd64\t1.22.1-9\n'
const policy = (name: string, ...versions: string[]) =>
  [
    `policy\t\t${name}:`,
    'policy\t\t  Installed: (none)',
    `policy\t\t  Candidate: ${versions[0] ?? '(none)'}`,
    'policy\t\t  Version table:',
    ...versions.flatMap((version) => [
      `policy\t\t     ${version} 500`,
      'policy\t\t        500 http://deb.example.org bookworm/main amd64 Packages',
    ]),
    '',
  ].join('\n')
const lists = (age: number, sources = 0) => `now\t100000\nrefreshed\t${100_000 - age}\nsources\t${sources}\n`

planTable([
  {
    title: 'nothing to do for an installed package',
    task: aptPackage({ pkg: 'nginx' }),
    probe: installed,
    expect: { unchanged: 'nginx is 1.22.1-9' },
  },
  {
    title: 'a held package counts as installed',
    task: aptPackage({ pkg: 'nginx' }),
    probe: 'package\thi \tnginx\tamd64\t1.22.1-9\n',
    expect: { unchanged: 'nginx is 1.22.1-9' },
  },
  {
    title: 'configuration files alone do not count as installed',
    task: aptPackage({ pkg: 'nginx' }),
    probe: `package\trc \tnginx\tamd64\t1.20-1\n${policy('nginx', '1.22.1-9')}${lists(10)}`,
    expect: { changes: ['nginx absent → 1.22.1-9'] },
  },
  {
    title: 'an unpacked package of an interrupted run is installed again',
    task: aptPackage({ pkg: 'nginx' }),
    probe: `package\tiU \tnginx\tamd64\t1.22.1-9\n${policy('nginx', '1.22.1-9')}${lists(10)}`,
    expect: { changes: ['nginx unpacked → installed'] },
  },
  {
    title: 'another architecture does not satisfy a plain name',
    task: aptPackage({ pkg: 'zlib1g' }),
    probe: `package\tii \tzlib1g\ti386\t1.2\n${policy('zlib1g', '1.2')}${lists(10)}`,
    expect: { changes: ['zlib1g absent → 1.2'] },
  },
  {
    title: 'a named architecture is looked for',
    task: aptPackage({ pkg: 'zlib1g:i386' }),
    probe: 'package\tii \tzlib1g\ti386\t1.2\n',
    expect: { unchanged: 'zlib1g:i386 is 1.2' },
  },
  {
    title: 'a virtual package is satisfied by what provides it',
    task: aptPackage({ pkg: 'mail-transport-agent' }),
    probe: `provider\tmail-transport-agent\tpostfix\n${policy('mail-transport-agent')}${lists(10)}`,
    expect: { unchanged: 'mail-transport-agent is provided by postfix' },
  },
  {
    title: 'each of several packages has its own sentence',
    task: aptPackage({ pkg: ['nginx', 'curl', 'hello'] }),
    probe: `${installed}${policy('curl', '7.88-1')}${policy('hello', '2.10-3')}${lists(10)}`,
    expect: { changes: ['curl absent → 7.88-1', 'hello absent → 2.10-3'] },
  },
  {
    title: 'a version glob that matches is satisfied',
    task: aptPackage({ pkg: 'nginx=1.22*' }),
    probe: installed,
    expect: { unchanged: 'nginx is 1.22.1-9' },
  },
  {
    title: 'a version glob takes the newest that matches',
    task: aptPackage({ pkg: 'nginx=1.2*' }),
    probe: `package\tii \tnginx\tamd64\t1.18-1\n${policy('nginx', '1.30-1', '1.24-1', '1.22.1-9')}${lists(10)}`,
    expect: { changes: ['nginx 1.18-1 → 1.24-1'] },
  },
  {
    title: 'an older version is refused',
    task: aptPackage({ pkg: 'nginx=1.18*' }),
    probe: `${installed}${policy('nginx', '1.22.1-9', '1.18-1')}${lists(10)}`,
    expect: { refused: 'nginx is 1.22.1-9, newer than the wished 1.18-1' },
  },
  {
    title: 'an older version is taken when allowed',
    task: aptPackage({ pkg: 'nginx=1.18*', allowDowngrade: true }),
    probe: `${installed}${policy('nginx', '1.22.1-9', '1.18-1')}${lists(10)}`,
    expect: { changes: ['nginx 1.22.1-9 → 1.18-1'] },
  },
  {
    title: 'a version that is not there is refused and the others are named',
    task: aptPackage({ pkg: 'nginx=9*' }),
    probe: `${policy('nginx', '1.22.1-9', '1.18-1')}${lists(10)}`,
    expect: { refused: 'there is no version 9* of nginx in the package lists of this host, only 1.22.1-9, 1.18-1' },
  },
  {
    title: 'another version of a held package is refused',
    task: aptPackage({ pkg: 'nginx=1.30*' }),
    probe: `package\thi \tnginx\tamd64\t1.22.1-9\n${policy('nginx', '1.30-1')}${lists(10)}`,
    expect: { refused: 'nginx is on hold at 1.22.1-9, expected 1.30*' },
  },
  {
    title: 'a package that fresh lists do not know is refused',
    task: aptPackage({ pkg: 'ngnix' }),
    probe: lists(10),
    expect: { refused: 'there is no package ngnix in the package lists of this host' },
  },
  {
    title: 'check mode cannot know a package that old lists do not know',
    task: aptPackage({ pkg: 'new-thing' }),
    probe: lists(7200),
    check: true,
    expect: { unknown: 'new-thing is not in the package lists, which would be refreshed first' },
  },
  {
    title: 'a real run refreshes old lists for a package that they do not know',
    task: aptPackage({ pkg: 'new-thing' }),
    probe: lists(7200),
    expect: { changes: ['new-thing absent → present'] },
  },
  {
    title: 'a source newer than the lists makes fresh lists old',
    task: aptPackage({ pkg: 'new-thing' }),
    probe: lists(10, 99_995),
    expect: { changes: ['new-thing absent → present'] },
  },
  {
    title: 'latest upgrades to the candidate',
    task: aptPackage({ pkg: 'nginx', state: 'latest' }),
    probe: `${installed}${policy('nginx', '1.22.1-9+deb12u3')}${lists(10)}`,
    expect: { changes: ['nginx 1.22.1-9 → 1.22.1-9+deb12u3'] },
  },
  {
    title: 'latest does nothing when fresh lists have nothing newer',
    task: aptPackage({ pkg: 'nginx', state: 'latest' }),
    probe: `${installed}${policy('nginx', '1.22.1-9')}${lists(10)}`,
    expect: { unchanged: 'nginx is 1.22.1-9' },
  },
  {
    title: 'latest leaves a held package alone',
    task: aptPackage({ pkg: 'nginx', state: 'latest' }),
    probe: `package\thi \tnginx\tamd64\t1.22.1-9\n${policy('nginx', '1.30-1')}${lists(10)}`,
    expect: { unchanged: 'nginx is on hold at 1.22.1-9' },
  },
  {
    title: 'latest cannot be known in check mode when the lists are old',
    task: aptPackage({ pkg: 'nginx', state: 'latest' }),
    probe: `${installed}${policy('nginx', '1.22.1-9')}${lists(7200)}`,
    check: true,
    expect: { unknown: 'nginx is 1.22.1-9, but the package lists are 2 hours old' },
  },
  {
    title: 'absent is satisfied by configuration files',
    task: aptPackage({ pkg: 'redis', state: 'absent' }),
    probe: 'package\trc \tredis\tall\t5:7.0-1\n',
    expect: { unchanged: 'redis absent' },
  },
  {
    title: 'purged removes configuration files',
    task: aptPackage({ pkg: 'redis', state: 'purged' }),
    probe: 'package\trc \tredis\tall\t5:7.0-1\nremoval\t0\tredis\n',
    expect: { changes: ['redis configuration files → purged'] },
  },
  {
    title: 'absent names the version that goes',
    task: aptPackage({ pkg: 'redis', state: 'absent' }),
    probe: 'package\tii \tredis\tall\t5:7.0-1\nremoval\t0\tredis\n',
    expect: { changes: ['redis 5:7.0-1 → absent'] },
  },
  {
    title: 'absent is refused when other packages would go too',
    task: aptPackage({ pkg: 'redis', state: 'absent' }),
    probe: 'package\tii \tredis\tall\t5:7.0-1\nremoval\t0\tredis\nremoval\t0\tsentinel\nremoval\t0\tapp:i386\n',
    expect: { refused: 'removing redis would remove sentinel, app:i386 too' },
  },
  {
    title: 'absent takes the others along when allowed',
    task: aptPackage({ pkg: 'redis', state: 'absent', allowRemove: ['sentinel'] }),
    probe: 'package\tii \tredis\tall\t5:7.0-1\nremoval\t0\tredis\nremoval\t0\tsentinel\n',
    expect: { changes: ['redis 5:7.0-1 → absent'] },
  },
])

const scriptOf = (task: ReturnType<typeof aptPackage>, probe: string): string => {
  const plan = planOne(task, probe, { facts, check: false })
  return 'changes' in plan ? plan.changes.flatMap((change) => change.steps.map((step) => step.script)).join('\n') : ''
}

test('apt is called once, for what is missing only', (t) => {
  const script = scriptOf(
    aptPackage({ pkg: ['nginx', 'curl', 'hello=2.1*'] }),
    `${installed}${policy('curl', '7.88-1')}${policy('hello', '2.12-1', '2.10-3')}${lists(10)}`,
  )
  t.is(script.split('\n').at(-1), "install '' '--no-install-recommends' curl hello=2.12-1")
  t.notRegex(script, /^refresh$/m)
})

test('old lists are refreshed first', (t) => {
  const script = scriptOf(aptPackage({ pkg: 'curl', recommends: true }), `${policy('curl', '7.88-1')}${lists(7200)}`)
  t.regex(script, /^repair\nrefresh$/m)
  t.is(script.split('\n').at(-1), "install '' '--install-recommends' curl")
})

test('updateCache: false never refreshes, updateCache: true always does', (t) => {
  const probe = (age: number) => `${policy('curl', '7.88-1')}${lists(age)}`
  t.notRegex(scriptOf(aptPackage({ pkg: 'curl', updateCache: false }), probe(1e6)), /^refresh$/m)
  t.regex(scriptOf(aptPackage({ pkg: 'curl', updateCache: true }), probe(1)), /^refresh$/m)
})

test('a package that is missing from the output of several tasks is judged for each task alone', (t) => {
  const tasks = [aptPackage({ pkg: 'nginx' }), aptPackage({ pkg: 'curl', state: 'absent' })]
  const states = aptPackage({ pkg: 'nginx' }).resource.parse(
    installed,
    tasks.map((task) => task.args),
  )
  t.is(states.length, 2)
})

test('an upgrade that found nothing newer is no change', (t) => {
  const { resource } = aptPackage({ pkg: 'nginx', state: 'latest' })
  const output = (stdout: string) => [{ code: 0, stdout, stderr: '' }]
  t.false(resource.didChange?.(output('…\nnothing newer: no package changed\n'), {}))
  t.true(resource.didChange?.(output('Setting up nginx\n'), {}))
})

test("output that is not the probe's is an error that quotes it", (t) => {
  const error = t.throws(() => planOne(aptPackage({ pkg: 'nginx' }), 'Segmentation fault\n', { facts, check: false }))
  t.is(
    error?.message,
    "the state of the packages could not be read: expected a line of the probe, found 'Segmentation fault'",
  )
})

test('what types cannot say is refused at load', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.is(
    message(() => aptPackage({ pkg: 'nginx; rm -rf /' })),
    "apt.package: option 'pkg': expected a package as 'nginx', 'nginx=1.22*' or 'libc6:i386', found 'nginx; rm -rf /'",
  )
  t.is(
    message(() => aptPackage({ pkg: ['nginx', 'nginx=1'] })),
    "apt.package: option 'pkg': 'nginx' is there twice",
  )
  t.is(
    message(() => aptPackage({ pkg: 'nginx=1', state: 'latest' })),
    "apt.package: option 'pkg': 'nginx=1' names a version, which only goes with state: 'present'",
  )
})
