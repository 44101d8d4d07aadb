import test from 'ava'
import { holds, openTo } from '../../judge/declared.ts'
import { hostsOfComment, layoutNames, layoutOf } from '../../judge/layout.ts'
import { compare, parseGreppable, parseListening } from '../../judge/tools/nmap.ts'
import type { UfwRule } from '../../src/resources/ufw-rule.ts'

test('a port is open to whom a rule names, and the first rule that fits decides', (t) => {
  const rules: UfwRule[] = [
    { action: 'deny', from: '192.0.2.9', comment: 'blocked' },
    { action: 'deny', port: 3306, from: '192.0.2.8' },
    { action: 'allow', port: '22' },
    { action: 'allow', port: '80,443', protocol: 'tcp' },
    { action: 'allow', port: 3306, protocol: 'tcp', from: ['192.0.2.0/28', '198.51.100.1'] },
    { action: 'allow', port: 53, protocol: 'udp' },
    { action: 'allow', protocol: 'vrrp', from: '192.0.2.7' },
    { action: 'allow', port: '6000:6002', direction: 'out' },
  ]
  t.deepEqual(openTo(rules, '203.0.113.5'), [22, 80, 443])
  t.deepEqual(openTo(rules, '192.0.2.7'), [22, 80, 443, 3306])
  t.deepEqual(openTo(rules, '192.0.2.8'), [22, 80, 443])
  t.deepEqual(openTo(rules, '192.0.2.9'), [])
})

test('an address lies in a network', (t) => {
  t.true(holds('192.0.2.0/24', '192.0.2.200'))
  t.false(holds('192.0.2.0/25', '192.0.2.200'))
  t.true(holds('0.0.0.0/0', '203.0.113.1'))
  t.true(holds('any', '203.0.113.1'))
  t.false(holds('2001:db8::/32', '203.0.113.1'))
})

test('what is open and what was declared are compared both ways', (t) => {
  t.deepEqual(compare('web1', 'judge1', [22, 80], [22, 80]), [])
  t.deepEqual(compare('web1', 'judge1', [22, 80], [22, 3306]), [
    'web1 has 3306 open to judge1, which nothing declares',
    'web1 declares 80 to judge1, and nothing answers there',
  ])
})

test("nmap's greppable output gives the open ports of each host, also of one without any", (t) => {
  const text = `# Nmap 7.99 scan initiated Sat Nov 21 14:40:00 2026 as: nmap -Pn -n -p- -oG - 10.70.1.11 10.70.1.12
Host: 10.70.1.11 ()	Status: Up
Host: 10.70.1.11 ()	Ports: 22/open/tcp//ssh///, 80/open/tcp//http///, 443/closed/tcp//https///	Ignored State: filtered (65532)
Host: 10.70.1.12 ()	Status: Up
Host: 10.70.1.12 ()	Ignored State: filtered (65535)
# Nmap done at Sat Nov 21 14:41:00 2026 -- 2 IP addresses (2 hosts up) scanned in 60.01 seconds
`
  t.deepEqual(
    [...parseGreppable(text)],
    [
      ['10.70.1.11', [22, 80]],
      ['10.70.1.12', []],
    ],
  )
})

test('ss: ports of any address, each once', (t) => {
  const text = `LISTEN 0      4096         0.0.0.0:22         0.0.0.0:*
LISTEN 0      4096       127.0.0.1:8404       0.0.0.0:*
LISTEN 0      4096            [::]:22            [::]:*
LISTEN 0      151                *:3306             *:*
`
  t.deepEqual(parseListening(text), [22, 8404, 3306])
})

test("every layout's inventory says which lab hosts it needs", (t) => {
  t.deepEqual(hostsOfComment('// provision lab up --host a1:sid --host b1\nimport x\n// --host c1'), [
    { name: 'a1', suite: 'sid' },
    { name: 'b1' },
  ])
  const counts = Object.fromEntries(layoutNames.map((name) => [name, layoutOf(name).hosts.length]))
  t.deepEqual([counts['three-hosts'], counts['three-hosts-no-single-point']], [3, 3])
  t.true((counts.production ?? 0) >= 5)
})
