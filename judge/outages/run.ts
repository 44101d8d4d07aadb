// npm run outages: lets things go wrong in a lab, one after the other, while a client writes and reads, and writes
// docs/availability.md. `npm run outages -- EVENT…` measures only these, `-- list` names them, `-- report` writes the page again.
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { converge, openSite } from '../lab-site.ts'
import { type LayoutName, layoutNames, layoutOf } from '../layout.ts'
import { events } from './events.ts'
import { measureEvent } from './measure.ts'
import { readMeasurements, resultsFolder, writeAvailability } from './report.ts'

const help = `npm run outages -- [options] [event…]   measure (default: every event)
npm run outages -- list                  the events
npm run outages -- report                write docs/availability.md from what was measured

  --layout NAME  ${layoutNames.join(', ')} (default: production)
  --again        go on with the lab of an earlier run
  --keep         leave the lab up
`
// one address plays all visitors, and what is measured here is not the limit of requests by address
const manyVisitors = { nginx: { requestsPerSecond: 10_000, burst: 10_000, connectionsPerClient: 10_000 } }
const say = (message: string) => process.stderr.write(`${message}\n`)
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    layout: { type: 'string', default: 'production' },
    again: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})

if (options.help) say(help)
else if (positionals[0] === 'list') for (const { name, title } of events) say(`${name.padEnd(18)} ${title}`)
else if (positionals[0] === 'report') await writeAvailability(say)
else await measureAll()

async function measureAll(): Promise<void> {
  const chosen = positionals.length === 0 ? events : positionals.map(findEvent)
  const layout = layoutOf(findLayout(options.layout))
  const site = await openSite({ lab: 'outages', layout, again: options.again, vars: manyVisitors, say })
  try {
    await converge(site, say)
    await mkdir(resultsFolder, { recursive: true })
    for (const event of chosen) {
      const measured = await measureEvent(site, event, {
        every: 20,
        patience: 5000,
        quiet: 5000,
        deadline: 120_000,
        say,
      })
      const result = { layout: layout.name, ...measured }
      await writeFile(`${resultsFolder}${event.name}.json`, `${JSON.stringify(result)}\n`)
    }
  } finally {
    if (!options.keep) await site.close()
  }
  await writeAvailability(say)
  for (const { title, rows } of await readMeasurements()) {
    if (rows.lost.length + rows.doubled.length === 0) continue
    say(`${title}: acknowledged rows are missing (${rows.lost.length}) or doubled (${rows.doubled.length})`)
    process.exitCode = 1
  }
}

function findEvent(name: string) {
  const found = events.find((event) => event.name === name)
  if (found) return found
  throw new Error(`there is no event ${name}; there are ${events.map((event) => event.name).join(', ')}`)
}

function findLayout(name: string): LayoutName {
  const found = layoutNames.find((known) => known === name)
  if (found) return found
  throw new Error(`there is no layout ${name}; there are ${layoutNames.join(', ')}`)
}
