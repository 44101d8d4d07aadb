import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { RecordedEvent, RunDescription } from '../../src/core/run-record.ts'
import { html } from '../../src/report/html/markup.ts'
import { renderPage } from '../../src/report/html/page.ts'
import { storyOf } from '../../src/report/html/story.ts'
import { plainEvent } from '../../src/report/json.ts'
import { cwd, recordedRun, task, taskEnd } from './events.ts'

const description: RunDescription = {
  id: '20261121T083015Z-3f9a1c',
  command: 'run',
  playbook: 'playbooks/site.ts',
  inventory: 'inventory/hosts.ts',
  check: false,
  started: '2026-11-21T08:30:15.000Z',
  outcome: 'failed',
  groups: { web1: ['all', 'web'], web2: ['all', 'web'], web10: ['all', 'web', 'old'] },
}
// plainEvent gives what a record's lines hold
const events = recordedRun.map((event, index) => ({
  at: 100 * index,
  ...plainEvent(event, { cwd, diff: true }),
})) as RecordedEvent[]

test('values are escaped, markup is not, nothing comes of false', (t) => {
  const evil = `<img src=x onerror="a('b')">&\u001b[31m`
  t.is(
    html`<p title="${evil}">${[html`<b>${1}</b>`, false, undefined, 'c']}</p>`.text,
    '<p title="&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;"><b>1</b>c</p>',
  )
})

test('the story of each host: status, roles, groups, tasks with their times', (t) => {
  const { hosts, warnings, outcome } = storyOf({ description, events })
  t.is(outcome, 'failed')
  t.deepEqual(
    hosts.map(({ name, status, roles, groups, tasks }) => [
      name,
      status,
      roles,
      groups,
      tasks.map((each) => each.status),
    ]),
    [
      ['web1', 'changed', ['nginx'], ['web'], ['ok', 'changed', 'changed']],
      ['web2', 'failed', ['nginx'], ['web'], ['skipped', 'failed']],
      ['web10', 'unreachable', [], ['web', 'old'], []],
    ],
  )
  const [, changed] = hosts[0]?.tasks ?? []
  t.is((changed?.end ?? 0) - (changed?.start ?? 0), 12)
  t.is(changed?.output, 'writing')
  t.is(warnings[0]?.message, 'handlers still to run: reload nginx')
})

test('the record of a killed run tells what was running', (t) => {
  const { outcome: _, ...killed } = description
  const upTo = events.findIndex((event) => event.type === 'task:start') + 1
  const story = storyOf({ description: killed, events: events.slice(0, upTo) })
  t.is(story.outcome, 'unfinished')
  t.deepEqual(
    story.hosts[0]?.tasks.map(({ status }) => status),
    ['ok', 'running'],
  )
  t.true(renderPage({ description: killed, events: events.slice(0, upTo) }).includes('then the record ends'))
})

test('failures come first, and the page refers to nothing outside', (t) => {
  const page = renderPage({ description, events })
  const places = [
    '<h2 id="failures-title">',
    '<h2 id="topology-title">',
    '<h2 id="timeline-title">',
    '<h2 id="slowest-title">',
    '<h2 id="tasks-title">',
  ].map((text) => page.indexOf(text))
  t.deepEqual(
    places,
    places.toSorted((left, right) => left - right),
  )
  t.false(places.includes(-1))
  t.regex(page, /Content-Security-Policy" content="default-src &#39;none&#39;; /)
  t.notRegex(page, /(src|href)="(?!#)/)
  t.notRegex(page, /https?:/)
})

test('every link goes to a place in the page', (t) => {
  const page = renderPage({ description, events })
  const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
  const targets = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id)
  t.true(targets.length > 10)
  t.deepEqual(
    targets.filter((target) => !ids.has(target)),
    [],
  )
})

test('hosts that are alike share a card once there are many', (t) => {
  const names = Array.from({ length: 40 }, (_, index) => `web${index + 1}`)
  const many: RecordedEvent[] = [{ at: 0, type: 'run:start', check: false, hosts: names, plays: ['p'] }]
  const groups = Object.fromEntries(names.map((name) => [name, ['all', 'web']]))
  const page = renderPage({ description: { ...description, outcome: 'ok', groups }, events: many })
  t.true(page.includes('web1 … web40 (40)'))
  t.is(page.match(/class="card"/g)?.length, 1)
})

test('a run without any host is a page too', (t) => {
  t.true(
    renderPage({
      description: { ...description, outcome: 'error', groups: {} },
      events: [{ at: 0, type: 'error', error: { code: 'input', message: 'no hosts' } }],
    }).includes('no hosts'),
  )
})

test('a task that runs on another host names it, among the failures and among the tasks', (t) => {
  const drain = task(1, 'drain', { on: 'lb1' })
  const error = new ProvisionError({ code: 'apply', message: 'failed with exit code 1' })
  const own = [taskEnd('web1', drain, 'failed', { error })].map((event) => ({ at: 1, ...plainEvent(event, { cwd }) }))
  const page = renderPage({ description, events: own as unknown as RecordedEvent[] })
  t.regex(page, /web1 → lb1 · <a href="#t-web1-1">drain<\/a>/)
  t.true(page.includes('<span class="title">→ lb1 · drain</span>'))
})
