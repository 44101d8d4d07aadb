import test from 'ava'
import { base } from '../../roles/base.ts'
import { databaseEndpoint } from '../../roles/database-endpoint.ts'
import { dbcheck } from '../../roles/dbcheck.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { mysql } from '../../roles/mysql.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const others = { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'], db: ['db1', 'db2'] }
const balancer = (vars: object = {}) =>
  planOf(haproxy({ domains: ['www.foobar.com'] }), { name: 'lb1', groups: ['lb'], others, vars: { ...vars } }).find(
    (task) => task.args.dest === '/etc/haproxy/haproxy.cfg',
  )?.args.vars as { database: { servers: { name: string; address: string }[] } | undefined }

test('a load balancer has the database servers behind two ports, unless apps shall reach them directly', (t) => {
  t.deepEqual(
    balancer().database?.servers.map(({ name }) => name),
    ['db1', 'db2'],
  )
  t.is(balancer({ site: { databaseEndpoint: false } }).database, undefined)
})

test('app hosts find the endpoint at the first load balancer, or at the floating address', (t) => {
  const entries = (vars: object) =>
    planOf(base(), { name: 'web1', groups: ['web', 'app'], others, vars: { ...vars } }).find(
      (task) => task.resource === 'hosts.entry',
    )?.args.entries as { address: string; names: string[] }[]
  const named = (list: { address: string; names: string[] }[]) =>
    list.find(({ names }) => names.includes('database.internal'))?.address
  const direct = entries({})
  t.is(named(direct), direct.find(({ names }) => names.includes('lb1'))?.address)
  t.is(named(entries({ site: { floatingAddress: '192.0.2.100' } })), '192.0.2.100')
  t.is(named(entries({ site: { databaseEndpoint: false } })), undefined)
})

test('without a load balancer there is no endpoint', (t) => {
  const inventory = { hasGroup: (name: string) => name === 'db', group: () => [], hosts: [] }
  t.is(databaseEndpoint({ inventory: inventory as never, vars: {} }), undefined)
})

test("every database server's certificate has the endpoint's name", (t) => {
  const certificate = planOf(mysql(), { name: 'db1', groups: ['db'], others }).find(
    (task) => task.resource === 'tls.internal',
  )
  t.deepEqual(certificate?.args.names, ['db1', 'database.internal'])
})

test('a database server tells its role by itself; elsewhere the role dbcheck makes a witness', (t) => {
  const program = (tasks: ReturnType<typeof planOf>) =>
    tasks.find((task) => task.args.dest === '/usr/local/sbin/dbcheck')?.args.vars as { client: string } | undefined
  t.regex(program(planOf(mysql(), { name: 'db1', groups: ['db'], others }))?.client ?? '', /^mariadb /)
  t.is(program(planOf(dbcheck(), { name: 'lb1', groups: ['lb'], others }))?.client, '')
  t.deepEqual(planOf(dbcheck(), { name: 'db1', groups: ['db', 'lb'], others }), [])
})
