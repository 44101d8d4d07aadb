import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { loadSshConfig, type SshConfig } from '../../src/transport/ssh-config.ts'

const home = mkdtempSync(join(tmpdir(), 'hostwright-config-'))
test.after.always(() => rmSync(home, { recursive: true, force: true }))
mkdirSync(join(home, '.ssh/conf.d'), { recursive: true })
writeFileSync(join(home, '.ssh/conf.d/10-a.conf'), 'Host included\n User from-a\n')
writeFileSync(join(home, '.ssh/conf.d/20-b.conf'), 'Host included\n User from-b\n Port 2020\n')
writeFileSync(join(home, '.ssh/loop'), 'Include loop\nUser looped\n')

let count = 0
function read(text: string, host: string): SshConfig {
  const file = join(home, '.ssh', `config-${count++}`)
  writeFileSync(file, text)
  return loadSshConfig(host, { home, localUser: 'me', files: [file] })
}

const none: SshConfig = { identityFiles: [], identitiesOnly: false }

const rows: readonly (readonly [title: string, text: string, host: string, expected: SshConfig])[] = [
  ['an empty file says nothing', '', 'web1', none],
  [
    'what stands before any Host is for all',
    'User all\nHost web1\n Port 1\n',
    'web1',
    { ...none, user: 'all', port: 1 },
  ],
  [
    'the first value wins',
    'Host web1\n User first\nHost web*\n User second\n Port 22022\nHost *\n User third\n',
    'web1',
    { ...none, user: 'first', port: 22022 },
  ],
  ['another host gets nothing', 'Host web1\n User x\n', 'web2', none],
  ['a negated pattern excludes', 'Host * !web1\n User x\n', 'web1', none],
  ['a negated pattern alone matches nothing', 'Host !web1\n User x\n', 'web2', none],
  [
    'case of keywords and names does not matter',
    'hOsT WEB1\n hostNAME 192.0.2.1\n',
    'web1',
    { ...none, hostName: '192.0.2.1' },
  ],
  [
    'equals signs, quotes and comments',
    'Host=web1\n User = "a b" # not this\n Port=2 #x\n#Port 3\n',
    'web1',
    { ...none, user: 'a b', port: 2 },
  ],
  ['HostName knows %h', 'Host web1\n HostName %h.example.org\n', 'web1', { ...none, hostName: 'web1.example.org' }],
  [
    'identity files add up and know their tokens',
    'Host web1\n User admin\n HostName 192.0.2.1\n Port 2222\n IdentityFile ~/.ssh/one\n IdentityFile /k/%r-%h-%p-%n-%u\nHost *\n IdentityFile "%d/with space"\n IdentityFile none\n',
    'web1',
    {
      ...none,
      user: 'admin',
      hostName: '192.0.2.1',
      port: 2222,
      identityFiles: [join(home, '.ssh/one'), '/k/admin-192.0.2.1-2222-web1-me', join(home, 'with space')],
    },
  ],
  [
    'a chain of jump hosts',
    'Host web1\n ProxyJump a@gate:2222,inner\n',
    'web1',
    { ...none, proxyJump: ['a@gate:2222', 'inner'] },
  ],
  [
    'ProxyJump none ends the search',
    'Host web1\n ProxyJump none\nHost *\n ProxyJump gate\n',
    'web1',
    { ...none, proxyJump: [] },
  ],
  [
    'ProxyCommand is kept as it is',
    'Host web1\n ProxyCommand nc -X 5 %h %p\n',
    'web1',
    { ...none, proxyCommand: 'nc -X 5 %h %p' },
  ],
  [
    'the rest that we follow',
    'Host web1\n IdentitiesOnly yes\n IdentityAgent ~/agent.sock\n UserKnownHostsFile ~/k1 /k2\n HostKeyAlias other\n ForwardAgent yes\n',
    'web1',
    {
      ...none,
      identitiesOnly: true,
      identityAgent: join(home, 'agent.sock'),
      userKnownHostsFiles: [join(home, 'k1'), '/k2'],
      hostKeyAlias: 'other',
    },
  ],
  [
    'files are included in order, relative to ~/.ssh',
    'Include conf.d/*.conf\n',
    'included',
    { ...none, user: 'from-a', port: 2020 },
  ],
  ['an Include inside a Host is for that host', 'Host other\n Include conf.d/*.conf\n', 'included', none],
  [
    'after an Include the block goes on',
    'Host included\n Include conf.d/10-a.conf\n Port 7\n',
    'included',
    { ...none, user: 'from-a', port: 7 },
  ],
  ['an Include of nothing is nothing', 'Include missing/*.conf missing\nUser x\n', 'web1', { ...none, user: 'x' }],
  ['an Include that includes itself ends', 'Include loop\n', 'web1', { ...none, user: 'looped' }],
  ['Match all', 'Host other\n User no\nMatch all\n User yes\n', 'web1', { ...none, user: 'yes' }],
  [
    'Match host looks at HostName',
    'Host web1\n HostName 192.0.2.1\nMatch host 192.0.2.*\n User net\n',
    'web1',
    { ...none, hostName: '192.0.2.1', user: 'net' },
  ],
  [
    'Match originalhost looks at what was typed',
    'Host web1\n HostName 192.0.2.1\nMatch originalhost web1,web2\n User typed\n',
    'web1',
    { ...none, hostName: '192.0.2.1', user: 'typed' },
  ],
  [
    'a Match that we cannot decide does not apply',
    'Match exec "true"\n User x\nMatch host web1 user me\n User y\n',
    'web1',
    none,
  ],
]
for (const [title, text, host, expected] of rows) {
  test(`ssh config: ${title}`, (t) => {
    t.deepEqual(read(text, host), expected)
  })
}

test('without files there is nothing', (t) => {
  t.deepEqual(
    loadSshConfig('web1', { home: join(home, 'nowhere'), localUser: 'me', files: [join(home, 'nope')] }),
    none,
  )
})
