import test from 'ava'
import { mergeText } from '../../src/wizard/merge.ts'

const base = 'a\nb\nc\nd\ne\nf\ng\n'
const rows: [title: string, base: string | undefined, present: string | undefined, wished: string, merged: object][] = [
  ['a new file', undefined, undefined, 'x\n', { kind: 'text', text: 'x\n', edited: false }],
  ['nothing changed', base, base, base, { kind: 'text', text: base, edited: false }],
  [
    'only the answers changed',
    base,
    base,
    base.replace('b', 'B'),
    { kind: 'text', text: base.replace('b', 'B'), edited: false },
  ],
  [
    'only a hand changed it',
    base,
    base.replace('f', 'F'),
    base,
    { kind: 'text', text: base.replace('f', 'F'), edited: true },
  ],
  [
    'both, in different places',
    base,
    base.replace('g', 'G'),
    base.replace('b', 'B'),
    { kind: 'text', text: 'a\nB\nc\nd\ne\nf\nG\n', edited: true },
  ],
  [
    'both, the same change',
    base,
    base.replace('b', 'B').replace('g', 'G'),
    base.replace('b', 'B'),
    { kind: 'text', text: 'a\nB\nc\nd\ne\nf\nG\n', edited: true },
  ],
  [
    'both, in the same line',
    base,
    base.replace('b', 'mine'),
    base.replace('b', 'B'),
    { kind: 'conflict', places: ['near line 1: expected "b"'] },
  ],
  [
    'a file of somebody else',
    undefined,
    'mine\n',
    'ours\n',
    { kind: 'conflict', places: ['it was not written by provision init'] },
  ],
]
for (const [title, before, present, wished, merged] of rows) {
  test(title, (t) => t.deepEqual(mergeText(before, present, wished) as object, merged))
}
