import test from 'ava'
import { haproxy } from '../../roles/haproxy.ts'
import { nginx } from '../../roles/nginx.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const domains = ['www.foobar.com']
const others = { lb: ['lb1'], web: ['web1', 'web2'] }
/** The template variables of the file that goes to `dest`. */
function varsOf<T>(use: Parameters<typeof planOf>[0], options: Parameters<typeof planOf>[1], dest: string): T {
  const task = planOf(use, options).find((entry) => entry.args.dest === dest)
  return task?.args.vars as T // what the role passes to its template
}

test('haproxy balances over the group web; the second server waits in active-passive', (t) => {
  const vars = (params: Parameters<typeof haproxy>[0]) =>
    varsOf<{ servers: { backup: boolean }[]; fingerprint: string }>(
      haproxy({ domains, ...params }),
      { name: 'lb1', others },
      '/etc/haproxy/haproxy.cfg',
    )
  const active = vars({})
  t.deepEqual(active.servers as unknown[], [
    { name: 'web1', address: '192.0.2.12', port: 8443, tls: true, backup: false },
    { name: 'web2', address: '192.0.2.13', port: 8443, tls: true, backup: false },
  ])
  const passive = vars({ mode: 'active-passive' })
  t.deepEqual(
    passive.servers.map((server) => server.backup),
    [false, true],
  )
  t.not(active.fingerprint, passive.fingerprint)
})

test('haproxy refuses what could not be a domain', (t) => {
  t.is(
    t.throws(() => planOf(haproxy({ domains: ['a b'] }), { name: 'lb1', others }))?.message,
    "role haproxy on lb1: parameter 'domains.0': expected a domain name, found 'a b'",
  )
})

const siteFile = '/etc/nginx/conf.d/site.conf'

test('nginx proxies to the app on the same host, or to all hosts of the group app', (t) => {
  const upstream = (groups: string[], more: Record<string, string[]>) =>
    varsOf<{ upstream: string[] }>(nginx({ domains }), { groups, others: more }, siteFile).upstream
  t.deepEqual(upstream(['web', 'app'], others), ['127.0.0.1:3000'])
  t.deepEqual(upstream(['web'], { lb: ['lb1'], app: ['app1', 'app2'] }), ['192.0.2.13:3443', '192.0.2.14:3443'])
})

test('nginx trusts the load balancers, and nobody else, to tell the client address', (t) => {
  t.deepEqual(
    varsOf<{ trustedProxies: string[] }>(nginx({ domains }), { groups: ['web', 'app'], others }, siteFile)
      .trustedProxies,
    ['192.0.2.12'],
  )
})
