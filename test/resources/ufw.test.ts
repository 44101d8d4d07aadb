import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import type { Task } from '../../src/core/task.ts'
import { contains, parseNetwork } from '../../src/resources/ufw-address.ts'
import { normalRule, ruleLines, rulesText, tupleLine } from '../../src/resources/ufw-lines.ts'
import { parseTuple, type Tuple, tuplesOf, type UfwRule } from '../../src/resources/ufw-rule.ts'
import { ufwRuleset } from '../../src/resources/ufw-ruleset.ts'
import { facts, planOne, planTable } from './table.ts'

const ssh: UfwRule = { action: 'allow', port: 22 }
const web: UfwRule = { action: 'allow', port: '443,80' }
const database: UfwRule = { action: 'allow', port: 3306, from: '192.0.2.31', comment: 'mysql' }

interface HostState {
  readonly rules?: readonly UfwRule[]
  /** What the kernel has, if it is not what the files have. */
  readonly kernel?: { readonly 4: readonly string[]; readonly 6: readonly string[] }
  readonly enabled?: boolean
  readonly logging?: string
  readonly input?: 'ACCEPT' | 'DROP' | 'REJECT'
  readonly ipv6?: boolean
  readonly pending?: boolean
  readonly extra?: string
}

/** The probe's answer of a host in that state. */
function answer(state: HostState): string {
  const { rules = [ssh], enabled = true, logging = 'low', input = 'DROP', ipv6 = true } = state
  const family = (number: 4 | 6) => rules.flatMap((rule) => tuplesOf(rule, number))
  const file = (number: 4 | 6) =>
    family(number).flatMap((tuple) => [tupleLine(tuple), ...ruleLines(tuple)].map((line) => `file${number} ${line}`))
  const kernel = (number: 4 | 6) => {
    const prefix = number === 4 ? 'ufw' : 'ufw6'
    const lines = state.kernel?.[number] ?? family(number).flatMap(ruleLines)
    return [
      `-P INPUT ${input === 'ACCEPT' ? 'ACCEPT' : 'DROP'}`,
      '-P FORWARD DROP',
      '-P OUTPUT ACCEPT',
      ...['INPUT', 'OUTPUT', 'FORWARD'].flatMap((chain) => [
        `-A ${chain} -j ${prefix}-before-${chain.toLowerCase()}`,
        `-A ${prefix}-before-${chain.toLowerCase()} -j ${prefix}-user-${chain.toLowerCase()}`,
      ]),
      ...(input === 'REJECT' ? [`-A ${prefix}-reject-input -j REJECT --reject-with icmp-port-unreachable`] : []),
      `-A ${prefix}-user-limit -j REJECT --reject-with icmp-port-unreachable`,
      `-A ${prefix}-user-limit-accept -j ACCEPT`,
      ...lines,
    ].map((line) => `kernel${number} ${line}`)
  }
  return `${[
    'present',
    ...(state.pending ? ['pending'] : []),
    `conf ENABLED=${enabled ? 'yes' : 'no'}`,
    `conf LOGLEVEL=${logging}`,
    `conf DEFAULT_INPUT_POLICY="${input}"`,
    'conf DEFAULT_OUTPUT_POLICY="ACCEPT"',
    'conf DEFAULT_FORWARD_POLICY="DROP"',
    `conf IPV6=${ipv6 ? 'yes' : 'no'}`,
    'conf KERNEL6=yes',
    ...file(4),
    ...(ipv6 ? file(6) : []),
    ...(state.extra ? [state.extra] : []),
    ...(enabled ? kernel(4) : []),
    ...(enabled ? (ipv6 ? kernel(6) : ['kernel6 -P INPUT DROP']) : []),
  ].join('\n')}\n`
}

