import test from 'ava'
import { cachingSha2Hash, deterministicSalt, nativeHash } from '../../src/resources/mysql-password.ts'

// Made by MySQL 9.7.4 itself: CREATE USER … IDENTIFIED WITH caching_sha2_password BY '…', then HEX(authentication_string).
const byServer = [
  {
    password: 'hunter2',
    hex: '24412430304124174F4B411B2214471F6B1F0A647B172A7C2C1219507A706172485630445A4874527755564341777A6D4C44512F7172374A6A3172346E7958545963534A4A43',
  },
  {
    password: 'pässwörd with $ and a very long tail that exceeds thirty-two bytes for sure',
    hex: '244124303041241B7C6F7A19431F017F7E4219176A5E6C3A3E40153339476569653465736A396A656431522F456835744F395138556E69754449714A43706F32344353776E42',
  },
]

for (const { password, hex } of byServer) {
  test(`caching_sha2_password hash of '${password}' is the server's own`, (t) => {
    const stored = Buffer.from(hex, 'hex').toString('latin1')
    t.is(cachingSha2Hash(password, stored.slice(7, 27), 10_000), stored)
  })
}

test('rounds stand in the hash in thousands, as three hex digits', (t) => {
  t.is(
    cachingSha2Hash('hunter2', 'abcdefghijklmnopqrst'),
    '$A$005$abcdefghijklmnopqrstS47YikmB3yFXfQA1j2lkl0HUZ8d63WzqvVvbl9PBEI3',
  )
  t.is(
    cachingSha2Hash('hunter2', 'abcdefghijklmnopqrst', 10_000),
    '$A$00A$abcdefghijklmnopqrst7WmN1uewmgEBWhsBoFFeMGIUPTa3asKu8i.xSD1ILN4',
  )
})

test('a salt has 20 bytes', (t) => {
  t.throws(() => cachingSha2Hash('x', 'short'), { message: 'a caching_sha2_password salt has 20 bytes, found 5' })
})

test('the salt is stable for one account and differs by key, user and password', (t) => {
  const salt = deterministicSalt('key', 'app', 'hunter2')
  t.is(salt, deterministicSalt('key', 'app', 'hunter2'))
  t.regex(salt, /^[A-Za-z0-9]{20}$/)
  const others = [
    ['other', 'app', 'hunter2'],
    ['key', 'app2', 'hunter2'],
    ['key', 'app', 'hunter3'],
  ] as const
  t.is(new Set([salt, ...others.map(([key, user, password]) => deterministicSalt(key, user, password))]).size, 4)
})

test('mysql_native_password is the double SHA-1', (t) => {
  // SELECT PASSWORD('hunter2') of MariaDB 11.8
  t.is(nativeHash('hunter2'), '*58815970BE77B3720276F63DB198B1FA42E5CC02')
})
