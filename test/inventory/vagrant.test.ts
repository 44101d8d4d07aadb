import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'
import { vagrantHosts, vagrantInventory } from '../../src/inventory/vagrant.ts'
import { failureOf, makeProject } from './project.ts'

const output = `Host web1
  HostName 127.0.0.1
  User vagrant
  Port 2222
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/home/ada lovelace/.vagrant/machines/web1/private_key"
  IdentityFile /home/ada/.vagrant.d/insecure_private_key
  IdentitiesOnly yes
  LogLevel FATAL
  PubkeyAcceptedKeyTypes +ssh-rsa

Host db1
  HostName 192.168.56.12
  User=debian
  ProxyJump a@b,c
  UserKnownHostsFile /home/ada/known
`

test('each Host block of vagrant ssh-config becomes a host', (t) => {
  t.deepEqual(vagrantHosts(output), {
    web1: {
      address: '127.0.0.1',
      port: 2222,
      user: 'vagrant',
      identityFile: '/home/ada lovelace/.vagrant/machines/web1/private_key',
      hostKeyChecking: 'off',
    },
    db1: { address: '192.168.56.12', user: 'debian', proxyJump: ['a@b', 'c'], knownHosts: '/home/ada/known' },
  })
})

test('line ends of Windows are read too', (t) => {
  t.deepEqual(vagrantHosts('Host a\r\n  HostName 10.0.0.1\r\n  Port 22\r\n'), { a: { address: '10.0.0.1', port: 22 } })
})

test('output without hosts is told', async (t) => {
  t.deepEqual(await failureOf(() => vagrantHosts('')), {
    code: 'inventory',
    message: "vagrant ssh-config: expected 'Host NAME' blocks, found nothing",
    hint: 'vagrant up',
  })
  t.is(
    (await failureOf(() => vagrantHosts('oops\nmore'))).message,
    "vagrant ssh-config: expected 'Host NAME' blocks, found 'oops'",
  )
  t.is(
    (await failureOf(() => vagrantHosts('Host a\n  Port x'))).message,
    "vagrant ssh-config: Host a: Port 'x', expected a number",
  )
})

/** Runs with a `vagrant` of our own first in PATH. */
async function withVagrant<T>(script: string | undefined, body: (folder: string) => T): Promise<Awaited<T>> {
  const folder = makeProject(script === undefined ? {} : { 'bin/vagrant': `#!/bin/sh\n${script}\n` })
  if (script !== undefined) chmodSync(join(folder, 'bin/vagrant'), 0o755)
  const path = process.env.PATH
  process.env.PATH = script === undefined ? folder : `${join(folder, 'bin')}:${path}`
  try {
    return await body(folder)
  } finally {
    process.env.PATH = path
  }
}

test.serial('the inventory asks vagrant in its folder and takes the rest as written', async (t) => {
  await withVagrant(
    '[ "$1" = ssh-config ] && pwd >asked && printf "Host a\\n  HostName 10.0.0.1\\n  User vagrant\\n"',
    (folder) => {
      const inventory = resolveInventory(
        vagrantInventory({ folder, groups: { web: ['a'] }, hosts: { a: { user: 'root', vars: { x: 1 } } } }),
      )
      t.like(inventory.host('a'), {
        connection: { address: '10.0.0.1', user: 'root' },
        groups: ['all', 'web'],
        vars: { x: 1 },
      })
      t.true(inventory.locate([]).get()?.file.endsWith('vagrant.test.ts'))
    },
  )
})

test.serial('what vagrant says is shown when it fails', async (t) => {
  await withVagrant('echo "A Vagrant environment is required" >&2; exit 1', async () => {
    t.deepEqual(await failureOf(() => vagrantInventory()), {
      code: 'inventory',
      message: 'vagrant ssh-config failed',
      detail: 'A Vagrant environment is required',
    })
  })
  await withVagrant(undefined, async () => {
    t.is((await failureOf(() => vagrantInventory())).message, 'vagrant was not found, expected it to be installed')
  })
})

test.serial('a machine that is not up is told', async (t) => {
  await withVagrant('printf "Host a\\n  HostName 10.0.0.1\\n"', async () => {
    const { message, hint } = await failureOf(() => vagrantInventory({ hosts: { b: { vars: {} } } }))
    t.deepEqual([message, hint], ["vagrantInventory: no machine 'b' is up", 'vagrant up b'])
  })
})
