import test from 'ava'
import { parseHierarchies } from '../src/lab/cgroups.ts'
import { labHome, labPlace } from '../src/lab/home.ts'
import { checkHosts, parseLabHost } from '../src/lab/lab-host.ts'
import { parseForeignHosts, parseNameServers, renderResolver } from '../src/lab/resolver.ts'
import { defaultAliases, type LabRecord, mergeHosts, resolveAliases } from '../src/lab/state.ts'
import { chooseSubnet, hostAddress } from '../src/lab/subnet.ts'

test('a host is a name, with or without a suite', (t) => {
  t.deepEqual(parseLabHost('db3'), { name: 'db3' })
  t.deepEqual(parseLabHost('db3:trixie'), { name: 'db3', suite: 'trixie' })
})

const refused: Record<string, string> = {
  '': 'The lab host name "" must be 1 to 31 lower-case letters, digits and inner hyphens and begin with a letter.',
  Web_1:
    'The lab host name "Web_1" must be 1 to 31 lower-case letters, digits and inner hyphens and begin with a letter.',
  'web1:jessie': 'The lab host "web1:jessie" asks for the suite "jessie"; expected one of bookworm, trixie, sid.',
  'web1:': 'The lab host "web1:" asks for the suite ""; expected one of bookworm, trixie, sid.',
  'web1:sid:2': 'The lab host "web1:sid:2" has more than one colon; expected name or name:suite.',
}

for (const [text, message] of Object.entries(refused)) {
  test(`the host "${text}" is refused`, (t) => {
    t.throws(() => parseLabHost(text), { message })
  })
}

test('a list of hosts has each name once, and not the name of the lab itself', (t) => {
  t.throws(() => checkHosts([{ name: 'a' }, { name: 'a' }]), { message: 'The lab host name "a" is given twice.' })
  t.throws(() => checkHosts([{ name: 'services' }]), {
    message: 'The name "services" is taken by the lab itself; choose another.',
  })
  t.throws(() => checkHosts([]), { message: 'A lab needs at least one host.' })
})

test('a lab gets a network that nothing else uses', (t) => {
  const first = chooseSubnet('lab', [])
  t.regex(first, /^10\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\.\d+$/)
  t.is(chooseSubnet('lab', ['default', 'via', '192.0.2.1', 'fe80::1']), first, 'the same name gets the same network')
  t.not(chooseSubnet('lab', [`${first}.0/24`]), first)
  t.not(chooseSubnet('lab', [`${first}.53`]), first)
  t.false(chooseSubnet('lab', [`${first}.0/16`]).startsWith(first.split('.').slice(0, 2).join('.').concat('.')))
  t.is(chooseSubnet('lab', ['10.0.0.0/8']), first, 'a route for all of 10/8 leaves room for a more specific one')
  t.is(hostAddress(first, 0), `${first}.11`)
})

test('the hierarchies of v1 with unified, and of v2 alone', (t) => {
  const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`
  t.deepEqual(parseHierarchies(hybrid), ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'])
  t.deepEqual(parseHierarchies('cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n'), ['/sys/fs/cgroup'])
})

test('new hosts join a lab and known ones stay', (t) => {
  const known = [
    { name: 'lb1', suite: 'bookworm', number: 1, machineId: 'a' },
    { name: 'web2', suite: 'sid', number: 3, machineId: 'b' },
  ] as const
  const merged = mergeHosts(known, [{ name: 'lb1' }, { name: 'web1', suite: 'sid' }, { name: 'db1' }])
  t.deepEqual(
    merged.map(({ name, suite, number }) => `${name} ${suite} ${number}`),
    ['lb1 bookworm 1', 'web2 sid 3', 'web1 sid 2', 'db1 bookworm 4'],
  )
  t.is(new Set(merged.map(({ machineId }) => machineId)).size, 4)
  t.throws(() => mergeHosts(known, [{ name: 'lb1', suite: 'sid' }]), {
    message: 'The lab host "lb1" exists with bookworm; sid is asked for now.',
  })
})

test('public names lead to hosts or addresses', (t) => {
  t.deepEqual(defaultAliases([{ name: 'web1' }, { name: 'lb1' }]), { 'foobar.com': 'lb1', 'www.foobar.com': 'lb1' })
  t.deepEqual(defaultAliases([{ name: 'db1' }]), { 'foobar.com': 'db1', 'www.foobar.com': 'db1' })
  const record: LabRecord = {
    user: 'debian',
    subnet: '10.70.1',
    hosts: [{ name: 'lb1', suite: 'bookworm', number: 1, machineId: 'a' }],
    aliases: { 'foobar.com': 'lb1', 'vip.foobar.com': '10.70.1.200' },
    acme: true,
    bootId: 'b',
  }
  t.deepEqual(resolveAliases(record), { 'foobar.com': '10.70.1.11', 'vip.foobar.com': '10.70.1.200' })
  t.throws(() => resolveAliases({ ...record, aliases: { 'foobar.com': 'lb9' } }), {
    message: 'The lab has no host "lb9"; it has lb1.',
  })
  t.throws(() => resolveAliases({ ...record, aliases: { 'foo bar': 'lb1' } }), {
    message: 'The lab alias "foo bar" is not a lower-case domain name.',
  })
})

test('name servers and hosts of this machine that other namespaces can use', (t) => {
  t.deepEqual(parseNameServers('nameserver 127.0.0.53\nnameserver 192.0.2.53\n#nameserver 192.0.2.54\nsearch a.b\n'), [
    '192.0.2.53',
  ])
  t.is(
    parseForeignHosts('127.0.0.1 localhost\n::1 localhost\n192.0.2.7 mirror.example\n# x\nff02::1 all\n'),
    '192.0.2.7 mirror.example\n',
  )
  t.is(
    renderResolver('10.70.1.2', ['192.0.2.53']),
    'nameserver 10.70.1.2\nnameserver 192.0.2.53\noptions timeout:2 attempts:2\n',
  )
})

test('a lab has its own places, and the same name in another home is another lab', (t) => {
  const place = labPlace('demo', '/srv/labs')
  t.is(place.identityFile, '/srv/labs/labs/demo/identity')
  t.regex(place.id, /^[\da-f]{6}$/)
  t.not(place.id, labPlace('demo', '/srv/other').id)
  t.throws(() => labHome('relative'), {
    message: `The lab's folder "relative" must be an absolute path of letters, digits and . _ - / only (it becomes a mount option).`,
  })
  t.throws(() => labPlace('../x'), { message: /^The lab name "\.\.\/x" must be/ })
})
