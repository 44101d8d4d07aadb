import test from 'ava'
import { nearest } from '../../src/core/schema.ts'

const rows: readonly (readonly [word: string, known: readonly string[], expected: string | undefined])[] = [
  ['adress', ['address', 'port'], 'address'],
  ['prot', ['port', 'user'], 'port'],
  ['wbe', ['web', 'db'], 'web'],
  ['WEB', ['web'], 'web'],
  ['workres', ['workers'], 'workers'],
  ['cache', ['web', 'db'], undefined],
  ['x', ['a', 'b'], undefined],
  ['db', ['web', 'lb'], 'lb'],
  ['', ['a'], undefined],
]
for (const [word, known, expected] of rows) {
  test(`nearest to '${word}' among ${known.join(', ')} is ${expected}`, (t) => {
    t.is(nearest(word, known), expected)
  })
}
