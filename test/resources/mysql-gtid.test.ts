import test from 'ava'
import {
  countGtids,
  formatGtidSet,
  missingMariadbGtids,
  parseGtidSet,
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

test('MariaDB: what one server wrote and the other never saw', (t) => {
  t.deepEqual(missingMariadbGtids('0-1-20,0-2-7', '0-1-25,0-2-6'), ['0-2-7'])
  t.deepEqual(missingMariadbGtids('0-1-20', '0-1-20,0-3-1'), [])
  t.deepEqual(missingMariadbGtids('', ''), [])
  t.throws(() => missingMariadbGtids('garbage', ''), { message: "not a MariaDB GTID list: 'garbage'" })
})
