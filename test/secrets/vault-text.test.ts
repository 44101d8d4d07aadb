import test from 'ava'
import { mergeVaults } from '../../src/secrets/vault-merge.ts'
import { parseVault, renderVault } from '../../src/secrets/vault-text.ts'

const parse = (text: string) => parseVault(text, 'secrets.age')

test('what is read is written again, sorted, with its comments', (t) => {
  const text = '# about z\nz = last\r\n\n@recipient age1abc Ann B\n  a.b/c-d_1=x = y # not a comment  \n# the end\n'
  const rendered = '@recipient age1abc Ann B\na.b/c-d_1 = x = y # not a comment\n# about z\nz = last\n# the end\n'
  t.is(renderVault(parse(text)), rendered)
  t.is(renderVault(parse(rendered)), rendered)
})

for (const value of [
  'plain',
  '"quoted"',
  ' spaces ',
  'two\nlines\n',
  'tab\there',
  '\\n',
  '=',
  '#',
  '@',
  'ü ‹secret›',
  '{"a":1}',
])
  test(`the value ${JSON.stringify(value)} comes back as it was, on one line`, (t) => {
    const text = renderVault({ recipients: [], comments: [], entries: new Map([['name', { value, comments: [] }]]) })
    t.is(text.split(/[\n\r]/).length, 2)
    t.is(parse(text).entries.get('name')?.value, value)
  })

const slips: readonly (readonly [text: string, message: string])[] = [
  ['a = hidden-1\nhidden-2', 'secrets.age, line 2: expected NAME = VALUE, found no ='],
  [
    'bad name = hidden-1',
    "secrets.age, line 1: expected a name of letters, digits, and . _ - / before the =, such as 'db.root'",
  ],
  [
    '= hidden-1',
    "secrets.age, line 1: expected a name of letters, digits, and . _ - / before the =, such as 'db.root'",
  ],
  ['a = hidden-1\na = hidden-2', "secrets.age, line 2: 'a' is there twice"],
  ['a = "hidden-1', "secrets.age, line 1: 'a' begins with a \" and is not a JSON text in quotes"],
  ['a = "hidden-1" hidden-2', "secrets.age, line 1: 'a' begins with a \" and is not a JSON text in quotes"],
  ['a =', "secrets.age, line 1: 'a' has no value"],
  ['@recipients age1x', "secrets.age, line 1: expected '@recipient age1… NAME' after an @"],
]
for (const [text, message] of slips)
  test(`${JSON.stringify(text)} is refused with its line and without its value`, (t) => {
    t.is(t.throws(() => parse(text))?.message, message)
  })

const base = 'a = 1\nb = 2\n'
const merges: readonly (readonly [what: string, ours: string, theirs: string, merged: string | readonly string[]])[] = [
  ['nothing', base, base, base],
  ['one added on each side', `${base}c = 3\n`, `${base}d = 4\n`, 'a = 1\nb = 2\nc = 3\nd = 4\n'],
  ['one changed, another removed', 'a = new\nb = 2\n', 'a = 1\n', 'a = new\n'],
  ['the same change', 'a = new\nb = 2\n', 'a = new\nb = 2\n', 'a = new\nb = 2\n'],
  ['the same removal', 'b = 2\n', 'b = 2\n', 'b = 2\n'],
  ['two changes of one', 'a = x\nb = 2\n', 'a = y\nb = 2\n', ['a']],
  ['a change of what the other removed', 'a = x\nb = 2\n', 'b = 2\n', ['a']],
  ['one added twice, differently', `${base}c = 3\n`, `${base}c = 4\n`, ['c']],
  ['a recipient added', `@recipient age1x X\n${base}`, `${base}c = 3\n`, `@recipient age1x X\n${base}c = 3\n`],
  ['a comment written', `# why\n${base}`, `${base}c = 3\n`, `# why\n${base}c = 3\n`],
]
for (const [what, ours, theirs, expected] of merges)
  test(`merge: ${what}`, (t) => {
    const merged = mergeVaults(parse(base), parse(ours), parse(theirs))
    if (typeof expected === 'string') t.is(merged.content && renderVault(merged.content), expected)
    else t.deepEqual<readonly string[], readonly string[]>(merged.conflicts, expected)
  })
