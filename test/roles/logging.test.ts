import test from 'ava'
import { type LoggingParams, logging } from '../../roles/logging.ts'
import { type PlanOfOptions, planOf } from '../../src/testing/plan-of.ts'

const others = { logs: ['log1', 'log2'], web: ['web1'] }
const plan = (params: LoggingParams = {}, options: PlanOfOptions = {}) =>
  planOf(logging(params), { name: 'web1', groups: ['web'], others, ...options })
function vars(params: LoggingParams = {}, options: PlanOfOptions = {}) {
  const task = plan(params, options).find((entry) => entry.args.dest === '/etc/rsyslog.d/10-provision.conf')
  return task?.args.vars as { receives: boolean; peers: string[]; collectors: { name: string }[]; targets: object[] }
}

test('a host sends to all log hosts; a log host receives, and sends to the others', (t) => {
  t.like(vars(), { receives: false })
  t.deepEqual(
    vars().collectors.map(({ name }) => name),
    ['log1', 'log2'],
  )
  const log1 = vars({}, { name: 'log1', groups: ['logs'] })
  t.true(log1.receives)
  t.deepEqual(
    log1.collectors.map(({ name }) => name),
    ['log2'],
  )
  t.deepEqual([...log1.peers].sort(), ['log2', 'web1'])
})

test('only a log host keeps files of others', (t) => {
  const kept = (options: PlanOfOptions = {}) => plan({}, options).some((task) => task.args.path === '/var/log/remote')
  t.false(kept())
  t.true(kept({ name: 'log1', groups: ['logs'] }))
})

test('tcp to a collector is encrypted and its name checked unless it is said otherwise', (t) => {
  const collector = { host: 'logs.example.com', port: 6514 }
  t.like(vars({ targets: [collector] }).targets[0], { tls: true, peer: 'logs.example.com', format: 'rfc5424' })
  t.like(vars({ targets: [{ ...collector, protocol: 'udp' }] }).targets[0], { tls: false })
})

test('what could end a value of the configuration is refused', (t) => {
  const refused = (params: LoggingParams) => t.throws(() => plan(params))?.message ?? ''
  t.regex(refused({ targets: [{ host: 'a" b', port: 1 }] }), /expected a host name or an address/)
  t.regex(refused({ files: [{ path: '/var/log/x"y', program: 'x' }] }), /expected an absolute path without blanks/)
  t.regex(refused({ files: [{ path: '/var/log/x', program: 'x: y' }] }), /expected a name of a program/)
})
