// npm run bench: `npm run bench` runs every workload, `npm run bench -- rerun delay` only these, `-- report` writes
// docs/performance.md from what has been measured, `-- list` says what there is.
import { cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeContext } from './context.ts'
import { loadWorkloads } from './load-workloads.ts'
import { writeReport } from './report/write.ts'
import { versionsOf } from './requirements.ts'
import { startRun } from './results.ts'

const help = `npm run bench -- [options] [workload…]   measure (default: every workload)
npm run bench -- report                   write docs/performance.md and its plots from bench/results/
npm run bench -- list                     the workloads, and how long each takes

  --rounds N          at most N rounds of each workload (BENCH_QUICK=1: one)
  --contestants LIST  only these, comma-separated
`
const resultsFolder = fileURLToPath(new URL('results/', import.meta.url))
const say = (message: string) => process.stderr.write(`${message}\n`)

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' }, contestants: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
})
const workloads = await loadWorkloads()

if (options.help) say(help)
else if (positionals[0] === 'list') {
  for (const { name, title, minutes } of workloads) say(`${name.padEnd(10)} about ${minutes} min  ${title}`)
} else if (positionals[0] === 'report') await writeReport(resultsFolder, workloads, say)
else await measureAll()

async function measureAll(): Promise<void> {
  const chosen = positionals.length === 0 ? workloads : positionals.map(findWorkload)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  const run = new Date().toISOString().slice(0, 19).replaceAll(':', '')
  const record = await startRun(resultsFolder, {
    run,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    kernel: release(),
    load: loadavg()[0] ?? 0,
    versions: await versionsOf(['openssh-client', 'ansible-core', 'ansible', 'ansible-mitogen']),
    options: process.argv.slice(2).join(' '),
  })
  const context = makeContext({
    run,
    record,
    rounds: process.env.BENCH_QUICK ? 1 : wholeNumber(options.rounds),
    contestants: options.contestants?.split(','),
    say,
    signal: stopping.signal,
  })
  for (const workload of chosen) {
    const started = performance.now()
    say(`\n${workload.title}`)
    await workload.run(context).catch((error: unknown) => {
      if (stopping.signal.aborted) throw error
      say(`${workload.name} broke off: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    })
    say(`${workload.name} took ${((performance.now() - started) / 60_000).toFixed(1)} min`)
  }
}

function findWorkload(name: string) {
  const found = workloads.find((workload) => workload.name === name)
  if (found) return found
  throw new Error(`there is no workload ${name}; there are ${workloads.map((workload) => workload.name).join(', ')}`)
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new Error(`--rounds ${text}: expected a whole number above 0`)
  return number
}
