// The firewall on real hosts: converges, and sees through to the kernel. That it never keeps us out: lock-out.test.ts.
import { connect as connectTcp } from 'node:net'
import test from 'ava'
import { firewall } from '../../roles/firewall.ts'
import { play } from '../../src/core/play.ts'
import { role } from '../../src/core/role.ts'
import type { Task } from '../../src/core/task.ts'
import type { UfwRule } from '../../src/resources/ufw-rule.ts'
import { ufwRuleset } from '../../src/resources/ufw-ruleset.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from './harness.ts'

const hosts = ['fw1', 'fw2'] as const
const lab = useLab(test, 'firewall', ['fw1:bookworm', 'fw2:trixie'])

const ssh: UfwRule = { action: 'allow', port: 22, comment: 'ssh' }
/** Everything that a rule can say, with comments that a shell would stumble over. */
const all: readonly UfwRule[] = [
  ssh,
  { action: 'allow', port: '443,80', comment: `-x "double" 'single' $HOME \`id\` %s ü` },
  { action: 'limit', port: 2222 },
  { action: 'reject', port: 23, protocol: 'any' },
  { action: 'reject', port: 113 },
  { action: 'deny', port: 25, direction: 'out' },
  { action: 'allow', port: '6000:6010', protocol: 'udp', from: ['10.1.2.3/8', '2001:DB8::1/33'], interface: 'host0' },
  { action: 'allow', protocol: 'vrrp', from: '10.0.0.3' },
  { action: 'allow', from: '2001:DB8::1/128' },
  { action: 'allow', port: 3306, to: '10.9.9.9', from: '10.0.0.7', comment: '--' },
]

const application = role(
  'application',
  { params: {}, openings: () => [{ port: 8080, comment: `the app's "port"` }] },
  () => [],
)
const database = role(
  'database',
  {
    params: {},
    openings: (_params, host) => [
      { port: 3306, from: [host.inventory.host('fw2').connection.address], comment: 'database' },
      { port: 3307, from: [], comment: 'nobody' },
    ],
  },
  () => [],
)
const site = () => [play({ hosts: 'all', roles: [firewall(), application(), database()] })]
const only = (host: string, tasks: Task) => [play({ hosts: host, tasks })]
const summaries = (ran: Ran) =>
  ran.events.flatMap((event) => (event.type === 'task:end' ? event.changes.map((change) => change.summary) : []))
const files = "cat /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf; grep '^[A-Z]' /etc/default/ufw"
const kernel = 'iptables -S; ip6tables -S'
/** All but what this test itself comes in by. */
const flushed = 'iptables -F ufw-user-input; iptables -A ufw-user-input -p tcp --dport 22 -j ACCEPT'
const armed =
  'ls -d /run/hostwright/revert/ufw/armed /run/systemd/transient/provision-revert-ufw-*.timer 2>/dev/null || true'

test.serial('check mode on a fresh host cannot know, says so, and installs nothing', async (t) => {
  const ran = await lab().run(site(), { check: true })
  t.deepEqual(
    ran.log.filter((line) => line.includes('ufw.ruleset')).sort(), // hosts run side by side
    hosts.map((host) => `${host} unknown firewall › ufw.ruleset 3 rules`),
  )
  for (const host of hosts) t.not((await lab().on(host, 'command -v ufw')).code, 0)
})

test.serial('the role opens what the roles declare and nothing else, and a second run changes nothing', async (t) => {
  const first = await lab().run(site())
  t.deepEqual(first.errors, [])
  const second = await lab().run(site())
  t.deepEqual(second.errors, [])
  for (const host of hosts) {
    t.is(second.result.hosts[host]?.changed, 0)
    t.is(second.result.hosts[host]?.requests, 1, 'facts and probe in one request')
    t.is(await lab().must(host, armed), '')
  }
  for (const host of hosts)
    for (const port of [8080, 3306, 3307, 9999])
      await lab().must(
        host,
        `systemd-run -q --unit=t${port} --socket-property=ListenStream=${port} /bin/sleep infinity`,
      )
  for (const host of hosts)
    t.deepEqual(await openPorts(lab().address(host), [22, 80, 3306, 3307, 8080, 9999]), [22, 8080])
  const fromPeer = (port: number) =>
    lab()
      .on('fw2', `timeout 3 bash -c '</dev/tcp/${lab().address('fw1')}/${port}'`)
      .then((result) => result.code === 0)
  t.deepEqual(
    [await fromPeer(8080), await fromPeer(3306), await fromPeer(3307), await fromPeer(9999)],
    [true, true, false, false],
  )
})

