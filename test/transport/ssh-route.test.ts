import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import type { InventoryHost } from '../../src/core/host.ts'
import { planRoute, type Route } from '../../src/transport/ssh-route.ts'

const home = mkdtempSync(join(tmpdir(), 'hostwright-route-'))
test.after.always(() => rmSync(home, { recursive: true, force: true }))
const secrets = { reveal: (value: unknown) => `clear ${String(value)}`, redact: (text: string) => text }

function route(connection: InventoryHost['connection'], config = ''): Route {
  const file = join(home, 'config')
  writeFileSync(file, config)
  const host = { name: 'web1', groups: [], connection, vars: {}, where: { get: () => undefined } }
  return planRoute(host, secrets, { home, localUser: 'me', agentSocket: '/agent', configFiles: [file] })
}

function places(planned: Route): string[] {
  return [...planned.jumps, planned.host].map(({ target }) => `${target.user}@${target.address}:${target.port}`)
}

test('without any settings: the address, port 22, the local user, the usual files', (t) => {
  const planned = route({ address: 'web1' })
  t.deepEqual(places(planned), ['me@web1:22'])
  t.deepEqual(planned.host.hostKey, {
    mode: 'strict',
    files: [join(home, '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'],
    alias: undefined,
  })
  t.is(planned.host.identities.agentSocket, '/agent')
  t.deepEqual(planned.host.identities.files, [])
})

test('~/.ssh/config fills in what the inventory leaves open', (t) => {
  const config =
    'Host w\n HostName 192.0.2.1\n Port 2222\n User admin\n IdentityFile ~/k\n UserKnownHostsFile ~/known\n HostKeyAlias a\n IdentityAgent none\n IdentitiesOnly yes\n'
  const planned = route({ address: 'w' }, config)
  t.deepEqual(places(planned), ['admin@192.0.2.1:2222'])
  t.deepEqual(planned.host.identities.files, [{ path: join(home, 'k'), required: false }])
  t.is(planned.host.identities.agentSocket, undefined)
  t.true(planned.host.identities.filesOnly)
  t.deepEqual(planned.host.hostKey.files, [join(home, 'known'), '/etc/ssh/ssh_known_hosts'])
  t.is(planned.host.hostKey.alias, 'a')
})

test('the inventory wins over ~/.ssh/config', (t) => {
  const config =
    'Host w\n HostName 192.0.2.1\n Port 2222\n User admin\n IdentityFile ~/k\n ProxyJump gate\n UserKnownHostsFile ~/known\n'
  const planned = route(
    {
      address: 'w',
      port: 22,
      user: 'deploy',
      identityFile: '~/own',
      proxyJump: [],
      knownHosts: '~/mine',
      passphrase: 'p',
    },
    config,
  )
  t.deepEqual(places(planned), ['deploy@192.0.2.1:22'])
  t.deepEqual(planned.host.identities.files, [{ path: join(home, 'own'), required: true }])
  t.is(planned.host.identities.passphrase, 'clear p')
  t.deepEqual(planned.host.hostKey.files, [join(home, 'mine')])
})

const jumps: readonly (readonly [
  title: string,
  jump: string | readonly string[],
  config: string,
  expected: readonly string[],
])[] = [
  ['one', 'gate', '', ['me@gate:22']],
  ['user and port', 'a@gate:2222', '', ['a@gate:2222']],
  ['a URL', 'ssh://a@gate:2222', '', ['a@gate:2222']],
  ['IPv6', 'a@[2001:db8::1]:2222', '', ['a@2001:db8::1:2222']],
  ['several in a text', 'one, two@two', '', ['me@one:22', 'two@two:22']],
  ['several in a list', ['one', 'two'], '', ['me@one:22', 'me@two:22']],
  ['the alias of one', 'gate', 'Host gate\n HostName 192.0.2.9\n User g\n Port 99\n', ['g@192.0.2.9:99']],
  ['one behind another', 'inner', 'Host inner\n ProxyJump outer\nHost outer\n User o\n', ['o@outer:22', 'me@inner:22']],
  [
    'only the first of a list has others before it',
    ['one', 'two'],
    'Host two\n ProxyJump three\n',
    ['me@one:22', 'me@two:22'],
  ],
]
for (const [title, proxyJump, config, expected] of jumps) {
  test(`jump hosts: ${title}`, (t) => {
    t.deepEqual(places(route({ address: 'w', proxyJump }, config)).slice(0, -1), [...expected])
  })
}

test('a jump host gets the key of the host behind it, and never its password', (t) => {
  const planned = route({ address: 'w', proxyJump: 'gate', identityFile: '/k', password: 'p' })
  t.is(planned.host.identities.password, 'clear p')
  t.is(planned.jumps[0]?.identities.password, undefined)
  t.deepEqual(planned.jumps[0]?.identities.files, [{ path: '/k', required: true }])
  t.is(planned.jumps[0]?.target.name, 'web1 via gate')
})

const refusals: readonly (readonly [
  title: string,
  connection: InventoryHost['connection'],
  config: string,
  message: RegExp,
])[] = [
  ['no host in a jump', { address: 'w', proxyJump: 'user@' }, '', /proxyJump is "user@", expected user@host:port/],
  [
    'jump hosts in a circle',
    { address: 'w', proxyJump: 'a' },
    'Host a\n ProxyJump b\nHost b\n ProxyJump a\n',
    /go in a circle/,
  ],
  ['ProxyCommand', { address: 'w' }, 'Host w\n ProxyCommand nc %h %p\n', /by ProxyCommand, which is not supported/],
]
for (const [title, connection, config, message] of refusals) {
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => route(connection, config), { message })
    t.true(isProvisionError(error) && error.code === 'inventory')
  })
}
