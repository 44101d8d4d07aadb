import { inspect } from 'node:util'
import test from 'ava'
import { assembleSecret, secret, secretText } from '../../src/core/secret.ts'

const store: Record<string, string> = { 'db.app': 'p"w' }
const reveal = (value: Parameters<typeof assembleSecret>[0]) => assembleSecret(value, (name) => store[name] ?? '')

test('a secret prints as ‹secret› wherever it is printed', (t) => {
  const value = secret('db.app')
  t.is(String(value), '‹secret›')
  t.is(JSON.stringify({ value }), '{"value":"‹secret›"}')
  t.is(inspect({ value }), '{ value: ‹secret› }')
})

test('secretText and map compose secrets without revealing them', (t) => {
  const url = secretText`mysql://app:${secret('db.app')}@db:${3306}`
  t.is(String(url), '‹secret›')
  t.is(reveal(url), 'mysql://app:p"w@db:3306')
  t.is(reveal(url.map((text) => text.toUpperCase())), 'MYSQL://APP:P"W@DB:3306')
  t.is(reveal(secretText`${url.map((text) => JSON.stringify(text))};`), '"mysql://app:p\\"w@db:3306";')
})
