import test from 'ava'
import { groupMember } from '../../src/resources/mysql-group-member.ts'
import { facts, planOne, planTable } from './table.ts'

const group = '219174c9-6e33-518c-a2d0-fabe47cce75f'
const other = '0d227347-e56b-11f1-b5b8-027d4ef80001'
const seeds = '10.0.0.11:33061,10.0.0.12:33061,10.0.0.13:33061'
const wish = { self: '10.0.0.12', wait: 20, user: 'replicator', password: 'hunter2', ca: '/etc/mysql/tls/ca.pem' }
const task = groupMember(wish)

const server = 'super_read_only\tON\nread_only\tON\nversion\t9.7.4\n'
const member = (last: number, state: string, role: string, history = `${group}:1-9`) =>
  `10.0.0.${last}\t${state}\t${role}\t${state === 'ONLINE' ? 1 : 0}\t${seeds}\t0\t0\t-\t0\t${history}\n`
const others = member(11, 'ONLINE', 'PRIMARY') + member(13, 'ONLINE', 'SECONDARY')

planTable([
  {
    title: 'a secondary is left alone',
    task,
    probe: server + others + member(12, 'ONLINE', 'SECONDARY'),
    expect: { unchanged: 'is SECONDARY, 3 of 3 members are ONLINE' },
  },
  {
    title: 'the primary, whichever it is, is left alone while another member is away',
    task,
    probe: `${server}10.0.0.11\tsilent\tERROR 2003 (HY000): Can't connect\n${member(12, 'ONLINE', 'PRIMARY')}${member(13, 'ONLINE', 'SECONDARY')}`,
    expect: { unchanged: 'is PRIMARY, 2 of 3 members are ONLINE' },
  },
  {
    title: 'a server that is not in yet is waited for',
    task,
    probe: server + others + member(12, 'OFFLINE', '-', '-'),
    expect: { changes: ['OFFLINE → member of the group'] },
    scripts: ['/usr/local/sbin/mysql-group wait 20'],
  },
  {
    title: 'a member that sees no majority is waited for',
    task,
    probe: `${server}10.0.0.12\tONLINE\tSECONDARY\t0\t${seeds}\t0\t0\t-\t0\t-\n`,
    expect: { changes: ['ONLINE → member of the group'] },
  },
  {
    title: 'before anybody is in the group all are waited for',
    task,
    probe: `${server}10.0.0.11\tsilent\tno\n${member(12, 'OFFLINE', '-', '-')}10.0.0.13\tsilent\tno\n`,
    expect: { changes: ['OFFLINE → member of the group'] },
  },
  {
    title: 'transactions that the group does not have are a reason to refuse',
    task,
    probe: server + others + member(12, 'OFFLINE', '-', `${group}:1-5,${other}:1-2`),
    expect: { refused: 'this server has 2 transactions that its group does not have, so it cannot be a member' },
  },
  {
    title: 'where it is allowed the data of such a server is replaced',
    task: groupMember({ ...wish, allowReseed: true }),
    probe: server + others + member(12, 'OFFLINE', '-', `${group}:1-5,${other}:1-2`),
    expect: { changes: ["OFFLINE, with 2 transactions of its own → a copy of the group's data, member of the group"] },
  },
  {
    title: 'where it is allowed a server that is only behind keeps its data',
    task: groupMember({ ...wish, allowReseed: true }),
    probe: server + others + member(12, 'OFFLINE', '-', `${group}:1-5`),
    expect: { changes: ['OFFLINE → member of the group'] },
    scripts: ['/usr/local/sbin/mysql-group wait 20'],
  },
  {
    title: 'without the program nothing is known',
    task,
    probe: server,
    expect: { unknown: '/usr/local/sbin/mysql-group is not there yet, or does not know 10.0.0.12' },
  },
])

test('an answer that is no answer is an error that quotes it', (t) => {
  const { resource } = task
  t.throws(() => resource.parse(`${server}10.0.0.11\tONLINE\tPRIMARY\n`, [wish]), {
    message: 'mysql.groupMember: expected what a member says of itself, found "10.0.0.11 ONLINE PRIMARY"',
  })
})

test('errant transactions are named', (t) => {
  const probe = server + others + member(12, 'ERROR', '-', `${group}:1-5,${other}:1-2`)
  const plan = planOne(task, probe, { facts, check: false })
  t.is('refused' in plan && plan.detail, `${other}:1-2`)
})
