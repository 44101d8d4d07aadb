import test from 'ava'
import { account, identifier, literal, parseRows } from '../../src/resources/mysql-sql.ts'

const odd = 'it\'s "$HOME" `id` \\n ü\n-- end'

test('a literal has one special character, the quote', (t) => {
  t.is(literal(odd), `'it''s "$HOME" \`id\` \\n ü\n-- end'`)
  t.is(literal(''), "''")
})

test('an identifier doubles backticks and keeps the rest', (t) => {
  t.is(identifier(odd), '`it\'s "$HOME" ``id`` \\n ü\n-- end`')
})

test('an account is two literals', (t) => {
  t.is(account("o'neil", '10.0.0.%'), "'o''neil'@'10.0.0.%'")
})

test('a NUL byte is refused', (t) => {
  t.throws(() => literal('a\0b'), { message: 'a NUL byte cannot be part of an SQL text' })
  t.throws(() => identifier('a\0b'), { message: 'a NUL byte cannot be part of an SQL text' })
})

test('rows of batch mode are read back as they were in the table', (t) => {
  t.deepEqual(parseRows('a\\\\x\\ny\tb\\tc\n\nNULL\td\n'), [
    ['a\\x\ny', 'b\tc'],
    ['NULL', 'd'],
  ])
})
