import test from 'ava'
import { explanations } from '../../judge/findings.ts'
import { renderPage } from '../../judge/page.ts'
import type { Tool } from '../../judge/tool.ts'
import { joinFindings } from '../../judge/tool.ts'
import { tools } from '../../judge/tools/all.ts'
import { objectionsTo, type StoredVerdict, weigh } from '../../judge/verdicts.ts'

const verdict = (more: Partial<StoredVerdict> = {}): StoredVerdict => ({
  tool: 'lynis',
  at: '2026-11-21T14:00:00.000Z',
  seconds: 12,
  versions: { lynis: '3.1.7-1' },
  figures: [{ name: 'web1', value: 'index 80' }],
  complaints: [],
  findings: [],
  ...more,
})

test('findings of several hosts are one with the hosts of each', (t) => {
  const one = { id: 'A', says: 'a' }
  const other = { id: 'B', says: 'b' }
  t.deepEqual(
    joinFindings(
      new Map([
        ['web1', [one, other]],
        ['web2', [one, one]],
      ]),
    ),
    [
      { ...one, hosts: ['web1', 'web2'] },
      { ...other, hosts: ['web1'] },
    ],
  )
})

test('an explanation holds for its tool and its hosts alone', (t) => {
  const finding = { id: 'A', says: 'a', hosts: ['db1', 'web1'] }
  const known = [{ tool: 'lynis', id: 'A', hosts: /^db/, why: 'because' }]
  t.deepEqual(weigh('lynis', [finding], known), [
    { ...finding, hosts: ['db1'], why: 'because' },
    { ...finding, hosts: ['web1'], why: undefined },
  ])
  t.deepEqual(weigh('nmap', [finding], known), [{ ...finding, why: undefined }])
  // one for some hosts says nothing of the site as a whole
  t.deepEqual(weigh('lynis', [{ ...finding, hosts: [] }], known), [{ ...finding, hosts: [], why: undefined }])
})

test('a complaint and an unexplained finding each make a verdict fail', (t) => {
  t.deepEqual(objectionsTo(verdict()), [])
  t.deepEqual(objectionsTo(verdict({ complaints: ['the index is low'] })), ['the index is low'])
  t.deepEqual(objectionsTo(verdict({ findings: [{ id: 'NEW-1', says: 'odd', hosts: ['web1'] }] })), [
    'NEW-1 is not explained (web1): odd',
  ])
})

test('explanations name tools that there are, once each for the same hosts', (t) => {
  const names = tools.map(({ name }) => name)
  for (const { tool, id, why } of explanations) {
    t.true(names.includes(tool), `${tool} ${id}`)
    t.true(why.length > 20, `${tool} ${id}`)
  }
  const keys = explanations.map(({ tool, id, hosts }) => `${tool} ${id} ${hosts?.source ?? ''}`)
  t.deepEqual(keys, [...new Set(keys)])
})

test('the page tells a tool that has not run, one that failed and one that passed', (t) => {
  const tool = (name: string): Tool => ({
    name,
    title: 'Title',
    goal: 'Goal.',
    packages: [],
    run: async () => verdict(),
  })
  const page = renderPage(
    [tool('lynis'), tool('nmap'), tool('testssl')],
    new Map([
      ['lynis', verdict({ findings: [{ id: 'NEW-1', says: 'a | b', hosts: [] }] })],
      ['testssl', verdict({ tool: 'testssl' })],
    ]),
    new Map([
      ['production', { name: 'production', at: '', hosts: 8, seconds: 99.6, changes: [670, 0] }],
      ['three-hosts', { name: 'three-hosts', at: '', hosts: 3, seconds: 40, changes: [170, 2] }],
    ]),
  )
  t.regex(page, /\| production \| 8 \| 670 changes, 100 s \| 0 changes \| yes \|/)
  t.regex(
    page,
    /\| three-hosts \| 3 \| 170 changes, 40 s \| 2 changes \| \*\*no\*\*: the second run changed 2 things \|/,
  )
  t.regex(page, /\| three-hosts-no-single-point \| – \| – \| – \| \*\*no\*\*: it was not tried \|/)
  t.regex(page, /\| \[lynis\]\(#lynis\) \| Goal\. \| \*\*no\*\* \|/)
  t.regex(page, /\| \[nmap\]\(#nmap\) \| Goal\. \| not run \|/)
  t.regex(page, /\| \[testssl\]\(#testssl\) \| Goal\. \| yes \|/)
  t.regex(page, /\| `NEW-1` \| the site \| a \\\| b \| \*\*not explained\*\* \|/)
  t.regex(page, /2026-11-21 14:00 UTC, 12 s, lynis 3\.1\.7-1\./)
})
