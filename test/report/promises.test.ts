import test from 'ava'
import type { RunEvent, TaskStatus } from '../../src/core/events.ts'
import { createPromisesReport } from '../../src/report/promises.ts'

function tableOf(events: readonly RunEvent[]): string {
  let text = ''
  const report = createPromisesReport({
    stream: {
      write: (part) => {
        text += part
      },
    },
    colour: false,
  })
  for (const event of events) report.emit(event)
  void report.end()
  return text
}

function ended(host: string, role: string | undefined, title: string, status: TaskStatus): RunEvent {
  const task = {
    id: 1,
    title: role ? `${role} › ${title}` : title,
    role,
    resource: 'wait.http',
    where: undefined,
    handler: false,
  }
  return {
    type: 'task:end',
    host,
    play: 'p',
    task,
    status,
    changes: [],
    reason: undefined,
    error: undefined,
    elapsedMs: 1,
  }
}

test('a row for each promise, with the hosts on which it is kept, broken or not checked', (t) => {
  const events = [
    ended('web1', 'app', 'the app answers', 'ok'),
    ended('web2', 'app', 'the app answers', 'failed'),
    ended('web1', 'nginx', 'nginx runs', 'changed'),
    ended('web1', 'nginx', 'only sometimes', 'skipped'),
    ended('web2', 'nginx', 'nginx runs', 'ok'),
  ]
  t.is(
    tableOf(events),
    `
app    the app answers  kept on web1, broken on web2
nginx  nginx runs       kept on web1, web2
       only sometimes   not checked on web1

3 promises kept, 1 broken, 1 not checked
`,
  )
})

test('hosts that were not reached are named, and so are all on which a promise is broken', (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `web${index + 1}`)
  const text = tableOf([
    { type: 'host:unreachable', host: 'db1', error: {} as never },
    ...names.map((name) => ended(name, 'app', 'a', 'failed')),
    ...names.map((name) => ended(name, 'app', 'b', 'ok')),
  ])
  t.true(text.includes(`broken on ${names.join(', ')}`))
  t.true(text.includes('b        kept on 12 hosts'))
  t.true(text.endsWith('12 promises kept, 12 broken, nothing is known of db1\n'))
})

test('no promises, long ones, and what a host may have written into a title', (t) => {
  t.regex(tableOf([]), /none has `verify`/)
  const text = tableOf([ended('web1', 'app', `${'x'.repeat(80)}\u001b[2J`, 'ok')])
  t.true(text.includes(`${'x'.repeat(59)}…  kept on web1`))
  t.false(text.includes('\u001b'))
})