test.serial('verify passes, and fails when the chain is flushed', async (t) => {
  t.deepEqual((await lab().run(site(), { verify: true })).errors, [])
  await lab().must('fw1', flushed)
  const ran = await lab().run(site(), { verify: true })
  t.true(
    ran.errors.some((error) => error.startsWith('fw1: ') && error.includes('the kernel has a rule for every rule')),
  )
  await lab().run(site())
})

test.serial('the files are what ufw itself would write, byte for byte, and the kernel has every rule', async (t) => {
  const task = () => [play({ hosts: 'all', tasks: ufwRuleset({ rules: [...all] }) })]
  t.deepEqual((await lab().run(task())).errors, [])
  for (const host of hosts) {
    const before = await lab().must(host, files)
    await lab().must(host, 'ufw logging low')
    t.is(await lab().must(host, files), before)
    t.true((await lab().must(host, 'ufw status')).includes(all[1]?.comment ?? '?'))
  }
  const again = await lab().run(task())
  for (const host of hosts) t.is(again.result.hosts[host]?.changed, 0)
})

const drifts: readonly (readonly [string, string, string])[] = [
  ['a flushed chain', flushed, 'IPv4: 1 of 2 rules in the kernel'],
  ['a rule deleted in the kernel', 'ip6tables -D ufw6-user-input 1', 'IPv6: 1 of 2 rules in the kernel'],
  [
    'a rule put into the kernel',
    'iptables -I ufw-user-input -s 198.51.100.7 -j ACCEPT',
    'IPv4: 2 of 2 rules in the kernel, 1 foreign',
  ],
  [
    'an emptied firewall',
    'iptables -P INPUT ACCEPT; iptables -F; iptables -X',
    'IPv4: policy of INPUT in the kernel ACCEPT → DROP',
  ],
  [
    'chains that are not reached',
    'iptables -I INPUT -j ACCEPT; iptables -D INPUT -j ufw-before-input',
    'IPv4: missing in the kernel: -A INPUT -j ufw-before-input',
  ],
  ['a foreign rule', 'ufw allow 9999', 'allow 9999 from anywhere: present → absent'],
  ['a changed action', 'ufw limit 80/tcp', '80/tcp from anywhere: limit → allow'],
  ['an open policy', 'ufw default allow incoming', 'default incoming allow → deny'],
  ['a disabled firewall', 'ufw --force disable', 'disabled → enabled'],
  ['a reset', 'ufw --force reset', 'allow 22/tcp from anywhere: absent → present'],
  ['another loudness', 'ufw logging high', 'logging high → low'],
  [
    'a line edited by hand',
    'sed -i "s/--dport 80 /--dport 81 /" /etc/ufw/user.rules',
    'rules in /etc/ufw/user.rules differ from their own tuples: written anew',
  ],
  ['IPv6 switched off', 'sed -i s/^IPV6=yes/IPV6=no/ /etc/default/ufw; ufw reload', 'IPv6 off → on'],
]
for (const [title, harm, sentence] of drifts) {
  test.serial(`${title} is noticed and repaired`, async (t) => {
    const task = () => only('fw2', ufwRuleset({ rules: [ssh, { action: 'allow', port: 80 }], ipv6: true }))
    t.deepEqual((await lab().run(task())).errors, [])
    const before = { files: await lab().must('fw2', files), kernel: await lab().must('fw2', kernel) }
    await lab().must('fw2', harm)
    const checked = await lab().run(task(), { check: true })
    t.true(summaries(checked).includes(sentence), summaries(checked).join('\n'))
    const ran = await lab().run(task())
    t.deepEqual(ran.errors, [])
    t.deepEqual(summaries(ran), summaries(checked))
    t.is(await lab().must('fw2', files), before.files)
    // A rule in a builtin chain stays: ufw calls it none of its own, nor those that it leaves there itself without IPv6.
    const foreign = (text: string) => text.replaceAll(/^-A (INPUT|OUTPUT) (-[io] lo )?-j ACCEPT\n/gm, '')
    t.is(sortedLines(foreign(await lab().must('fw2', kernel))), sortedLines(before.kernel))
    await lab().on('fw2', 'iptables -D INPUT -j ACCEPT')
    const again = await lab().run(task())
    t.is(again.result.hosts.fw2?.changed, 0)
  })
}

