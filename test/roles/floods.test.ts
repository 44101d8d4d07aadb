// What one word of the site sets in every layer.
import test from 'ava'
import { firewall } from '../../roles/firewall.ts'
import { floods } from '../../roles/floods.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { nginx } from '../../roles/nginx.ts'
import type { ufw } from '../../src/index.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const domains = ['www.foobar.com']
const others = { lb: ['lb1'], web: ['web1', 'web2'] }
const varsOf = (use: Parameters<typeof planOf>[0], name: string, group: string, site: object, dest: string) => ({
  ...(planOf(use, { name, groups: [group], others, vars: { site } }).find((task) => task.args.dest === dest)?.args
    .vars as Record<string, unknown>), // what the role passes to its template
})
const haproxyVars = (site: object) => varsOf(haproxy({ domains }), 'lb1', 'lb', site, '/etc/haproxy/haproxy.cfg')
const nginxVars = (site: object, params: object = {}) => {
  const use = nginx({ domains, ...params })
  const vars = varsOf(use, 'web1', 'web', site, '/etc/nginx/conf.d/site.conf')
  return [vars.requestsPerSecond, vars.burst, vars.connectionsPerClient]
}

test('haproxy counts everybody but the hosts and the allowed sources; off counts nobody', (t) => {
  const { floods: given } = haproxyVars({ ddosProtection: 'strict', allowedSources: ['198.51.100.7'] })
  const { level, unlimited, requests } = given as Record<string, unknown>
  t.is(level, 'strict')
  t.deepEqual(unlimited, ['192.0.2.11', '192.0.2.12', '192.0.2.13', '198.51.100.7'])
  t.deepEqual(requests, { perTenSeconds: 300, refuseFrom: 600 })
  t.is(haproxyVars({ ddosProtection: 'off' }).floods, undefined)
})

test("nginx has the profile's limits; its own parameters win; off means none", (t) => {
  t.deepEqual(nginxVars({}), [300, 600, 500])
  t.deepEqual(nginxVars({ ddosProtection: 'strict' }), [30, 60, 50])
  t.deepEqual(nginxVars({ ddosProtection: 'off' }), [0, 0, 0])
  t.deepEqual(nginxVars({ ddosProtection: 'off' }, { requestsPerSecond: 5 }), [5, 10, 0])
  t.deepEqual(nginxVars({}, { requestsPerSecond: 5, burst: 0, connectionsPerClient: 7 }), [5, 0, 7])
})

const sshRules = (site: object, params: object = {}) =>
  planOf(firewall(params), { name: 'lb1', groups: ['lb'], others: { web: ['web1'] }, vars: { site } })
    .flatMap((task) => (task.args.rules as ufw.UfwRule[] | undefined) ?? []) // the rule set's
    .filter((rule) => rule.comment?.startsWith('ssh'))
    .map(({ action, from }) => [action, from])

test('ssh of others is limited when it is known who the controller is, and not before', (t) => {
  const sources = ['192.0.2.11', '192.0.2.12', '198.51.100.7']
  const limited = [
    ['allow', sources],
    ['limit', undefined],
  ]
  t.deepEqual(sshRules({ allowedSources: ['198.51.100.7'] }), limited)
  t.deepEqual(sshRules({ ddosProtection: 'strict' }), [['allow', undefined]])
  t.deepEqual(sshRules({ ddosProtection: 'off', allowedSources: ['198.51.100.7'] }), [['allow', undefined]])
  t.deepEqual(sshRules({ allowedSources: ['198.51.100.7'] }, { sshSources: ['203.0.113.0/24'] }), [
    ['allow', ['203.0.113.0/24']],
  ])
})

test('the kernel gets a file of its own, and loses it', (t) => {
  const tasks = (site: object) => planOf(floods(), { vars: { site } })
  t.deepEqual(
    tasks({}).map(({ resource, args }) => [resource, args.file]),
    [['sysctl', '/etc/sysctl.d/61-floods.conf']],
  )
  t.deepEqual(
    tasks({ ddosProtection: 'off' }).map(({ resource, args }) => [resource, args.path]),
    [['file.absent', '/etc/sysctl.d/61-floods.conf']],
  )
})
