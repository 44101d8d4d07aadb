import test from 'ava'
import { sshArguments } from '../../src/cli/ssh-arguments.ts'
import type { ConnectionSettings } from '../../src/core/host.ts'

const rows: readonly {
  title: string
  settings: ConnectionSettings
  words?: readonly string[]
  expect: readonly string[]
}[] = [
  { title: 'what the inventory does not say is left to ssh', settings: {}, expect: ['--', '192.0.2.1'] },
  {
    title: 'all settings',
    settings: {
      user: 'admin',
      port: 2222,
      identityFile: '/keys/50% off',
      knownHosts: '/keys/known hosts',
      hostKeyChecking: 'strict',
      proxyJump: ['me@jump1:22', 'jump2'],
      connectTimeout: 2.5,
      keepalive: 15,
    },
    words: ['uname', '-a'],
    expect: [
      ...['-p', '2222', '-l', 'admin', '-i', '/keys/50%% off', '-J', 'me@jump1:22,jump2'],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', 'UserKnownHostsFile="/keys/known hosts"'],
      ...['-o', 'IdentitiesOnly=yes', '-o', 'ConnectTimeout=3', '-o', 'ServerAliveInterval=15'],
      ...['--', '192.0.2.1', 'uname', '-a'],
    ],
  },
  {
    title: 'no checking keeps no keys either',
    settings: { hostKeyChecking: 'off', knownHosts: '/keys/known_hosts' },
    expect: ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '--', '192.0.2.1'],
  },
  {
    title: 'new keys may be accepted',
    settings: { hostKeyChecking: 'accept-new' },
    expect: ['-o', 'StrictHostKeyChecking=accept-new', '--', '192.0.2.1'],
  },
]

for (const { title, settings, words = [], expect } of rows) {
  test(title, (t) => {
    t.deepEqual(sshArguments({ name: 'web1', connection: { address: '192.0.2.1', ...settings } }, words), [...expect])
  })
}

test('a local host has no ssh', (t) => {
  t.throws(() => sshArguments({ name: 'here', connection: { address: 'here', connection: 'local' } }, []), {
    message: "here is this machine (connection: 'local'): there is nothing to connect to",
  })
})