planTable([
  {
    title: 'changes nothing when files and kernel are as declared',
    task: ufwRuleset({ rules: [ssh, web, database] }),
    probe: answer({ rules: [ssh, web, database] }),
    expect: { unchanged: 'enabled, 5 rules in the kernel as declared' },
  },
  {
    title: 'is unknown while ufw is not installed',
    task: ufwRuleset({ rules: [ssh] }),
    probe: 'absent\n',
    expect: { unknown: 'ufw is not installed' },
  },
  {
    title: 'names one change for both families, and one for a rule of one address',
    task: ufwRuleset({ rules: [ssh, web, database] }),
    probe: answer({ rules: [ssh] }),
    expect: {
      changes: ['allow 80,443/tcp from anywhere: absent → present', 'allow 3306/tcp from 192.0.2.31: absent → present'],
    },
  },
  {
    title: 'removes rules of other hands',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({ rules: [ssh, { action: 'allow', port: 9999, protocol: 'any' }] }),
    expect: { changes: ['allow 9999 from anywhere: present → absent'] },
  },
  {
    title: 'removes application profiles and routes, whose tuples have other fields',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({
      extra:
        'file4 ### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in\nfile4 ### tuple ### route:allow any any 0.0.0.0/0 any 10.0.0.0/8 in_eth0!out_eth1',
    }),
    expect: {
      changes: [
        'allow profile Nginx Full from anywhere (IPv4): present → absent',
        'route:allow everything from 10.0.0.0/8 on eth0!out_eth1: present → absent',
      ],
    },
  },
  {
    title: 'says which family lacks a rule',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({}).replaceAll(/^(file|kernel)6 (###|-A ufw6-user-input).*\n/gm, ''),
    expect: { changes: ['allow 22/tcp from anywhere (IPv6): absent → present'] },
  },
  {
    title: 'notices the action, the comment and the order',
    task: ufwRuleset({ rules: [{ ...database, action: 'limit' }, { ...ssh, comment: 'ssh' }, web] }),
    probe: answer({ rules: [ssh, web, database] }),
    expect: {
      changes: [
        '3306/tcp from 192.0.2.31: allow → limit',
        "allow 22/tcp from anywhere: comment none → 'ssh'",
        'order of the rules differs: limit 3306/tcp from 192.0.2.31 must be number 1',
      ],
    },
  },
  {
    title: 'sees a chain that was flushed behind the files',
    task: ufwRuleset({ rules: [ssh, web] }),
    probe: answer({
      rules: [ssh, web],
      kernel: { 4: [], 6: [...tuplesOf(ssh, 6), ...tuplesOf(web, 6)].flatMap(ruleLines) },
    }),
    expect: { changes: ['IPv4: 0 of 2 rules in the kernel'] },
  },
  {
    title: 'sees a rule that somebody put into the kernel',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({
      kernel: {
        4: ['-A ufw-user-input -s 198.51.100.7/32 -j ACCEPT', '-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT'],
        6: ['-A ufw6-user-input -p tcp -m tcp --dport 22 -j ACCEPT'],
      },
    }),
    expect: { changes: ['IPv4: 1 of 1 rules in the kernel, 1 foreign'] },
  },
  {
    title: 'sees that the chains are not reached, or the policy is open',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({})
      .replace('kernel4 -A INPUT -j ufw-before-input\n', '')
      .replace('kernel6 -P INPUT DROP', 'kernel6 -P INPUT ACCEPT'),
    expect: {
      changes: [
        'IPv4: missing in the kernel: -A INPUT -j ufw-before-input',
        'IPv6: policy of INPUT in the kernel ACCEPT → DROP',
      ],
    },
  },
  {
    title: 'sees that limited rules lead nowhere',
    task: ufwRuleset({ rules: [{ ...ssh, action: 'limit' }] }),
    probe: answer({ rules: [{ ...ssh, action: 'limit' }] }).replace(/^kernel6 -A ufw6-user-limit-accept.*\n/m, ''),
    expect: { changes: ['IPv6: missing in the kernel: -A ufw6-user-limit-accept -j ACCEPT'] },
  },
  {
    title: 'sees a rule line in the file that is not its tuple’s',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({}).replace('file4 -A ufw-user-input -p tcp --dport 22', 'file4 -A ufw-user-input -p tcp --dport 23'),
    expect: { changes: ['rules in /etc/ufw/user.rules differ from their own tuples: written anew'] },
  },
  {
    title: 'sets policies, logging, IPv6 and enables last',
    task: ufwRuleset({ rules: [ssh], defaultIncoming: 'reject', logging: 'off', ipv6: false }),
    probe: answer({ enabled: false, input: 'ACCEPT' }),
    expect: {
      changes: ['default incoming allow → reject', 'logging low → off', 'IPv6 on → off', 'disabled → enabled'],
    },
  },
  {
    title: 'leaves the kernel alone where the firewall shall be off',
    task: ufwRuleset({ rules: [ssh], enabled: false }),
    probe: answer({ enabled: false }),
    expect: { unchanged: 'disabled, 2 rules on disk' },
  },
  {
    title: 'confirms a change that an interrupted run left waiting',
    task: ufwRuleset({ rules: [ssh] }),
    probe: answer({ pending: true }),
    expect: { changes: ['the last change was not confirmed → confirmed'] },
  },
  {
    title: 'refuses rules that do not let us in again',
    task: ufwRuleset({ rules: [web] }),
    probe: answer({}),
    expect: { refused: 'these rules do not let us in again: no rule allows port 22/tcp from 192.0.2.1' },
  },
  {
    title: 'refuses rules of which an earlier one shuts us out',
    task: ufwRuleset({ rules: [{ action: 'deny', from: '192.0.2.0/24' }, ssh] }),
    probe: answer({}),
    expect: { refused: 'these rules do not let us in again: no rule allows port 22/tcp from 192.0.2.1' },
  },
  {
    title: 'takes a range and a network that hold us',
    task: ufwRuleset({ rules: [{ action: 'limit', port: '20:23', from: ['198.51.100.1', '192.0.2.0/30'] }] }),
    probe: answer({ rules: [{ action: 'limit', port: '20:23', from: ['198.51.100.1', '192.0.2.0/30'] }] }),
    expect: { unchanged: 'enabled, 6 rules in the kernel as declared' },
  },
  {
    title: 'asks the rules of our own family, and the port that we came in by',
    task: ufwRuleset({ rules: [{ action: 'allow', port: 2200, from: '192.0.2.1' }] }),
    facts: { controllerAddress: '2001:db8::1', sshPort: 2200 },
    probe: answer({}),
    expect: { refused: 'these rules do not let us in again: no rule allows port 2200/tcp from 2001:db8::1' },
  },
  {
    title: 'needs no way in over a local connection',
    task: ufwRuleset({ rules: [] }),
    facts: { controllerAddress: '', sshPort: 0 },
    probe: answer({ rules: [] }),
    expect: { unchanged: 'enabled, 0 rules in the kernel as declared' },
  },
])

const context = { facts, check: false }
const scriptsOf = (task: Task, probe: string) => {
  const plan = planOne(task, probe, context)
  if (!('changes' in plan)) throw new Error(JSON.stringify(plan))
  return { plan, steps: plan.changes.flatMap((change) => change.steps) }
}

test('ufw.ruleset: odd comments travel as hexadecimal text in the input, never in a script', (t) => {
  const comment = `-x "q" 'q' $HOME \`id\` %s é`
  const { plan, steps } = scriptsOf(ufwRuleset({ rules: [{ ...ssh, comment }] }), answer({}))
  t.deepEqual(
    plan.changes.map((change) => change.summary),
    [`allow 22/tcp from anywhere: comment none → '-x "q" 'q' $HOME \`id\` %s é'`],
  )
  const hex = Buffer.from(comment).toString('hex')
  t.is(
    steps[0]?.input,
    `\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=${hex}\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n`,
  )
  t.false(steps.some((step) => step.script.includes('HOME \\`id') || step.script.includes(hex)))
  t.is('confirm' in plan ? plan.confirm : 'none', 'none', 'a comment cannot cut us off')
})

test('ufw.ruleset: the revert is armed before anything else, and every later step triggers it when it fails', (t) => {
  const { plan, steps } = scriptsOf(ufwRuleset({ rules: [ssh, web], revertAfter: 90 }), answer({}))
  t.regex(steps[0]?.script ?? '', /systemd-run .* --on-active=90 /)
  t.true(steps.slice(1).every((step) => step.script.startsWith(`trap 'code=$?; [ "$code" = 0 ] || { sh /run/`)))
  t.is(plan.confirm?.what, 'the new firewall rules')
})

test('ufw.ruleset: ufw’s own commands run only for what differs', (t) => {
  const load = ['iptables-restore -w 10 -n </etc/ufw/user.rules', 'ip6tables-restore -w 10 -n </etc/ufw/user6.rules']
  const commands = (task: Task, probe: string) =>
    scriptsOf(task, probe)
      .steps.slice(1)
      .flatMap((step) => step.script.split('\n'))
      .filter((line) => /^(ufw |iptables-restore|ip6tables-restore|clear_chains [a-z])/.test(line))
  const declared = ufwRuleset({ rules: [ssh] })
  t.deepEqual(commands(ufwRuleset({ rules: [ssh, web] }), answer({})), load)
  t.deepEqual(commands(declared, answer({ logging: 'high' })), ['ufw logging low'])
  t.deepEqual(commands(declared, answer({ input: 'ACCEPT' })), ['ufw default deny incoming', ...load])
  t.deepEqual(commands(declared, answer({ enabled: false })), ['ufw logging low', 'ufw --force enable', ...load])
  t.deepEqual(commands(ufwRuleset({ rules: [ssh], enabled: false }), answer({})), ['ufw --force disable'])
  const unreached = answer({}).replace('kernel4 -A INPUT -j ufw-before-input\n', '')
  t.deepEqual(commands(declared, unreached), ['clear_chains iptables ufw', 'ufw reload', ...load])
})

for (const [garbage, message] of [
  ['', "ufw: expected 'present' or 'absent' first, found ''"],
  ['sh: 1: ufw: not found\n', "ufw: expected 'present' or 'absent' first, found 'sh: 1: ufw: not found'"],
  ['present\nnonsense here\n', "ufw: unexpected line 'nonsense here'"],
  ['present\nfile4 ### tuple ### allow tcp\n', "ufw: a tuple that nobody can read: '### tuple ### allow tcp'"],
] as const) {
  test(`ufw.ruleset: the answer ${JSON.stringify(garbage)} is an error`, (t) => {
    const error = t.throws(() => planOne(ufwRuleset({ rules: [ssh] }), garbage, context))
    t.true(isProvisionError(error))
    t.is(error?.message, message)
  })
}

const misuse: readonly (readonly [string, readonly object[], string])[] = [
  [
    'two actions for the same packets',
    [ssh, { action: 'limit', port: 22 }],
    "ufw.ruleset: rules 1 and 2 say 'allow' and 'limit' of the same packets: 22/tcp from anywhere",
  ],
  [
    'a list of ports without a protocol',
    [{ ...web, protocol: 'any' }],
    "ufw.ruleset: rule 1: the ports '443,80' need protocol 'tcp' or 'udp'",
  ],
  [
    'a port where there are none',
    [{ action: 'allow', protocol: 'vrrp', port: 80 }],
    'ufw.ruleset: rule 1: vrrp has no ports',
  ],
  [
    'two families in one rule',
    [{ action: 'allow', from: '192.0.2.1', to: '2001:db8::1' }],
    "ufw.ruleset: rule 1: 'from' and 'to' must both be IPv4 or both be IPv6",
  ],
]
for (const [title, rules, message] of misuse) {
  test(`ufw.ruleset: ${title} is refused`, (t) => {
    t.is(t.throws(() => ufwRuleset({ rules: rules as UfwRule[] }))?.message, message)
  })
}

for (const rule of [
  { action: 'allow', port: 0 },
  { action: 'allow', port: '80,' },
  { action: 'allow', port: '90:80' },
  { action: 'allow', port: 'http' },
  { action: 'allow', port: Array.from({ length: 16 }, (_, index) => index + 1).join(',') },
  { action: 'allow', from: 'www.foobar.com' },
  { action: 'allow', from: '192.0.2.1/33' },
  { action: 'allow', from: '1.2.3.4; reboot' },
  { action: 'allow', interface: 'eth0; reboot' },
  { action: 'allow', comment: 'two\nlines' },
  { action: 'open', port: 22 },
  { action: 'allow', prot: 'tcp' },
]) {
  test(`ufw.ruleset: ${JSON.stringify(rule)} is refused`, (t) => {
    t.true(isProvisionError(t.throws(() => ufwRuleset({ rules: [rule as UfwRule] }))))
  })
}

test('ufw.ruleset: the rule text is what ufw 0.36 writes', (t) => {
  const rules: UfwRule[] = [
    { action: 'limit', port: 2222 },
    { action: 'reject', port: 23, protocol: 'any' },
    { action: 'deny', port: 25, direction: 'out', interface: 'eth0' },
    { action: 'allow', port: '6000:6010', protocol: 'udp', from: '10.1.2.3/8', interface: 'host0' },
    { action: 'allow', protocol: 'vrrp', from: '10.0.0.3', to: '10.9.9.9' },
  ]
  t.is(
    rulesText(rules.flatMap((rule) => tuplesOf(rule, 4))),
    `
### tuple ### limit tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 2222 -j ufw-user-limit-accept

### tuple ### reject any 23 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 23 -j REJECT --reject-with tcp-reset
-A ufw-user-input -p udp --dport 23 -j REJECT

### tuple ### deny tcp 25 0.0.0.0/0 any 0.0.0.0/0 out_eth0
-A ufw-user-output -o eth0 -p tcp --dport 25 -j DROP

### tuple ### allow udp 6000:6010 0.0.0.0/0 any 10.0.0.0/8 in_host0
-A ufw-user-input -i host0 -p udp -m multiport --dports 6000:6010 -s 10.0.0.0/8 -j ACCEPT

### tuple ### allow vrrp any 10.9.9.9 any 10.0.0.3 in
-A ufw-user-input -p vrrp -d 10.9.9.9 -s 10.0.0.3 -j ACCEPT
`,
  )
})

for (const [written, printed] of [
  ['-A ufw-user-input -p tcp --dport 22 -j ACCEPT', '-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT'],
  [
    '-A ufw-user-input -i host0 -p udp -m multiport --dports 6000:6010 -s 10.0.0.7 -j ACCEPT',
    '-A ufw-user-input -s 10.0.0.7/32 -i host0 -p udp -m multiport --dports 6000:6010 -j ACCEPT',
  ],
  [
    '-A ufw-user-input -p udp --dport 23 -j REJECT',
    '-A ufw-user-input -p udp -m udp --dport 23 -j REJECT --reject-with icmp-port-unreachable',
  ],
  ['-A ufw-user-input -p vrrp -s 10.0.0.3 -j ACCEPT', '-A ufw-user-input -s 10.0.0.3/32 -p 112 -j ACCEPT'],
  [
    '-A ufw6-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set',
    '-A ufw6-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name DEFAULT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource',
  ],
] as const) {
  test(`ufw.ruleset: the kernel's spelling of ${written} is the same rule`, (t) => {
    t.is(normalRule(printed), normalRule(written))
  })
}

test('ufw.ruleset: rules that differ in one word are not the same', (t) => {
  const rule = '-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT'
  const others = [
    rule.replace('22', '23'),
    rule.replace('tcp -m tcp', 'udp -m udp'),
    rule.replace('ACCEPT', 'DROP'),
    rule.replace('-j', '-s 10.0.0.1/32 -j'),
    rule.replace('-j', '-i eth0 -j'),
    rule.replace('input', 'output'),
  ]
  t.is(new Set([rule, ...others].map(normalRule)).size, 7)
})

test('ufw.ruleset: a tuple survives writing and reading, comment included', (t) => {
  const [tuple] = tuplesOf({ action: 'allow', port: '80,443', from: '2001:DB8:0::/33', comment: 'é ’' }, 6)
  t.deepEqual(parseTuple(tupleLine(tuple as Tuple), 6), tuple)
  t.is(tuple?.from, '2001:db8::/33')
})

test('addresses: host bits go, single addresses lose their prefix, IPv6 is shortened', (t) => {
  const texts = [
    '10.1.2.3/8',
    '10.1.2.3/32',
    '2001:DB8:0:0::0001/128',
    '2001:db8:ffff::1/33',
    '::ffff:192.0.2.1',
    '0.0.0.0/0',
  ]
  t.deepEqual(
    texts.map((text) => parseNetwork(text)?.text),
    ['10.0.0.0/8', '10.1.2.3', '2001:db8::1', '2001:db8:8000::/33', '::ffff:c000:201', '0.0.0.0/0'],
  )
  for (const bad of ['', 'x', '10.0.0.1/33', '10.0.0/8', '::1/129', 'fe80::1%eth0', '10.0.0.1/8/8', '10.0.0.1/'])
    t.is(parseNetwork(bad), undefined, bad)
})

test('addresses: a network holds its own addresses and no others', (t) => {
  const net = parseNetwork('192.0.2.0/25')
  t.true(net && contains(net, '192.0.2.127'))
  t.false(net && contains(net, '192.0.2.128'))
  t.false(net && contains(net, '2001:db8::1'))
})
