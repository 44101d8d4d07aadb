// Where a run's wall time goes: per host and task, which host waited for which, and the path that decided the end.
//   node --import tsx bench/site/critical-path.ts [--save FILE] -- --inventory inventory/lab.ts
//   node --import tsx bench/site/critical-path.ts --read FILE
// The first runs provision with those arguments and `--output json`, and stamps each event as it arrives.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type Span, type StampedEvent, type Timeline, timelineOf, type Wait } from './timeline.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    read: { type: 'string' },
    save: { type: 'string' },
    /** Shorter parts of the path are left out. */
    least: { type: 'string', default: '20' },
  },
})
const events = values.read === undefined ? await record(positionals) : readStamped(values.read)
if (values.save !== undefined)
  writeFileSync(values.save, `${events.map((entry) => JSON.stringify(entry)).join('\n')}\n`, { mode: 0o600 })
print(timelineOf(events), Number(values.least))

/** Runs provision and stamps its events. */
async function record(args: readonly string[]): Promise<StampedEvent[]> {
  const started = performance.now()
  const child = spawn('node', ['bin/provision.js', ...args, '--output', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stamped: StampedEvent[] = []
  for await (const line of createInterface({ input: child.stdout }))
    stamped.push({ at: performance.now() - started, event: JSON.parse(line) as StampedEvent['event'] })
  return stamped
}

function readStamped(file: string): StampedEvent[] {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as StampedEvent)
}

function print({ spans, waits, path, elapsedMs }: Timeline, least: number): void {
  const say = (text = ''): void => void process.stdout.write(`${text}\n`)
  say(`The run took ${seconds(elapsedMs)} s, from the start of the command to its recap.`)
  for (const host of new Set(spans.map((span) => span.host))) {
    const own = spans.filter((span) => span.host === host)
    const waited = waits.filter((wait) => wait.host === host)
    say(`\n${host}: ${seconds(total(own))} s at work, ${seconds(total(waited))} s waiting`)
    for (const { host: _, ...row } of groups(own)) say(`  ${seconds(row.ms)} s  ${row.name} (${row.count})`)
    for (const wait of waited.filter((entry) => length(entry) >= least))
      say(`  waits ${seconds(length(wait))} s before "${wait.before}", for ${wait.for ?? 'nobody else'}`)
  }
  say('\nThe dearest tasks')
  const dear = [...spans].sort((a, b) => length(b) - length(a)).slice(0, 25)
  for (const span of dear) say(`  ${line(span)}`)
  say(`\nThe critical path: parts of ${least} ms and more (start, length)`)
  for (const part of path.filter((entry) => length(entry) >= least)) say(`  ${seconds(part.from)}  ${line(part)}`)
  const short = path.filter((entry) => length(entry) < least)
  say(`  and ${short.length} shorter parts, together ${seconds(total(short))} s`)
}

function groups(spans: readonly Span[]): { host: string; name: string; ms: number; count: number }[] {
  const rows = new Map<string, { host: string; name: string; ms: number; count: number }>()
  for (const span of spans) {
    const name = span.kind === 'task' ? `${span.resource} ${span.status}` : span.title
    const row = rows.get(name) ?? { host: span.host, name, ms: 0, count: 0 }
    row.ms += length(span)
    row.count++
    rows.set(name, row)
  }
  return [...rows.values()].sort((a, b) => b.ms - a.ms)
}

function line(part: Span | Wait): string {
  const label = 'before' in part ? `waits before "${part.before}"` : `${part.play}: ${part.title} ${part.status}`
  return `${seconds(length(part))} s  ${part.host}  ${label}`
}

function total(parts: readonly { from: number; to: number }[]): number {
  return parts.reduce((sum, part) => sum + length(part), 0)
}

function length({ from, to }: { from: number; to: number }): number {
  return to - from
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2).padStart(6)
}
