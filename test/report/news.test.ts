import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import type { HostRecap, RunEvent } from '../../src/core/events.ts'
import { createNewsReport, newMemory } from '../../src/report/news.ts'
import { makePaint } from '../../src/report/paint.ts'
import { createPlainReport } from '../../src/report/plain.ts'
import { cwd, noRecap, task, taskEnd } from './events.ts'
import { sink } from './sink.ts'

const motd = task(1, 'file.file /etc/motd')
const hosts = task(2, 'file.file /etc/hosts')
const differs = { changes: [{ summary: 'content differs' }] }

/** The rounds of a watch as one text. */
function watch() {
  const memory = newMemory()
  const stream = sink()
  return {
    text: () => stream.text(),
    round: async (events: readonly RunEvent[], recap: Record<string, Partial<HostRecap>>, check = true) => {
      const report = createNewsReport({
        report: createPlainReport({ stream, colour: false, cwd }),
        write: stream.write,
        paint: makePaint(false),
        memory,
        clock: () => `round ${memory.rounds}`,
      })
      const names = Object.keys(recap)
      report.emit({ type: 'run:start', check, hosts: names, plays: ['Web servers'] })
      report.emit({ type: 'play:start', play: 'Web servers', hosts: names })
      for (const event of events) report.emit(event)
      const full = Object.fromEntries(Object.entries(recap).map(([name, host]) => [name, { ...noRecap, ...host }]))
      report.emit({ type: 'recap', hosts: full, elapsedMs: 84, check })
      await report.end()
    },
  }
}

const done = (host: string, failed = false): RunEvent => ({ type: 'host:play:end', host, play: 'Web servers', failed })

test('drift is told when it appears, not again, and told off when it is gone', async (t) => {
  const { round, text } = watch()
  await round([taskEnd('web1', motd, 'ok'), done('web1')], { web1: { ok: 1 } })
  await round([taskEnd('web1', motd, 'changed', differs), done('web1')], { web1: { changed: 1 } })
  await round([taskEnd('web1', motd, 'changed', differs), done('web1')], { web1: { changed: 1 } })
  await round([taskEnd('web1', motd, 'ok'), done('web1')], { web1: { ok: 1 } })
  t.is(
    text(),
    `check mode: nothing will be changed
round 1  nothing to change on 1 host in 84 ms
Web servers (web1)
web1  changed  file.file /etc/motd  (content differs)
round 2  drift on web1 (1 task) in 84 ms
round 3  drift on web1 (1 task), as before in 84 ms
web1  mended   file.file /etc/motd
round 4  nothing to change on 1 host in 84 ms
`,
  )
})

test('another difference of the same task is news', async (t) => {
  const { round, text } = watch()
  const diff = (after: string) => ({
    changes: [{ summary: 'content differs', diff: { label: 'm', before: 'a', after } }],
  })
  await round([taskEnd('web1', motd, 'changed', diff('b')), done('web1')], { web1: { changed: 1 } })
  await round([taskEnd('web1', motd, 'changed', diff('c')), done('web1')], { web1: { changed: 1 } })
  t.is(text().split('web1  changed').length, 3)
})

test('changes that were made are told each time, and none of them is mended later', async (t) => {
  const { round, text } = watch()
  for (let number = 0; number < 2; number++)
    await round([taskEnd('web1', motd, 'changed', differs), done('web1')], { web1: { changed: 1 } }, false)
  await round([taskEnd('web1', motd, 'ok'), done('web1')], { web1: { ok: 1 } }, false)
  t.is(text().split('web1  changed').length, 3)
  t.false(text().includes('mended'))
})

test('what a host did not come to is neither mended nor new afterwards', async (t) => {
  const { round, text } = watch()
  const error = new ProvisionError({ code: 'unreachable', message: 'web1 does not answer' })
  await round([taskEnd('web1', motd, 'changed', differs), done('web1')], { web1: { changed: 1 } })
  await round([{ type: 'host:unreachable', host: 'web1', error }], { web1: { unreachable: true } })
  await round([{ type: 'host:unreachable', host: 'web1', error }], { web1: { unreachable: true } })
  const connected = { type: 'host:connected', host: 'web1' } as const
  await round([connected, taskEnd('web1', motd, 'changed', differs), done('web1')], { web1: { changed: 1 } })
  t.is(text().split('does not answer').length, 2)
  t.is(text().split('web1  changed').length, 2)
  t.true(text().includes('round 3  unreachable: web1, as before'))
  t.true(text().endsWith('web1  mended   reachable again\nround 4  drift on web1 (1 task), as before in 84 ms\n'))
})

test('many that are mended at once are counted', async (t) => {
  const { round, text } = watch()
  const five = [1, 2, 3, 4, 5].map((id) => task(id, `file.file /etc/${id}`))
  await round([...five.map((each) => taskEnd('web1', each, 'changed', differs)), done('web1')], {
    web1: { changed: 5 },
  })
  await round([...five.map((each) => taskEnd('web1', each, 'ok')), done('web1')], { web1: { ok: 5 } })
  t.true(text().includes('web1  mended   5 tasks\n'))
})

test('the last line names the hosts', async (t) => {
  const { round, text } = watch()
  await round(
    [taskEnd('web1', motd, 'changed', differs), taskEnd('web2', hosts, 'failed'), done('web1'), done('web2', true)],
    { web1: { changed: 1, unknown: 2 }, web2: { failed: 1 }, web3: {} },
  )
  t.true(
    text().endsWith('round 1  failed on web2, drift on web1 (1 task), unknown until then on web1 (2 tasks) in 84 ms\n'),
    text(),
  )
})
