import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { server } from '../../src/resources/haproxy-server.ts'
import { planOne, planTable } from './table.ts'

/** What HAProxy 2.6 answers, with fewer columns behind those that are read. */
function answer(
  ...servers: readonly { name: string; operation: number; admin: number; queued?: number; now?: number }[]
) {
  const states = servers.map(
    ({ name, operation, admin }, index) => `2 web ${index + 1} ${name} 192.0.2.1 ${operation} ${admin} 1 1 5 1 0`,
  )
  const stats = servers.map(
    ({ name, queued = 0, now = 0 }) => `web,${name},${queued},0,${now},9,,12,0,0,,0,,0,0,0,0,no check,1,1,0`,
  )
  return `== server\n1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n${states.join('\n')}\n\n# pxname,svname,qcur,qmax,scur\n${stats.join('\n')}\n\n`
}

const drain = server({ backend: 'web', server: 'web1', state: 'drain' })
const ready = server({ backend: 'web', server: 'web1', state: 'ready' })
const web2 = { name: 'web2', operation: 2, admin: 0 }

planTable([
  {
    title: 'a server that takes requests is drained',
    task: drain,
    probe: answer({ name: 'web1', operation: 2, admin: 0, now: 3 }, web2),
    expect: { changes: ['ready → drain'] },
  },
  {
    title: 'drained, and its last session has ended',
    task: drain,
    probe: answer({ name: 'web1', operation: 2, admin: 8 }, web2),
    expect: { unchanged: 'drain, no session is left' },
  },
  {
    title: 'drained, with sessions and requests that wait: only the waiting is left',
    task: drain,
    probe: answer({ name: 'web1', operation: 2, admin: 8, queued: 1, now: 3 }),
    expect: { changes: ['4 sessions → none left'] },
  },
  {
    title: 'check mode does not wait',
    task: drain,
    probe: answer({ name: 'web1', operation: 2, admin: 8, now: 1 }),
    expect: { unknown: '1 session now' },
    check: true,
  },
  {
    title: 'a drained server that is down stays drained',
    task: drain,
    probe: answer({ name: 'web1', operation: 0, admin: 8 }),
    expect: { unchanged: 'drain, no session is left' },
  },
  {
    title: 'the last server that takes requests is not drained',
    task: drain,
    probe: answer(
      { name: 'web1', operation: 2, admin: 0 },
      { name: 'web2', operation: 2, admin: 8 },
      { name: 'web3', operation: 0, admin: 0 },
    ),
    expect: { refused: 'web1 is the last server of backend web that takes requests' },
  },
  {
    title: 'unless one insists',
    task: server({ backend: 'web', server: 'web1', state: 'drain', evenIfLast: true }),
    probe: answer({ name: 'web1', operation: 2, admin: 0 }),
    expect: { changes: ['ready → drain'] },
  },
  {
    title: 'one that is down serves nobody and may be drained',
    task: drain,
    probe: answer({ name: 'web1', operation: 0, admin: 0 }, { ...web2, admin: 8 }),
    expect: { changes: ['ready → drain'] },
  },
  {
    title: 'put back',
    task: ready,
    probe: answer({ name: 'web1', operation: 2, admin: 8 }),
    expect: { changes: ['drain → ready'] },
  },
  {
    title: 'put back from a maintenance that the configuration and an operator asked for',
    task: ready,
    probe: answer({ name: 'web1', operation: 0, admin: 5 }),
    expect: { changes: ['maint → ready'] },
  },
  {
    title: 'nothing to do for a server that starts slowly',
    task: ready,
    probe: answer({ name: 'web1', operation: 1, admin: 0 }),
    expect: { unchanged: 'takes requests' },
  },
  {
    title: 'ready, but HAProxy sees it down',
    task: ready,
    probe: answer({ name: 'web1', operation: 0, admin: 0 }),
    expect: { changes: ['is down → up'] },
  },
  {
    title: 'ready, down, in check mode',
    task: ready,
    probe: answer({ name: 'web1', operation: 0, admin: 0 }),
    expect: { unknown: 'is down now' },
    check: true,
  },
  {
    title: 'where HAProxy does not run there is nothing to drain',
    task: drain,
    probe: '== server\nmissing process\n',
    expect: { unchanged: 'HAProxy does not run here' },
  },
  {
    title: 'HAProxy runs without the socket',
    task: drain,
    probe: '== server\nmissing socket\n',
    expect: { refused: 'HAProxy runs, but does not answer at /run/haproxy/admin.sock' },
  },
  {
    title: 'no socat',
    task: drain,
    probe: '== server\nmissing socat\n',
    expect: { refused: 'socat is not installed' },
  },
  {
    title: 'an unknown server',
    task: server({ backend: 'web', server: 'wbe1', state: 'drain' }),
    probe: answer({ name: 'web1', operation: 2, admin: 0 }, web2),
    expect: { refused: "backend web of the running HAProxy has no server 'wbe1'" },
  },
  {
    title: 'an unknown backend',
    task: server({ backend: 'nope', server: 'web1', state: 'drain' }),
    probe: "== server\nCan't find backend.\n\nNo such proxy.\n\n",
    expect: { refused: "HAProxy has no backend 'nope'" },
  },
])

test('haproxy.server: the sessions of another server and of another backend do not count', (t) => {
  const probe = `${answer({ name: 'web1', operation: 2, admin: 8 }, { ...web2, now: 7 })}web,BACKEND,0,0,7\nother,web1,0,0,9\n`
  const plan = planOne(drain, probe, { facts: {} as never, check: false })
  t.true('unchanged' in plan)
})

test('haproxy.server: two wishes of one probe each get their own answer', (t) => {
  const wishes = [drain, server({ backend: 'web', server: 'web2', state: 'drain' })].map((task) => task.args)
  const one = answer({ name: 'web1', operation: 2, admin: 8 }, web2)
  const states = drain.resource.parse(one + one, wishes as never)
  t.deepEqual(states, [
    { server: { mode: 'drain', up: true, sessions: 0, isLast: false } },
    { server: { mode: 'ready', up: true, sessions: 0, isLast: true } },
  ])
})

for (const probe of ['', 'garbage', '== server\nweb,web1\n', '== server\n2 web 1 web1 192.0.2.1 up x 1\n']) {
  test(`haproxy.server: does not understand ${JSON.stringify(probe)}`, (t) => {
    t.throws(() => planOne(drain, probe, { facts: {} as never, check: false }), { message: /expected/ })
  })
}

test('haproxy.server: names that could be more than a name, and cutting without draining, are refused', (t) => {
  const make = (args: object) => () => server(args as never)
  for (const name of ['web1; shutdown sessions', 'web 1', '', 'web/1', 'web1\n'])
    t.true(isProvisionError(t.throws(make({ backend: 'web', server: name, state: 'drain' }))), name)
  t.regex(t.throws(make({ backend: 'web', server: 'web1', state: 'ready', cut: true }))?.message ?? '', /'cut'/)
  t.regex(t.throws(make({ backend: 'web', server: 'web1', state: 'drained' }))?.message ?? '', /'state'/)
})

test('haproxy.server: only setting a state is a change, waiting is none', (t) => {
  const output = (stdout: string) => [{ code: 0, stdout, stderr: '' }]
  t.true(drain.resource.didChange?.(output('state set\n'), drain.args as never))
  t.false(drain.resource.didChange?.(output(''), drain.args as never))
})
