import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { parseAddress } from '../../src/fleet/address.ts'

const rows: [text: string, env: Record<string, string>, title: string, options: object][] = [
  ['redis://queue', {}, 'redis://queue', { host: 'queue', port: 6379, db: 0 }],
  ['redis://queue:7000/3', {}, 'redis://queue:7000/3', { host: 'queue', port: 7000, db: 3 }],
  ['rediss://queue/0', {}, 'rediss://queue/0', { host: 'queue', port: 6379, db: 0, tls: {} }],
  ['redis://[::1]:7000', {}, 'redis://[::1]:7000', { host: '::1', port: 7000, db: 0 }],
  ['unix:/run/redis.sock', {}, 'unix:/run/redis.sock', { path: '/run/redis.sock', db: 0 }],
  ['unix:///run/redis.sock', {}, 'unix:/run/redis.sock', { path: '/run/redis.sock', db: 0 }],
  [
    'redis://me@queue',
    { PROVISION_QUEUE_PASSWORD: 'x y' },
    'redis://queue',
    { host: 'queue', port: 6379, db: 0, username: 'me', password: 'x y' },
  ],
  [
    'env:HERE',
    { HERE: 'rediss://me:p%40ss@queue:1/2', PROVISION_QUEUE_PASSWORD: 'other' },
    'rediss://queue:1/2',
    { host: 'queue', port: 1, db: 2, username: 'me', password: 'p@ss', tls: {} },
  ],
]
for (const [text, env, title, options] of rows) {
  test(`${text} is understood`, (t) => t.deepEqual(parseAddress(text, env), { title, options } as never)) // compared as data
}

test('the password may come from a file', (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'hostwright-address-')), 'password')
  writeFileSync(file, ' kept as it is \n')
  t.is(parseAddress('redis://q', { PROVISION_QUEUE_PASSWORD_FILE: file }).options.password, ' kept as it is ')
})

const wrong: [text: string, env: Record<string, string>, message: RegExp][] = [
  ['redis://me:hush@queue', {}, /^--queue redis:\/\/queue: found a password in the URL/],
  ['http://me:hush@queue', {}, /^--queue: found http:\/\/…, expected redis:/],
  ['queue', {}, /^--queue: expected redis:/],
  ['redis://queue/hush', {}, /^--queue: expected redis:/],
  ['unix:run/redis.sock', {}, /expected an absolute path after unix:$/],
  ['env:NOPE', {}, /^--queue env:NOPE: the environment variable NOPE is not set$/],
  ['env:HERE', { HERE: 'hush' }, /^--queue env:HERE: expected redis:/],
  [
    'redis://q',
    { PROVISION_QUEUE_PASSWORD_FILE: '/nowhere' },
    /^PROVISION_QUEUE_PASSWORD_FILE \/nowhere cannot be read: ENOENT$/,
  ],
]
for (const [text, env, message] of wrong) {
  test(`${text} ${JSON.stringify(env)} is refused`, (t) => {
    const error = t.throws(() => parseAddress(text, env), { message })
    t.true(isProvisionError(error))
    t.notRegex(`${error?.message} ${isProvisionError(error) ? error.hint : ''}`, /hush/)
  })
}
