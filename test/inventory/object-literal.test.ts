import test from 'ava'
import { findKey } from '../../src/inventory/object-literal.ts'

/** The place of `‸` in the source is what must be found. */
const rows: readonly (readonly [title: string, source: string, path: readonly string[]])[] = [
  ['a key', `f({ ‸a: 1 })`, ['a']],
  ['a key in single quotes', `f({ ‸'a-b': 1 })`, ['a-b']],
  ['a key in double quotes', `f({ ‸"a b": 1 })`, ['a b']],
  ['a key of an inner object', `f({ a: { b: 1 }, c: { ‸b: 2 } })`, ['c', 'b']],
  ['a shorthand', `f({ x, ‸a })`, ['a']],
  ['the second of two lines', `f({\n  a: 1,\n  ‸b: 2,\n})`, ['b']],
  ['past comments that hold the key', `f({ // b: 1\n /* b: 2 */ ‸b: 3 })`, ['b']],
  ['past strings that hold brackets', `f({ a: '}{', x: "[(", ‸b: 3 })`, ['b']],
  ['past escaped quotes', `f({ a: 'it\\'s { b: 1', ‸b: 3 })`, ['b']],
  ['past templates', `f({ a: \`}$\{{ b: \`b: 1\` }}\`, ‸b: 3 })`, ['b']],
  ['past calls and functions', `f({ a: g({ b: 1 }, () => { b: 2 }), ‸b: 3 })`, ['b']],
  ['past a spread', `f({ ...a, ‸b: 3 })`, ['b']],
  ['a text of a list that is short for an object', `f({ a: ['x', ‸'b'] })`, ['a', 'hosts', 'b']],
  ['a text of a list', `f({ a: ['x', ‸'b'] })`, ['a', 'b']],
  ['the deepest that can be followed', `f({ ‸a: g(), b: 1 })`, ['a', 'b', 'c']],
  ['a key with a type around', `f<T>({ ‸a: 1 } satisfies X)`, ['a']],
]
for (const [title, marked, path] of rows) {
  test(`finds ${title}`, (t) => {
    t.is(findKey(marked.replace('‸', ''), 0, path), marked.indexOf('‸'))
  })
}

for (const source of [
  'f(entry)\nconst other = { a: 1 }',
  'f({ b: 1 })',
  'f({ b: { a: 1 } })',
  '',
  'f({ "a',
  `f({ \`$\{`,
  'f({ a = 1 })',
]) {
  test(`finds nothing in ${source}`, (t) => {
    t.is(findKey(source, 0, ['a']), undefined)
  })
}
