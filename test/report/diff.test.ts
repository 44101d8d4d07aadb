import test from 'ava'
import { renderDiff } from '../../src/report/diff.ts'
import { makePaint } from '../../src/report/paint.ts'

const head = '    --- /etc/x (now)\n    +++ /etc/x (wished)\n'

const rows: readonly { title: string; before: string; after: string; expect: string }[] = [
  { title: 'equal texts give nothing', before: 'a\n', after: 'a\n', expect: '' },
  {
    title: 'a new file is all plus',
    before: '',
    after: 'a\nb\n',
    expect: `${head}    @@ -0,0 +1,2 @@\n    +a\n    +b\n`,
  },
  {
    title: 'a missing line break at the end is told',
    before: 'a\nb\n',
    after: 'a\nb',
    expect: `${head}    @@ -1,2 +1,2 @@\n     a\n    -b\n    +b\n    \\ No newline at end of file\n`,
  },
  {
    title: 'a carriage return is seen',
    before: 'a\r\n',
    after: 'a\n',
    expect: `${head}    @@ -1,1 +1,1 @@\n    -a␍\n    +a\n`,
  },
  {
    title: 'binary content is not shown',
    before: 'a\0b',
    after: 'a\0bc',
    expect: `${head}    binary content differs, 3 → 4 bytes\n`,
  },
  {
    title: 'an escape sequence is shown as what it is',
    before: '',
    after: '\u001b[2J\n',
    expect: `${head}    @@ -0,0 +1,1 @@\n    +␛[2J\n`,
  },
]

for (const { title, before, after, expect } of rows) {
  test(title, (t) => {
    t.is(renderDiff({ label: '/etc/x', before, after }, makePaint(false)), expect)
  })
}

test('a long diff is cut with a note of how much is left out', (t) => {
  const after = Array.from({ length: 300 }, (_, index) => `line ${index}\n`).join('')
  const lines = renderDiff({ label: '/etc/x', before: '', after }, makePaint(false)).trimEnd().split('\n')
  t.is(lines.length, 203)
  t.is(lines.at(-2), '    +line 198')
  t.is(lines.at(-1), '    … 101 more lines')
})

test('a long line is cut', (t) => {
  const text = renderDiff({ label: '/etc/x', before: '', after: `${'x'.repeat(5000)}\n` }, makePaint(false))
  t.true(text.split('\n').every((line) => line.length <= 404))
  t.true(text.endsWith('x…\n'))
})

test('lines that come are green, lines that go are red', (t) => {
  const text = renderDiff({ label: '/etc/x', before: 'a\n', after: 'b\n' }, makePaint(true))
  t.true(text.includes('\u001b[31m-a\u001b[39m'))
  t.true(text.includes('\u001b[32m+b\u001b[39m'))
})
