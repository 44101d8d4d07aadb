// Three hosts that each carry every tier: a run, a second one that changes nothing, and what a visitor notices when the host
// that holds the address is cut off, by the client of `npm run outages`.
import anyTest, { type TestFn } from 'ava'
import { converge, type LabSite, openSite } from '../../judge/lab-site.ts'
import { layoutOf } from '../../judge/layout.ts'
import { events } from '../../judge/outages/events.ts'
import { measureEvent } from '../../judge/outages/measure.ts'

const test = anyTest as TestFn
const say = (message: string) => process.stderr.write(`${message}\n`)
let site: LabSite

test.before(async (t) => {
  t.timeout(600_000)
  site = await openSite({ lab: 't-layouts', layout: layoutOf('three-hosts-no-single-point'), say })
})
test.after.always(async (t) => {
  t.timeout(120_000)
  if (!process.env.KEEP_LAB) await site.close()
})

test.serial('three hosts without a single point of failure: a second run changes nothing', async (t) => {
  t.timeout(1_200_000)
  await converge(site, say)
  const { changed } = await converge(site, say)
  t.deepEqual(changed, { host1: 0, host2: 0, host3: 0 })
})

test.serial('the balancer that serves stops: another serves, and no acknowledged row is lost', async (t) => {
  t.timeout(900_000)
  const event = events.find(({ name }) => name === 'balancer-stopped')
  if (!event) return t.fail('there is no such event')
  // the machine may be a slow one: what counts here is that nothing is lost, not how long it takes
  const settings = { every: 200, patience: 15_000, quiet: 2000, deadline: 300_000, say }
  const { rows, phases } = await measureEvent(site, event, settings)
  t.true(rows.acknowledged > 0)
  t.deepEqual([rows.lost, rows.doubled], [[], []])
  t.deepEqual(
    phases.map(({ name, steady }) => [name, steady]),
    [
      ['before', true],
      ['event', true],
      ['return', true],
    ],
  )
})
