import test from 'ava'
import { makeRecordId, recordId } from '../../src/record/record-id.ts'

test('names of records are in the order of their times, also within a second', (t) => {
  const times = [0, 1, 9, 10, 255, 256, 999].map(
    (milliseconds) => new Date(Date.UTC(2026, 10, 21, 8, 30, 15, milliseconds)),
  )
  const names = times.map(makeRecordId)
  t.deepEqual([...names].sort(), names)
  for (const name of names) t.regex(name, recordId)
  t.true(names[0]?.startsWith('20261121T083015Z-000'))
})
