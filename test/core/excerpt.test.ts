import test from 'ava'
import { excerpt } from '../../src/core/excerpt.ts'

test('an excerpt shows the line with its neighbours and a caret', (t) => {
  t.is(excerpt('a\nbcd\ne\nf', 2, 3), '  1 | a\n> 2 | bcd\n    |   ^\n  3 | e')
})

test('the caret stands under its column after tabs', (t) => {
  t.is(excerpt('\ta\tb', 1, 4), '> 1 | \ta\tb\n    | \t \t^')
})

test('numbers are aligned, carriage returns and the empty last line go', (t) => {
  t.is(excerpt(`${'x\r\n'.repeat(9)}y\r\n`, 9, undefined), '   8 | x\n>  9 | x\n  10 | y')
  t.is(excerpt('a\nb\n', 2), '  1 | a\n> 2 | b')
})

test('a very long line is cut', (t) => {
  t.is(excerpt('x'.repeat(500), 1, 400), `> 1 | ${'x'.repeat(160)}…`)
})
