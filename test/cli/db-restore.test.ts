import test from 'ava'
import { type Backup, parseBackups } from '../../src/cli/db-backup-site.ts'
import { renderBackups } from '../../src/cli/db-backups.ts'
import { type Member, planRestore, type RestoreOptions } from '../../src/cli/db-restore.ts'

const listed = [
  {
    target: 'store1',
    snapshots: [
      { id: 'aaaa1111', time: '2026-11-20T02:31:00.5Z', host: 'db2', tags: ['database'], paths: ['/x'] },
      { id: 'bbbb2222', time: '2026-11-21T02:31:00Z', host: 'db1', tags: ['database'], paths: ['/x'] },
      { id: 'cccc3333', time: '2026-11-20T04:30:00Z', host: 'db2', tags: ['restore-test'], paths: ['/of-aaaa1111'] },
    ],
  },
  { target: 'external', snapshots: null },
]
const { backups, silent } = parseBackups(listed.map((place) => JSON.stringify(place)).join('\n'))

test('backups are listed, the newest first, with the test that each has passed', (t) => {
  t.deepEqual(silent, ['external'])
  t.is(
    renderBackups(backups),
    `snapshot  made (UTC)           by   in      restored and found whole
bbbb2222  2026-11-21 02:31:00  db1  store1  not yet
aaaa1111  2026-11-20 02:31:00  db2  store1  2026-11-20 04:30:00

2 backups
`,
  )
})

const members: readonly Member[] = [
  { name: 'db1', role: 'primary' },
  { name: 'db2', role: 'replica' },
]
const plan = (
  more: Partial<RestoreOptions> = {},
  of: readonly Member[] = members,
  having: readonly Backup[] = backups,
) => planRestore(of, having, { inventory: '', group: 'db', forks: 1, snapshot: 'latest', ...more })

test('a whole restore goes to the server that takes writes, and the replicas stop following first', (t) => {
  const { target, followers, steps, backup } = plan()
  t.is(backup.id, 'bbbb2222')
  t.is(target, 'db1')
  t.deepEqual(followers, ['db2'])
  t.deepEqual(steps, [
    'backup bbbb2222 of 2026-11-21 02:31:00 UTC, made on db1, in store1: not tested yet',
    '1. db1: restore it into a scratch server and judge it',
    '2. db2: stop following',
    '3. db1: stop the server, put its data aside, start it with the restored data. Everything since 2026-11-21 02:31:00 UTC is gone from it',
    '4. left to do: seed db2 anew',
  ])
})

test('one database is replaced where writes go, and replicas follow by themselves', (t) => {
  const { followers, steps } = plan({ database: 'shop', snapshot: 'aaaa' })
  t.deepEqual(followers, [])
  t.is(steps.at(-1), '2. db1: replace the database shop; replicas follow')
  t.is(
    plan({ database: 'shop', as: 'old' }).steps.at(-1),
    '2. db1: put the tables and views of shop beside the present one as old; replicas follow',
  )
})

const refusals: readonly [string, Partial<RestoreOptions>, readonly Member[], RegExp][] = [
  ['an unknown snapshot', { snapshot: 'ffff' }, members, /^no backup 'ffff'$/],
  ['too short an id', { snapshot: 'a' }, members, /^no backup 'a'$/],
  ['a place that has none', { from: 'external' }, members, /^no backup 'latest' in external$/],
  [
    'a replica while there is a primary',
    { to: 'db2' },
    members,
    /^db1 takes writes: a backup is restored there, and db2 follows it$/,
  ],
  ['an unknown server', { to: 'db9' }, [{ name: 'db2', role: 'closed' }], /^no database server 'db9': expected db2$/],
  ['a replica without a primary', { to: 'db2' }, [{ name: 'db2', role: 'broken' }], /^db2 is a replica: /],
  ['no primary and nothing said', {}, [{ name: 'db2', role: 'closed' }], /^no server takes writes: db2 closed$/],
  [
    'two primaries',
    {},
    members.map(({ name }) => ({ name, role: 'primary' })),
    /^db1 and db2 take writes: mend that first$/,
  ],
  [
    'a replica that does not answer',
    {},
    [
      { name: 'db1', role: 'primary' },
      { name: 'db2', role: 'unreachable' },
    ],
    /^db2 cannot be told to stop following db1, and would mix the histories when it comes back$/,
  ],
  ['--as without --database', { as: 'x' }, members, /^--as needs --database$/],
  [
    'a time before the backup',
    { until: new Date('2026-11-21T02:00:00Z') },
    members,
    /^--until 2026-11-21 02:00:00 is not later than/,
  ],
]
for (const [title, options, of, message] of refusals)
  test(`refused: ${title}`, (t) => {
    t.throws(() => plan(options, of), { code: 'input', message })
  })

test('a replica that will never come back is passed over when it is named', (t) => {
  const lost: readonly Member[] = [
    { name: 'db1', role: 'primary' },
    { name: 'db2', role: 'unreachable' },
  ]
  t.deepEqual(plan({ without: ['db2'] }, lost).followers, [])
})
