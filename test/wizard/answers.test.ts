import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { type Answers, checkAnswers, defaultAnswers, placementOf, usualHosts } from '../../src/wizard/answers.ts'
import { parseHostLines, renderHostLine } from '../../src/wizard/host-lines.ts'

const complaintAbout = (change: object): string => {
  try {
    checkAnswers({ ...defaultAnswers, ...change }, 'a.json')
    return 'accepted'
  } catch (error) {
    if (!isProvisionError(error)) throw error
    return error.message
  }
}
const servers = (...hosts: object[]) => ({
  where: 'servers',
  topology: 'own',
  hosts,
  placement: { lb: ['a'], web: ['a'], app: ['a'], db: ['a'] },
})
const own = { name: 'a', address: '192.0.2.1' }

const refused: [change: object, complaint: string][] = [
  [{ where: 'cloud' }, "option 'where': expected 'lab', 'servers' or 'vagrant', found 'cloud'"],
  [{ doamins: [] }, "unknown option 'doamins'; did you mean 'domains'?"],
  [{ domains: [] }, "option 'domains': expected at least one domain, found a list"],
  [
    { domains: ['https://foobar.com'] },
    "option 'domains.0': expected the name alone, without https:// and path, found 'https://foobar.com'",
  ],
  [
    { domains: ['192.0.2.1'] },
    "option 'domains.0': expected a name: certificates are not issued for addresses, found '192.0.2.1'",
  ],
  [
    { domains: ['*.foobar.com'] },
    "option 'domains.0': expected a name without *: a wildcard cannot be proven over HTTP, found '*.foobar.com'",
  ],
  [
    { domains: ['foobar'] },
    "option 'domains.0': expected a domain name in small letters such as www.example.com, found 'foobar'",
  ],
  [servers({ name: 'a' }), 'hosts: a has no address, expected one for servers of your own'],
  [
    servers({ ...own, address: '192.0.2.300' }),
    "option 'hosts.0.address': expected an IPv4 address of four numbers from 0 to 255, found '192.0.2.300'",
  ],
  [
    servers({ ...own, address: 'web_1;reboot' }),
    "option 'hosts.0.address': expected an IP address or a name (letters, digits, - and dots), found 'web_1;reboot'",
  ],
  [
    servers({ ...own, name: 'web' }),
    "option 'hosts.0.name': expected another name: all, lb, web, app, db are names of groups, found 'web'",
  ],
  [
    servers({ ...own, name: 'Web1' }),
    "option 'hosts.0.name': expected a host name: small letters, digits and -, at most 63 characters, found 'Web1'",
  ],
  [servers({ ...own, port: 70000 }), "option 'hosts.0.port': expected a port from 1 to 65535, found 70000"],
  [servers(own, own), "hosts: 'a' is there twice, expected every name once"],
  [
    { ...servers(own), placement: { lb: ['a'], web: ['a'], app: ['a'], db: ['b'] } },
    "placement.db: there is no host 'b'",
  ],
  [
    { ...servers(own), placement: { lb: ['a'], web: [], app: ['a'], db: ['a'] } },
    'placement.web: expected at least one host',
  ],
  [{ topology: 'own' }, 'placement: expected with the topology own: { lb, web, app, db }, lists of names'],
  [{ topology: 'tiers' }, 'hosts: the topology tiers needs 5 hosts, found 3'],
  [
    { app: { git: 'foobar', version: 'main' } },
    "option 'app.git': expected a git URL: https://…, ssh://… or git@host:path, found 'foobar'",
  ],
  [
    { letsencrypt: { directory: 'staging', email: 'me' } },
    "option 'letsencrypt.email': expected an e-mail address, found 'me'",
  ],
  [
    { admins: [{ name: 'ann', keys: ['-----BEGIN'] }] },
    "option 'admins.0.keys.0': expected a public key, one line: ssh-ed25519 AAAA… name, found '-----BEGIN'",
  ],
]

for (const [change, complaint] of refused) {
  test(`refuses: ${complaint}`, (t) => t.is(complaintAbout(change), `a.json: ${complaint}`))
}

test('takes the defaults, and every topology with its usual hosts', (t) => {
  for (const topology of ['active-active', 'active-passive', 'extra-replica', 'tiers'] as const)
    t.is(complaintAbout({ topology, hosts: usualHosts(topology) }), 'accepted')
  t.is(complaintAbout(servers(own)), 'accepted')
})

const placements: [Answers['topology'], object][] = [
  ['active-active', { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'], db: ['web1', 'web2'] }],
  ['active-passive', { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'], db: ['web1', 'web2'] }],
  ['extra-replica', { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'], db: ['web1', 'web2', 'db3'] }],
  ['tiers', { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'], db: ['db1', 'db2'] }],
]
for (const [topology, placement] of placements) {
  test(`places the roles: ${topology}`, (t) =>
    t.deepEqual({ ...placementOf({ ...defaultAnswers, topology, hosts: usualHosts(topology) }) }, placement))
}

const names = ['lb1', 'web1', 'web2']
const understood: [text: string, hosts: object[]][] = [
  [
    '192.0.2.1\n192.0.2.2',
    [
      { name: 'lb1', address: '192.0.2.1' },
      { name: 'web1', address: '192.0.2.2' },
    ],
  ],
  ['web1 admin@192.0.2.1:2222', [{ name: 'web1', address: '192.0.2.1', user: 'admin', port: 2222 }]],
  ['  a root@h.example.com  # the old one\n\n', [{ name: 'a', address: 'h.example.com', user: 'root' }]],
  [
    'lb1 192.0.2.1, 192.0.2.2',
    [
      { name: 'lb1', address: '192.0.2.1' },
      { name: 'web1', address: '192.0.2.2' },
    ],
  ],
  [
    'a 2001:db8::1\nb u@[2001:db8::2]:22',
    [
      { name: 'a', address: '2001:db8::1' },
      { name: 'b', address: '2001:db8::2', user: 'u', port: 22 },
    ],
  ],
]
for (const [text, hosts] of understood) {
  test(`reads hosts: ${JSON.stringify(text)}`, (t) => {
    const found = parseHostLines(text, names)
    t.deepEqual(found.problems, [])
    t.deepEqual(found.hosts as object[], hosts)
    t.deepEqual(
      parseHostLines(found.hosts.map(renderHostLine).join('\n'), []).hosts,
      found.hosts,
      'and reads what it renders',
    )
  })
}

const misunderstood: [text: string, problem: string][] = [
  ['web1 admin 192.0.2.1', "'web1 admin 192.0.2.1': expected NAME USER@ADDRESS:PORT, found 3 words"],
  ['a 192.0.2.999', "'a 192.0.2.999': expected an IPv4 address of four numbers from 0 to 255"],
  ['a 192.0.2.1:0', "'a 192.0.2.1:0': expected a port from 1 to 65535"],
  ['a r$x@192.0.2.1', "'a r$x@192.0.2.1': expected a user or group name such as 'deploy': letters, digits and _ . -"],
  ['a 192.0.2.1\na 192.0.2.2', "'a 192.0.2.2': the name is there twice"],
]
for (const [text, problem] of misunderstood) {
  test(`says what is wrong with ${JSON.stringify(text)}`, (t) =>
    t.deepEqual(parseHostLines(text, names).problems, [problem]))
}
