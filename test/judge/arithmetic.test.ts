import test from 'ava'
import { bookkeepingOf, interruptionOf, longestGap, reasonsOf, stalestRead } from '../../judge/outages/arithmetic.ts'
import type { Attempt } from '../../judge/outages/client.ts'

const write = (number: number, started: number, ended: number, failure?: string): Attempt => ({
  kind: 'write',
  number,
  started,
  ended,
  ...(failure !== undefined && { failure }),
})
const read = (started: number, newest: number): Attempt => ({
  kind: 'read',
  number: 0,
  started,
  ended: started + 5,
  newest,
})

test('a gap begins at the last success before the span and ends at the next one', (t) => {
  t.is(longestGap([0, 20, 40, 1040, 1060], 50, 1100), 1000)
})

test('a gap that does not end within the span counts to its end', (t) => {
  t.is(longestGap([0, 20], 40, 500), 480)
  t.is(longestGap([0, 20, 900], 40, 500), 480)
})

test('without any success the whole span is the gap', (t) => {
  t.is(longestGap([], 100, 400), 300)
})

test('an interruption counts what was started in the span, and sees the pause by when answers came', (t) => {
  const attempts = [
    write(1, 0, 10),
    write(2, 100, 2100), // waited, and was served
    write(3, 120, 5120, 'no answer'),
    write(4, 2200, 2210),
    { ...read(150, 1), ended: 160 },
  ]
  t.deepEqual(interruptionOf(attempts, 'write', 50, 2300), { attempts: 3, failed: 1, gap: 2090, slowest: 2000 })
})

test('an acknowledged row that is not in the table is lost; one in it twice is doubled; one that failed may be there', (t) => {
  const attempts = [write(1, 0, 1), write(2, 0, 1), write(3, 0, 1, 'status 503'), write(4, 0, 1, 'status 503')]
  t.deepEqual(bookkeepingOf(attempts, [1, 1, 3]), { acknowledged: 2, lost: [2], doubled: [1], unannounced: [3] })
})

test('a read is as stale as the oldest row that it lacks had been acknowledged for', (t) => {
  const attempts = [write(1, 0, 10), write(2, 20, 30), write(3, 40, 50), read(25, 1), read(100, 1)]
  t.is(stalestRead(attempts), 70)
  t.is(stalestRead([write(1, 0, 10), read(5, 0)]), 0)
})

test('a row that was never acknowledged makes no read stale', (t) => {
  t.is(stalestRead([write(1, 0, 10), write(2, 20, 30, 'status 503'), read(100, 1)]), 0)
})

test('reasons come with the most frequent first', (t) => {
  t.deepEqual(reasonsOf([write(1, 0, 1, 'a'), write(2, 0, 1, 'b'), write(3, 0, 1, 'b'), write(4, 0, 1)]), [
    ['b', 2],
    ['a', 1],
  ])
})
