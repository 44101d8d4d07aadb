import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { checkHostKey } from '../../src/transport/host-key.ts'
import {
  appendKnownHost,
  fingerprint,
  judge,
  knownName,
  linesOf,
  loadKnownHosts,
  parseKnownHosts,
  preferredAlgorithms,
  type Verdict,
} from '../../src/transport/known-hosts.ts'

const folder = mkdtempSync(join(tmpdir(), 'hostwright-known-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

/** A key as a server shows it: the type's length, the type, some bytes. */
function blob(type: string, body: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(type.length)
  return Buffer.concat([length, Buffer.from(type), Buffer.from(body)])
}
const ed = blob('ssh-ed25519', 'one').toString('base64')
const ed2 = blob('ssh-ed25519', 'two').toString('base64')
const rsa = blob('ssh-rsa', 'three').toString('base64')

function hashed(name: string): string {
  const salt = Buffer.from('0123456789abcdefghij')
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

const names: readonly (readonly [line: string, name: string, matches: boolean])[] = [
  ['web1', 'web1', true],
  ['WEB1', 'web1', true],
  ['web1,192.0.2.1', '192.0.2.1', true],
  ['web1', 'web11', false],
  ['web1', '[web1]:2222', false],
  ['[web1]:2222', '[web1]:2222', true],
  ['[web1]:2222', 'web1', false],
  ['*.example.org', 'a.example.org', true],
  ['*.example.org', 'example.org', false],
  ['*.example.org,!bad.example.org', 'bad.example.org', false],
  ['!bad.example.org,*.example.org', 'good.example.org', true],
  ['web?', 'web1', true],
  ['web.1', 'webx1', false],
  ['2001:db8::1', '2001:db8::1', true],
  [hashed('web1'), 'web1', true],
  [hashed('web1'), 'web2', false],
  [hashed('[web1]:2222'), '[web1]:2222', true],
]
for (const [line, name, matches] of names) {
  test(`known_hosts: ${line} is ${matches ? '' : 'not '}${name}`, (t) => {
    t.is(linesOf(parseKnownHosts(`${line} ssh-ed25519 ${ed}`, 'f'), name).length, matches ? 1 : 0)
  })
}

test('the name of a server has its port unless it is 22', (t) => {
  t.is(knownName('Web1', 22), 'web1')
  t.is(knownName('web1', 2222), '[web1]:2222')
  t.is(knownName('2001:db8::1', 22), '2001:db8::1')
})

test('comments, empty and broken lines are left out, and lines keep their numbers', (t) => {
  const text = `# comment\n\nbroken\nweb1 ssh-ed25519\n  web1 ssh-ed25519 ${ed} a comment\r\n@strange web1 ssh-ed25519 ${ed}\n`
  t.deepEqual(
    parseKnownHosts(text, 'f').map(({ line, key }) => [line, key]),
    [[5, ed]],
  )
})

const file = `web1 ssh-rsa ${rsa}\nweb1 ssh-ed25519 ${ed}\n@revoked * ssh-ed25519 ${ed2}\n@cert-authority *.ca ssh-ed25519 ${ed}\n`
const verdicts: readonly (readonly [title: string, name: string, type: string, key: string, kind: Verdict['kind']])[] =
  [
    ['one of several keys', 'web1', 'ssh-ed25519', ed, 'known'],
    ['another of several keys', 'web1', 'ssh-rsa', rsa, 'known'],
    ['a revoked key of a known host', 'web1', 'ssh-ed25519', ed2, 'revoked'],
    ['a revoked key of a new host', 'web9', 'ssh-ed25519', ed2, 'revoked'],
    ['a new key of a known type', 'web1', 'ssh-rsa', ed2.slice(0, -4), 'changed'],
    ['a key of a type never seen of this host', 'web1', 'ecdsa-sha2-nistp256', 'AAAA', 'changed'],
    ['a new host', 'web9', 'ssh-ed25519', ed, 'unknown'],
    ['a host under a certificate authority', 'x.ca', 'ssh-ed25519', ed, 'unknown'],
  ]
for (const [title, name, type, key, kind] of verdicts) {
  test(`host key: ${title} is ${kind}`, (t) => {
    t.is(judge(linesOf(parseKnownHosts(file, 'f'), name), type, key).kind, kind)
  })
}

test('the server is asked for the key that we know', (t) => {
  const order = (text: string) => preferredAlgorithms(parseKnownHosts(text, 'f'))
  t.is(order('')[0], 'ssh-ed25519')
  t.deepEqual(order(`h ssh-rsa ${rsa}`).slice(0, 4), ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa', 'ssh-ed25519'])
  t.is(order(`h ecdsa-sha2-nistp384 AAAA`)[0], 'ecdsa-sha2-nistp384')
  t.is(order(`@revoked h ecdsa-sha2-nistp384 AAAA`)[0], 'ssh-ed25519')
  t.is(new Set(order(`h ssh-rsa ${rsa}`)).size, order('').length)
})

test('the fingerprint is what ssh-keygen -l prints', (t) => {
  // printf AAAA | base64 -d | sha256sum, in base64 without padding
  t.is(fingerprint('AAAA'), 'SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw')
  t.regex(fingerprint(ed), /^SHA256:[A-Za-z0-9+/]{43}$/)
})

test('a new line goes after one that lacks its newline, once, into a file of ours alone', (t) => {
  const path = join(folder, 'deep', 'known_hosts')
  appendKnownHost(path, 'web1', 'ssh-ed25519', ed)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.is(statSync(join(folder, 'deep')).mode & 0o777, 0o700)
  writeFileSync(path, `web0 ssh-rsa ${rsa}`)
  appendKnownHost(path, '[web1]:22022', 'ssh-ed25519', ed)
  appendKnownHost(path, '[web1]:22022', 'ssh-ed25519', ed)
  t.is(readFileSync(path, 'utf8'), `web0 ssh-rsa ${rsa}\n[web1]:22022 ssh-ed25519 ${ed}\n`)
})

const target = { name: 'web1', address: '192.0.2.1', port: 2222, user: 'admin' }

test('strict refuses an unknown key with its fingerprint and what to type', (t) => {
  const path = join(folder, 'empty')
  const check = checkHostKey(target, { mode: 'strict', files: [path] })
  t.false(check.verify(blob('ssh-ed25519', 'one')))
  const refusal = check.refusal()
  t.is(refusal?.code, 'hostKey')
  t.is(refusal?.message, "web1 (admin@192.0.2.1:2222): the host key is not known, and hostKeyChecking is 'strict'")
  t.is(refusal?.detail, `shown: ssh-ed25519 ${fingerprint(ed)}\nlooked for [192.0.2.1]:2222 in ${path}`)
  t.regex(refusal?.hint ?? '', /ssh-keyscan -p 2222 192\.0\.2\.1 >> .*empty, or set hostKeyChecking: 'accept-new'/)
})

test('accept-new takes an unknown key and then holds on to it', (t) => {
  const path = join(folder, 'accepted')
  const check = checkHostKey(target, { mode: 'accept-new', files: [path] })
  t.true(check.verify(blob('ssh-ed25519', 'one')))
  t.true(check.verify(blob('ssh-ed25519', 'one')), 'a renewed key exchange')
  t.is(loadKnownHosts([path]).length, 1)
  t.false(check.verify(blob('ssh-ed25519', 'two')))
  t.regex(check.refusal()?.message ?? '', /THE HOST KEY HAS CHANGED/)
  t.false(checkHostKey(target, { mode: 'accept-new', files: [path] }).verify(blob('ssh-rsa', 'x')), 'another type')
})

test('off checks nothing, an alias is looked up instead of the address', (t) => {
  const path = join(folder, 'alias')
  writeFileSync(path, `the-alias ssh-ed25519 ${ed}\n`)
  t.true(checkHostKey(target, { mode: 'off', files: [path] }).verify(blob('ssh-ed25519', 'zzz')))
  t.true(checkHostKey(target, { mode: 'strict', files: [path], alias: 'the-alias' }).verify(blob('ssh-ed25519', 'one')))
})
