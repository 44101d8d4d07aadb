import { join } from 'node:path'
import test from 'ava'
import { floatingAddressOf } from '../../roles/floating-address.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { type KeepalivedParams, keepalived } from '../../roles/keepalived.ts'
import { renderTemplate } from '../../src/template/render.ts'
import { type PlanOfOptions, planOf } from '../../src/testing/plan-of.ts'

const pair = { name: 'lb1', groups: ['lb'], others: { lb: ['lb2'], web: ['web1'] } }
const site = (floatingAddress: unknown) => ({ site: { floatingAddress } })

/** The text of a file that a role writes. */
function written(use: Parameters<typeof planOf>[0], options: PlanOfOptions, dest: string): string {
  const args = planOf(use, options).find((task) => task.args.dest === dest)?.args
  return renderTemplate({
    file: join(import.meta.dirname, '../../templates', String(args?.src)),
    vars: args?.vars as Record<string, unknown>, // what the role passes to its template
    secrets: { reveal: String, onReveal: () => undefined } as never, // there are none
  })
}
const configuration = (params: KeepalivedParams = {}, options: PlanOfOptions = pair, address = '192.0.2.100') =>
  written(keepalived(params), { vars: site(address), ...options }, '/etc/keepalived/keepalived.conf')
const lines = (text: string, pattern: RegExp) => text.split('\n').filter((line) => pattern.test(line))

test('the address goes to the interface of the default route, and is told to the other balancers alone', (t) => {
  const text = configuration()
  t.deepEqual(
    lines(text, /^\t(interface|virtual_router_id|priority|advert_int|unicast_src_ip|nopreempt|\t192)/).map((line) =>
      line.trim(),
    ),
    [
      'nopreempt',
      'interface eth0',
      'virtual_router_id 100',
      'priority 200',
      'advert_int 0.5',
      'unicast_src_ip 192.0.2.11',
      '192.0.2.12 min_ttl 255 max_ttl 255',
      '192.0.2.100 dev eth0',
    ],
  )
})

test('each balancer knows its place in the inventory and all its peers', (t) => {
  const hosts = ['lb1', 'lb2', 'lb3'].map((name, index) => ({
    name,
    connection: { address: `192.0.2.1${index}` },
    vars: {},
  }))
  const inventory = { hosts, group: () => hosts, hasGroup: () => true }
  const found = floatingAddressOf({ name: 'lb3', vars: site('192.0.2.100'), inventory } as never) // all that it reads
  t.is(found.place, 2)
  t.deepEqual(
    found.peers.map(({ address }) => address),
    ['192.0.2.10', '192.0.2.11'],
  )
})

test('parameters and the length of the network are told to keepalived as they are', (t) => {
  const text = configuration(
    { interface: 'bond0.7', routerId: 7, preempt: true, advertSeconds: 0.25, checkSeconds: 2 },
    pair,
    '192.0.2.100/24',
  )
  t.deepEqual(
    lines(text, /nopreempt|^\t(interface|virtual_router_id|advert_int)|dev |\tinterval/).map((line) => line.trim()),
    [
      'interval 2',
      'interface bond0.7',
      'virtual_router_id 7',
      'advert_int 0.25',
      '192.0.2.100/24 dev bond0.7',
      '# without a weight: who fails the check gives the address up at once, and nopreempt does not keep the other from taking it',
    ],
  )
})

test('what keepalived runs can be told from what it ran before', (t) => {
  const id = (text: string) => lines(text, /router_id lb1:/)[0]
  t.regex(id(configuration()) ?? '', /^\trouter_id lb1:[0-9a-f]{16}$/)
  t.not(id(configuration()), id(configuration({ preempt: true })))
})

const refused = test.macro((t, options: Partial<PlanOfOptions> & { address?: unknown }, message: string) => {
  const { address = '192.0.2.100', ...more } = options
  t.is(t.throws(() => planOf(keepalived(), { ...pair, vars: site(address), ...more }))?.message, message)
})
const start = 'role keepalived on lb1: site.floatingAddress:'
test(
  'one balancer alone shares nothing',
  refused,
  { others: {} },
  `${start} the group lb needs at least two hosts to share 192.0.2.100, found lb1`,
)
test(
  'a host that is no balancer shares nothing',
  refused,
  { name: 'web9', groups: ['web'], others: { lb: ['lb1', 'lb2'] } },
  `${start.replace('lb1', 'web9')} web9 is not in the group lb, whose hosts share 192.0.2.100`,
)
test(
  'the address of a host is not free',
  refused,
  { address: '192.0.2.13' },
  `${start} 192.0.2.13 is the address of web1`,
)
test(
  'the address is in the network that it says',
  refused,
  { address: '198.51.100.7/24' },
  `${start} 192.0.2.11 of lb1 is not in the network 198.51.100.7/24`,
)
test(
  'the address is IPv4',
  refused,
  { address: '2001:db8::1' },
  `${start} expected an IPv4 address, with or without the length of its network, found '2001:db8::1'`,
)
test(
  'the address is no configuration',
  refused,
  { address: '192.0.2.100\n}' },
  `${start} expected an IPv4 address, with or without the length of its network, found '192.0.2.100\n}'`,
)
test(
  'the length of a network is at most 32',
  refused,
  { address: '192.0.2.100/33' },
  `${start} expected an IPv4 address, with or without the length of its network, found '192.0.2.100/33'`,
)
test('the address is a text', refused, { address: 7 }, `${start} expected an IPv4 address, found 7`)
test('advertisements come in hundredths of a second', (t) => {
  t.is(
    t.throws(() => planOf(keepalived({ advertSeconds: 0.333 }), { ...pair, vars: site('192.0.2.100') }))?.message,
    "role keepalived on lb1: parameter 'advertSeconds': expected hundredths of a second, found 0.333",
  )
})

const balancer = (options: PlanOfOptions) =>
  written(haproxy({ domains: ['www.foobar.com'] }), options, '/etc/haproxy/haproxy.cfg')

test('two balancers exchange their stick tables, and pass on what certbot of the other is asked', (t) => {
  const text = balancer(pair)
  t.deepEqual(
    lines(text, /localpeer|^peers|server lb|X-Challenge|retries [0-9]/).map((line) => line.trim()),
    [
      'localpeer lb1',
      'retries 3',
      'peers balancers',
      'server lb1',
      'server lb2 192.0.2.12:10000 verifyhost lb2',
      'use_backend certbot if acme { req.hdr(X-Challenge-From) -m found }',
      'retries 8',
      'http-request set-header X-Challenge-From lb1',
      'server lb2 192.0.2.12:80',
      'retries 0',
    ],
  )
})

test('one balancer has no peers, and asks nobody but certbot', (t) => {
  const text = balancer({ name: 'lb1', groups: ['lb'], others: { web: ['web1'] } })
  t.deepEqual(lines(text, /peer|X-Challenge/), [])
  t.deepEqual(lines(text, /server certbot/), ['\tserver certbot 127.0.0.1:8888'])
})