test.serial('policies, IPv6 and the switch itself go there and back', async (t) => {
  const states = [
    { defaultIncoming: 'reject', defaultRouted: 'allow', ipv6: false, logging: 'off' },
    { enabled: false },
    { ipv6: true, defaultOutgoing: 'deny' },
    { ipv6: true },
  ] as const
  for (const state of states) {
    const rules: UfwRule[] = [
      ssh,
      { action: 'limit', port: 2222 },
      { action: 'allow', port: '53,80,443', protocol: 'tcp', direction: 'out' },
    ]
    const task = () => [play({ hosts: 'all', tasks: ufwRuleset({ rules, ...state }) })]
    t.deepEqual((await lab().run(task())).errors, [], JSON.stringify(state))
    const again = await lab().run(task())
    for (const host of hosts) t.is(again.result.hosts[host]?.changed, 0, JSON.stringify(state))
  }
})

test.serial('a role with ssh sources that leave out the controller is refused', async (t) => {
  const ran = await lab().run([play({ hosts: 'fw1', roles: [firewall({ sshSources: ['192.0.2.0/24'] })] })])
  t.regex(ran.errors[0] ?? '', /do not let us in again/)
  const limited = firewall({ sshSources: ['192.0.2.0/24'], sshLimitOthers: true })
  t.deepEqual((await lab().run([play({ hosts: 'fw1', roles: [limited] })])).errors, [])
  t.regex(await lab().must('fw1', 'ufw status'), /22\/tcp +ALLOW +192\.0\.2\.0\/24 [\s\S]*22\/tcp +LIMIT +Anywhere /)
})

test.serial('a step that fails puts the previous rules back at once', async (t) => {
  const before = await lab().must('fw1', files)
  await lab().must(
    'fw1',
    `cat >/usr/local/sbin/iptables-restore <<'END'
#!/bin/sh
if [ -e /root/failed-once ]; then exec /usr/sbin/iptables-restore "$@"; fi
touch /root/failed-once
echo 'no such table' >&2
exit 3
END
chmod +x /usr/local/sbin/iptables-restore`,
  )
  const ran = await lab().run(only('fw1', ufwRuleset({ rules: [ssh] })))
  await lab().must('fw1', 'rm /usr/local/sbin/iptables-restore /root/failed-once')
  t.regex(ran.errors[0] ?? '', /no such table/)
  t.is(ran.result.hosts.fw1?.failed, 1)
  t.is(await lab().must('fw1', files), before)
  t.is(await lab().must('fw1', armed), '')
  t.deepEqual((await lab().run(only('fw1', ufwRuleset({ rules: [ssh] })))).errors, [])
})

/** The ports that take a connection from here. */
async function openPorts(address: string, ports: readonly number[]): Promise<readonly number[]> {
  const answers = await Promise.all(
    ports.map(
      (port) =>
        new Promise<boolean>((resolve) => {
          const socket = connectTcp({ host: address, port, timeout: 2000 })
          const end = (open: boolean) => {
            socket.destroy()
            resolve(open)
          }
          socket.on('connect', () => end(true))
          socket.on('timeout', () => end(false))
          socket.on('error', () => end(false))
        }),
    ),
  )
  return ports.filter((_, index) => answers[index])
}

function sortedLines(text: string): string {
  return text.split('\n').sort().join('\n')
}
