import test from 'ava'
import { app } from '../../roles/app.ts'
import { appOpenings, upstreamOf } from '../../roles/app-tls.ts'
import { rolling } from '../../roles/rolling.ts'
import type { Host, InventoryHost } from '../../src/core/host.ts'
import { type PlanOfOptions, planOf } from '../../src/testing/plan-of.ts'

const source = { directory: '/srv/nowhere' }
const apart = { name: 'app1', groups: ['app'], others: { app: ['app2'], web: ['web1'], lb: ['lb1'] } }
const together = { name: 'web1', groups: ['web', 'app'], others: { web: ['web2'], app: ['web2'], lb: ['lb1'] } }
const unencrypted = { site: { encryption: false } }
const titles = (options: PlanOfOptions, params = {}) =>
  planOf(app({ source, ...params }), options).map(({ title }) => title.replace(/^app › /, ''))

/** As far as these functions look at a host. */
function hostOf(groups: Record<string, string[]>, name: string, vars: Record<string, unknown> = {}): Host {
  const all = [...new Set(Object.values(groups).flat())]
  const entry = (member: string) =>
    ({ name: member, vars, connection: { address: `192.0.2.${all.indexOf(member) + 1}` } }) as unknown as InventoryHost
  return {
    name,
    vars,
    isIn: (group: string) => groups[group]?.includes(name) ?? false,
    inventory: { hasGroup: (group: string) => group in groups, group: (group: string) => groups[group]?.map(entry) },
  } as unknown as Host
}
const tiers = { lb: ['lb1'], web: ['web1'], app: ['app1', 'app2'] }
const tunnel = { name: 'app', port: 3000, tlsPort: 3443, healthPath: '/healthz' }

test('an app apart from nginx gets a tunnel; beside it, or without encryption, it gets none', (t) => {
  t.true(titles(apart).includes('apt.package stunnel4'))
  for (const options of [together, { ...apart, vars: unencrypted }]) {
    t.false(titles(options).includes('apt.package stunnel4'))
    t.true(titles(options).includes('systemd.unit app-tls.service'), 'one that was there goes')
  }
})

test('a certificate for the tunnel has the name that all app servers share, and its key is read by the tunnel alone', (t) => {
  const certificate = planOf(app({ source, name: 'shop' }), apart).find(({ resource }) => resource === 'tls.internal')
  t.like(certificate?.args, {
    directory: '/etc/stunnel/shop',
    subject: 'app1',
    names: ['app', 'app1'],
    group: 'shop-tls',
  })
})

test('the web servers alone are let in: to the tunnel, or to the app where nothing is encrypted', (t) => {
  t.like(appOpenings(tunnel, hostOf(tiers, 'app1')), [{ port: 3443, from: ['192.0.2.2'] }])
  t.like(appOpenings(tunnel, hostOf(tiers, 'app1', unencrypted)), [{ port: 3000, from: ['192.0.2.2'] }])
  t.deepEqual(appOpenings(tunnel, hostOf({ web: ['web1'], app: ['web1'] }, 'web1')), [])
})

test('nginx goes where the app is told to listen', (t) => {
  const server = (vars: Record<string, unknown>, address: string) =>
    ({ name: 'app1', vars, connection: { address } }) as unknown as InventoryHost
  t.is(upstreamOf(hostOf(tiers, 'web1'), server({}, '192.0.2.9')), '192.0.2.9:3443')
  t.is(upstreamOf(hostOf(tiers, 'web1'), server({ app: { tlsPort: 4443 } }, '2001:db8::9')), '[2001:db8::9]:4443')
  t.is(upstreamOf(hostOf(tiers, 'web1', unencrypted), server({ app: { port: 4000 } }, '192.0.2.9')), '192.0.2.9:4000')
})

test('a web server without the app gets the files of the release, and nothing else', (t) => {
  t.deepEqual(titles({ name: 'web1', groups: ['web'], others: { app: ['app1'] } }, { filesOnly: true }), [
    'release.deploy /srv/app',
  ])
})

test('an app server leaves the rotation of the web servers, one that is alone does not', (t) => {
  const around = (host: Host) => {
    const { beforeChanges, afterChanges } = rolling({ healthy: () => 'http://127.0.0.1:3000/healthz' })
    return [...beforeChanges(host), ...afterChanges(host)].map(
      ({ options }) => `${options.name} on ${options.on ?? 'itself'}`,
    )
  }
  t.deepEqual(around(hostOf(tiers, 'app1')), [
    'nginx on web1: app1 down on web1',
    'app1 is well on itself',
    'nginx on web1: app1 up on web1',
  ])
  t.deepEqual(around(hostOf({ ...tiers, app: ['app1'] }, 'app1')), ['app1 is well on itself'])
})
