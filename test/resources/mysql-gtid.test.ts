import test from 'ava'
import {
  compareMariadbGtids,
  countGtids,
  formatGtidSet,
  formatMariadbGtids,
  lastMariadbGtids,
  parseGtidSet,
  parseMariadbGtids,
  subtractGtidSets,
} from '../../src/resources/mysql-gtid.ts'

const a = '0d227347-e56b-11f1-b5b8-027d4ef80001'
const b = '0d227347-e56b-11f1-b5b8-027d4ef80002'

const cases: readonly [left: string, right: string, difference: string][] = [
  ['', '', ''],
  [`${a}:1-14`, '', `${a}:1-14`],
  [`${a}:1-14`, `${a}:1-14`, ''],
  [`${a}:1-14`, `${a}:1-20`, ''],
  [`${a}:1-14`, `${a}:3-5:9`, `${a}:1-2:6-8:10-14`],
  [`${a}:1-14,\n${b}:1`, `${a}:1-14`, `${b}:1`],
  [`${a.toUpperCase()}:1-3`, `${a}:1-3`, ''],
  [`${a}:1-3:backup:1-2`, `${a}:1-3:backup:2`, `${a}:backup:1`],
]
for (const [left, right, difference] of cases) {
  test(`'${left}' without '${right}' is '${difference}'`, (t) => {
    t.is(formatGtidSet(subtractGtidSets(parseGtidSet(left), parseGtidSet(right))), difference)
  })
}

test('transactions are counted over all sources', (t) => {
  t.is(countGtids(parseGtidSet(`${a}:1-14:20,${b}:5`)), 16)
})

test('what is no GTID set is refused', (t) => {
  t.throws(() => parseGtidSet('0-1-5'), { message: "not a GTID set: '0-1-5'" })
  t.throws(() => parseGtidSet(`${a}:1-x`), { message: `not a GTID set: '${a}:1-x'` })
})

const mariadb: readonly [string, own: string, other: string, ReturnType<typeof compareMariadbGtids>][] = [
  ['nothing', '', '', { missing: [], count: 0, common: [] }],
  ['nothing to an empty server', '0-1-20', '', { missing: ['0-1-20'], count: 20, common: [] }],
  ['what the other has too', '0-1-20', '0-1-20,0-3-25', { missing: [], count: 0, common: ['0-1-20'] }],
  ['a transaction of its own', '0-1-20,0-2-21', '0-1-25', { missing: ['0-2-21'], count: 1, common: ['0-1-20'] }],
  ['an old primary ahead', '0-1-9', '0-1-7,0-2-8', { missing: ['0-1-9'], count: 2, common: ['0-1-7'] }],
  [
    'a history of several servers, and one that was seeded and knows the last of them only',
    '0-1-20,0-2-15,0-3-4',
    '0-1-20',
    { missing: [], count: 0, common: ['0-1-20'] },
  ],
  ['seeded behind it', '0-1-20,0-2-15', '0-2-17', { missing: ['0-1-20'], count: 5, common: ['0-2-15'] }],
  [
    'two domains, of which one differs',
    '0-1-20,7-1-3',
    '0-1-20,7-1-2',
    { missing: ['7-1-3'], count: 1, common: ['0-1-20', '7-1-2'] },
  ],
]
for (const [title, own, other, difference] of mariadb) {
  test(`MariaDB: ${title}`, (t) => t.deepEqual(compareMariadbGtids(own, other), difference))
}

test('MariaDB: what was written and what was seeded are one history', (t) => {
  const history = parseMariadbGtids('0-1-20,0-2-15,0-1-18,5-1-2')
  t.is(formatMariadbGtids(history), '0-1-20,0-2-15,5-1-2')
  t.is(lastMariadbGtids(history), '0-1-20,5-1-2')
  t.is(formatMariadbGtids(parseMariadbGtids('')), '')
  t.throws(() => parseMariadbGtids('garbage'), { message: "not a MariaDB GTID list: 'garbage'" })
})
