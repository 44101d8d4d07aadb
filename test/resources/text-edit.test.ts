import test from 'ava'
import { withBlock, withLine, withoutLine } from '../../src/resources/text-edit.ts'

const markers = { begin: '# BEGIN x', end: '# END x' }

const lines: readonly [title: string, before: string, line: string, match: RegExp | undefined, after: string][] = [
  ['an empty file', '', 'a', undefined, 'a\n'],
  ['the last match is replaced, others stay', 'k 1\nk 2\nz\n', 'k 3', /^k /, 'k 1\nk 3\nz\n'],
  ['a match that is as wished', 'k 1\nk 3\n', 'k 3', /^k /, 'k 1\nk 3\n'],
  ['a wished line before the last match does not count', 'k 3\nk 2\n', 'k 3', /^k /, 'k 3\nk 3\n'],
  ['an expression that does not match the line is tried while the line is missing', '#k\n', 'k 1', /^#k/, 'k 1\n'],
  ['and not any more when it is there', 'k 1\n#k\n', 'k 1', /^#k/, 'k 1\n#k\n'],
  ['only one of several such matches', '#k\n#k\n', 'k', /^#k/, '#k\nk\n'],
  ['no match adds at the end', 'a\n', 'b', /^b/, 'a\nb\n'],
  ['a last line without line break is closed by what comes after it', 'a', 'b', undefined, 'a\nb\n'],
  ['and stays open when it is replaced', 'x\na', 'b', /^a/, 'x\nb'],
  ['a file of CR LF', 'a\r\nb\r\n', 'c', undefined, 'a\r\nb\r\nc\r\n'],
  ['a replaced line keeps its own ending', 'a\r\nb\nc\r\n', 'B', /^b/, 'a\r\nB\nc\r\n'],
  ['a lone CR is no line break', 'a\rb\n', 'b', undefined, 'a\rb\nb\n'],
  ['the line is there in an open last line', 'a\nb', 'b', undefined, 'a\nb'],
  ['an empty line', 'a\n', '', undefined, 'a\n\n'],
  ['dollar signs are no references', 'a\n', '$1 $& $$', /^a/, '$1 $& $$\n'],
]

for (const [title, before, line, match, after] of lines) {
  test(`a line: ${title}`, (t) => {
    t.is(withLine(before, line, match, {}), after)
    t.is(withLine(after, line, match, {}), after, 'a second time changes nothing')
  })
}

test('a place is for what is new, and at the end if nothing matches', (t) => {
  const text = '[a]\nx\n[b]\ny\n'
  t.is(withLine(text, 'n', undefined, { after: /^\[a\]/ }), '[a]\nn\nx\n[b]\ny\n')
  t.is(withLine(text, 'n', undefined, { after: /^\[/ }), '[a]\nx\n[b]\nn\ny\n')
  t.is(withLine(text, 'n', undefined, { before: /^\[/ }), 'n\n[a]\nx\n[b]\ny\n')
  t.is(withLine(text, 'n', undefined, { after: /^z/ }), `${text}n\n`)
  t.is(withLine(text, 'n', undefined, { before: /^z/ }), `${text}n\n`)
  t.is(withLine(text, 'y', undefined, { after: /^\[a\]/ }), text)
  t.is(withLine(text, 'X', /^x/, { after: /^\[b\]/ }), '[a]\nX\n[b]\ny\n')
  t.is(withLine('a\nb', 'c', undefined, { after: /^b/ }), 'a\nb\nc\n')
  t.is(withLine('a\r\nb\r\n', 'c', undefined, { before: /^a/ }), 'c\r\na\r\nb\r\n')
})

test('lines go by expression or by equality', (t) => {
  t.is(withoutLine('a 1\nb\na 2\n', undefined, /^a/), 'b\n')
  t.is(withoutLine('a\nb\na', 'a', undefined), 'b\n')
  t.is(withoutLine('a\nb', 'c', undefined), 'a\nb')
  t.is(withoutLine('', 'c', undefined), '')
})

test('a block comes, changes in its place, and goes', (t) => {
  const one = withBlock('a\nb\n', 'x\ny', markers, { after: /^a/ })
  t.is(one, 'a\n# BEGIN x\nx\ny\n# END x\nb\n')
  t.is(withBlock(one, 'x\ny\n', markers, {}), one)
  t.is(withBlock(one, 'z', markers, { before: /^a/ }), 'a\n# BEGIN x\nz\n# END x\nb\n')
  t.is(withBlock(one, '', markers, {}), 'a\nb\n')
  t.is(withBlock('a\nb\n', '', markers, {}), 'a\nb\n')
  t.is(withBlock(one, 'z', { begin: '# BEGIN x y', end: '# END x y' }, {}), `${one}# BEGIN x y\nz\n# END x y\n`)
})

test('a block keeps the endings of the file', (t) => {
  const text = withBlock('a\r\n', 'x\ny', markers, {})
  t.is(text, 'a\r\n# BEGIN x\r\nx\r\ny\r\n# END x\r\n')
  t.is(withBlock(text, 'z', markers, {}), 'a\r\n# BEGIN x\r\nz\r\n# END x\r\n')
  t.is(withBlock('a\n# BEGIN x\nx\n# END x', 'z', markers, {}), 'a\n# BEGIN x\nz\n# END x')
})

test('markers that do not pair are refused, not guessed', (t) => {
  const text = (content: string) => t.throws(() => withBlock(content, 'x', markers, {}))?.message
  for (const content of [
    '# BEGIN x\na\n',
    'a\n# END x\n',
    '# END x\n# BEGIN x\n',
    '# BEGIN x\n# BEGIN x\n# END x\n',
    '# BEGIN x\n# END x\n# BEGIN x\n# END x\n',
  ])
    t.is(text(content), "the lines '# BEGIN x' and '# END x' must stand once each, in this order", content)
})
