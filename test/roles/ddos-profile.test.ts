import test from 'ava'
import { allowedSources, ddosProfileOf, unlimitedSources } from '../../roles/ddos-profile.ts'

const hosts = ['192.0.2.11', 'db1.example.org', '2001:db8::1'].map((address) => ({ connection: { address } }))
const inventory = { hosts } as unknown as Parameters<typeof unlimitedSources>[0]['inventory'] // all that is read of it

test('the hosts of the inventory and what the site names are limited by no layer', (t) => {
  const site = { allowedSources: ['198.51.100.0/24', '192.0.2.11', '2001:db8:1::/48'] }
  t.deepEqual(unlimitedSources({ inventory, vars: { site } }), [
    '192.0.2.11',
    '2001:db8::1',
    '198.51.100.0/24',
    '2001:db8:1::/48',
  ])
})

for (const wrong of ['office', '192.0.2.0/33', '192.0.2.1/24/1', '192.0.2.1; deny', 'fe80::1%eth0', '', '::1/x'])
  test(`'${wrong}' is no source`, (t) => {
    t.throws(() => allowedSources({ vars: { site: { allowedSources: [wrong] } } }), {
      message: `site.allowedSources: expected an address or a network such as '192.0.2.0/24', found '${wrong}'`,
    })
  })

test('nginx lets through what the balancer lets through, and strict is stricter everywhere', (t) => {
  const level = (ddosProtection: 'standard' | 'strict') => {
    const profile = ddosProfileOf({ vars: { site: { ddosProtection } } })
    if (!profile) throw new Error(`no profile ${ddosProtection}`)
    return profile
  }
  const [standard, strict] = [level('standard'), level('strict')]
  for (const { nginx, requests, connections } of [standard, strict]) {
    t.true(nginx.perSecond * 10 >= requests.perTenSeconds)
    t.true(nginx.atOnce >= connections.atOnce)
    t.true(requests.refuseFrom > requests.perTenSeconds)
  }
  t.true(strict.requests.perTenSeconds < standard.requests.perTenSeconds)
  t.true(strict.connections.atOnce < standard.connections.atOnce)
  t.true(strict.timeouts.request < standard.timeouts.request)
  t.true(strict.bans.failures < standard.bans.failures)
  t.is(ddosProfileOf({ vars: { site: { ddosProtection: 'off' } } }), undefined)
  t.is(ddosProfileOf({ vars: {} }), standard)
})

test('a level that does not exist is not silently off', (t) => {
  t.throws(() => ddosProfileOf({ vars: { site: { ddosProtection: 'strikt' as 'strict' } } }), {
    message: "site.ddosProtection: expected 'off', 'standard' or 'strict', found 'strikt'",
  })
})
