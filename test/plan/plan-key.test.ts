// The key of plans: digests, encryption, and the file it lies in.
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makePlanKey, openPlanKey, readPlanKey } from '../../src/plan/plan-key.ts'

const key = makePlanKey(Buffer.alloc(32, 1))
const other = makePlanKey(Buffer.alloc(32, 2))

test('a digest depends on the key, the purpose and the value, and not on the order of fields', (t) => {
  const digest = key.digest('a', { x: 1, y: new Map([['z', Buffer.from('b')]]) })
  t.regex(digest, /^[0-9a-f]{64}$/)
  t.is(key.digest('a', { y: new Map([['z', Buffer.from('b')]]), x: 1 }), digest)
  for (const another of [
    other.digest('a', { x: 1, y: new Map([['z', Buffer.from('b')]]) }),
    key.digest('b', { x: 1, y: new Map([['z', Buffer.from('b')]]) }),
    key.digest('a', { x: 1, y: new Map([['z', Buffer.from('c')]]) }),
  ])
    t.not(another, digest)
  t.not(key.name, other.name)
})

test('what is encrypted comes back with the same key and untouched only', (t) => {
  const sealed = key.encrypt('r.token=ü')
  t.is(key.decrypt(sealed), 'r.token=ü')
  t.not(key.encrypt('r.token=ü'), sealed)
  t.throws(() => other.decrypt(sealed))
  const bytes = Buffer.from(sealed, 'base64')
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  t.throws(() => key.decrypt(bytes.toString('base64')))
})

test('the key is made once, for its owner only, and a damaged one is named', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-key-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, '.provision/plan.key')
  t.is(readPlanKey(file), undefined)
  const made = openPlanKey(file)
  t.is(openPlanKey(file).name, made.name)
  t.is(statSync(file).mode & 0o777, 0o600)
  t.is(readFileSync(join(folder, '.provision/.gitignore'), 'utf8'), '*\n')
  chmodSync(file, 0o644)
  t.throws(() => openPlanKey(file), {
    message: `the plan key ${file} has mode 0644, expected 0600: others may read it`,
  })
  chmodSync(file, 0o600)
  writeFileSync(file, 'no key')
  t.throws(() => openPlanKey(file), {
    message: `the plan key ${file}: expected 64 hexadecimal digits, found something else`,
  })
})
