// What a server says of semi-synchronous replication, and what that means.
import test from 'ava'
import { parseServer, type RunningServer } from '../../src/database/node.ts'

const rows = (kind: 'source' | 'master', enabled: string, status: string, clients: number, answers: string) => {
  const replica = kind === 'source' ? 'replica' : 'slave'
  return [
    `Rpl_semi_sync_${kind}_status\t${status}`,
    `Rpl_semi_sync_${kind}_clients\t${clients}`,
    `Rpl_semi_sync_${replica}_status\t${answers}`,
    `rpl_semi_sync_${kind}_enabled\t${enabled}`,
    `rpl_semi_sync_${replica}_enabled\tON`,
  ].join('\n')
}

function semiSync(more: string, isOpen: boolean): RunningServer['semiSync'] | undefined {
  const identity = `read_only\t${isOpen ? 'OFF' : 'ON'}\nversion\t11.8.6-MariaDB\nself\t1\t\tON\t0-1-7,0-1-9`
  const state = parseServer(['3 db1\n', identity, more])
  return state.status === 'up' ? state.semiSync : undefined
}

const cases: readonly [string, string, boolean, RunningServer['semiSync']][] = [
  ['not configured', '', true, 'off'],
  ['a primary with a replica', rows('master', 'ON', 'ON', 1, 'OFF'), true, 'source'],
  ['the same on MySQL', rows('source', 'ON', 'ON', 2, 'OFF'), true, 'source'],
  ['one that gave up waiting', rows('source', 'ON', 'OFF', 1, 'OFF'), true, 'fell back'],
  ['one without a replica', rows('master', 'ON', 'ON', 0, 'OFF'), true, 'alone'],
  ['one that was not told to wait', rows('master', 'OFF', 'OFF', 1, 'OFF'), true, 'alone'],
  ['a replica', rows('master', 'OFF', 'OFF', 0, 'ON'), false, 'replica'],
  ['a replica that does not answer', rows('source', 'OFF', 'OFF', 0, 'OFF'), false, 'no source'],
]
for (const [title, more, isOpen, expected] of cases) {
  test(`semi-synchronous replication: ${title}`, (t) => t.is(semiSync(more, isOpen), expected))
}

test('what a MariaDB server wrote and was seeded with is one position', (t) => {
  const state = parseServer(['', 'read_only\tON\nversion\t11.8.6-MariaDB\nself\t1\t\tON\t0-1-7,0-2-9,0-1-8', ''])
  t.is(state.status === 'up' ? state.replication.executed : undefined, '0-1-8,0-2-9')
})
