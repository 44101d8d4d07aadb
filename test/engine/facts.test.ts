import { execFileSync, spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import test from 'ava'
import { gather, parseFacts } from '../../src/engine/facts.ts'
import type { Connection, Step } from '../../src/transport/connection.ts'

/** A connection that runs steps here, by this shell. */
function here(shell: readonly [string, ...string[]]): Connection {
  const [command, ...args] = shell
  const run = async (steps: readonly Step[]) =>
    steps.map(({ script }) => {
      const { status, stdout, stderr } = spawnSync(command, [...args, '-c', `set -eu;${script}`], { encoding: 'utf8' })
      return { code: status ?? -1, stdout, stderr, timedOut: false }
    })
  return { run, probeFresh: async () => {}, requests: 0, close: async () => {} } as unknown as Connection
}

const shells: readonly (readonly [string, ...string[]])[] = [['sh'], ['bash'], ['busybox', 'sh']]
for (const shell of shells) {
  test(`${shell.join(' ')}: what this machine says of itself`, async (t) => {
    const { gathered } = await gather(here(shell), 'web1')
    const { facts } = gathered
    t.is(facts.hostname, hostname())
    t.is(facts.kernel, execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim())
    t.is(facts.debArchitecture, execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim())
    t.is(facts.user, execFileSync('id', ['-un'], { encoding: 'utf8' }).trim())
    t.is(facts.cpus, Number(execFileSync('nproc', { encoding: 'utf8' })))
    t.true(facts.memoryMegabytes > 64)
    t.regex(facts.bootId, /^[0-9a-f-]{36}$/)
    t.regex(facts.os.id, /^[a-z]+$/)
  })
}

const said = `os.id=debian
os.version=12
os.codename=bookworm
os.like=
hostname=web1
kernel=6.1.0
architecture=aarch64
debArchitecture=arm64
virtualization=lxc
cpus=0-3,8
memoryKilobytes=2048000
2: eth0    inet6 2001:db8::1/64 scope global \\       valid_lft forever
3: eth1    inet 10.1.0.2/24 brd 10.1.0.255 scope global eth1\\       valid_lft forever
route=100 eth0
route=0 *
route=50 eth1
user=root
loginUser=debian
bootId=x
ssh=192.0.2.1 50000 192.0.2.2 2222
mark=0123456789abcdef01234567 reload nginx
`

test('addresses of version 4 first; the interface of the route with the lowest metric; CPUs as a list', (t) => {
  const { facts, loginUser, marks } = parseFacts(said)
  t.deepEqual(facts.addresses, ['10.1.0.2', '2001:db8::1'])
  t.is(facts.interface, 'eth1')
  t.is(facts.cpus, 5)
  t.true(facts.isContainer)
  t.is(facts.memoryMegabytes, 2000)
  t.is(facts.controllerAddress, '192.0.2.1')
  t.is(facts.sshPort, 2222)
  t.is(loginUser, 'debian')
  t.deepEqual(marks, [{ key: '0123456789abcdef01234567', name: 'reload nginx' }])
})

test('a virtual machine is no container; without a route the first address says the interface', (t) => {
  const { facts } = parseFacts('virtualization=kvm\n2: ens3 inet 10.0.0.5/24\n')
  t.false(facts.isContainer)
  t.is(facts.virtualization, 'kvm')
  t.is(facts.interface, 'ens3')
  t.is(facts.cpus, 1)
})
