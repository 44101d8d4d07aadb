import test from 'ava'
import { compareVersions, matchesVersion } from '../../src/resources/debian-version.ts'

const ascending: readonly [string, string][] = [
  ['1.0~rc1', '1.0'],
  ['1.0', '1.0-1'],
  ['1.9', '1.10'],
  ['1.22.1-9', '1.22.1-9+deb12u3'],
  ['2.0', '1:1.0'],
  ['1.0a', '1.0+b'],
  ['1.0-1', '1.0-1~bpo12+1'].reverse() as [string, string],
  ['20240101000000000000001', '20240101000000000000002'],
  ['1.a', '1.a.b'],
]
for (const [older, newer] of ascending) {
  test(`${older} is older than ${newer}`, (t) => {
    t.true(compareVersions(older, newer) < 0)
    t.true(compareVersions(newer, older) > 0)
  })
}

test('leading zeros and a missing epoch make no difference', (t) => {
  t.is(compareVersions('0:1.01-1', '1.1-01'), 0)
})

test('globs match whole versions and nothing but * and ? is special', (t) => {
  t.true(matchesVersion('1.22.1-9', '1.22*'))
  t.true(matchesVersion('1:2.3', '?:2.3'))
  t.false(matchesVersion('11.22', '1.22*'))
  t.false(matchesVersion('1x22', '1.22'))
  t.true(matchesVersion('1.0+b1', '1.0+b1'))
})
