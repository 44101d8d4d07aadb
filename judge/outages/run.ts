// npm run outages: lets things go wrong in a lab, one after the other, while a client writes and reads, and writes
// docs/availability.md. `npm run outages -- EVENT…` measures only these, `-- list` names them, `-- report` writes the page again.
import { parseArgs } from 'node:util'
import { converge, openSite } from '../lab-site.ts'
import { findLayout, type LayoutName, layoutNames, layoutOf } from '../layout.ts'
import { events, type OutageEvent } from './events.ts'
import { measureEvent } from './measure.ts'
import { objectionsTo, readMeasurements, storeMeasurement, writeAvailability } from './report.ts'

const measuredLayouts: readonly LayoutName[] = ['production', 'three-hosts-no-single-point']
const help = `npm run outages -- [options] [event…]   measure (default: every event)
npm run outages -- list                  the events
npm run outages -- report                write docs/availability.md from what was measured

  --layout NAME  ${layoutNames.join(', ')} (default: ${measuredLayouts.join(', then ')})
  --lab NAME     the lab's name (default: outages)
  --every MS     milliseconds between two writes, and two reads (default: 20; more for a machine that is busy)
  --again        go on with the lab of an earlier run
  --keep         leave the lab up
`
const say = (message: string) => process.stderr.write(`${message}\n`)
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    layout: { type: 'string' },
    lab: { type: 'string', default: 'outages' },
    every: { type: 'string', default: '20' },
    again: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})

const settings = { every: Number(options.every), patience: 5000, quiet: 5000, deadline: 240_000, say }

if (options.help) say(help)
else if (positionals[0] === 'list') for (const { name, title } of events) say(`${name.padEnd(18)} ${title}`)
else if (positionals[0] === 'report') await writeAvailability(say)
else await measureAll()

async function measureAll(): Promise<void> {
  const chosen = positionals.length === 0 ? events : positionals.map(findEvent)
  for (const name of options.layout ? [findLayout(options.layout)] : measuredLayouts) await measureLayout(name, chosen)
  await writeAvailability(say)
  for (const objection of (await readMeasurements()).flatMap(objectionsTo)) {
    say(`✘ ${objection}`)
    process.exitCode = 1
  }
}

async function measureLayout(name: LayoutName, chosen: readonly OutageEvent[]): Promise<void> {
  const site = await openSite({ lab: options.lab, layout: layoutOf(name), again: options.again, say })
  try {
    await converge(site, say)
    for (const event of chosen) {
      const about = { layout: name, event: event.name, title: event.title }
      const measured = await measureEvent(site, event, settings).catch((error: unknown) => ({
        failure: error instanceof Error ? error.message : String(error),
      }))
      if ('failure' in measured) say(`${event.title}: ${measured.failure}`)
      await storeMeasurement({ ...about, ...measured })
    }
  } finally {
    if (!options.keep) await site.close()
  }
}

function findEvent(name: string) {
  const found = events.find((event) => event.name === name)
  if (found) return found
  throw new Error(`there is no event ${name}; there are ${events.map((event) => event.name).join(', ')}`)
}
