// The client of an outage measurement, a process of its own so that nothing else delays it: every `every` milliseconds it
// sends a numbered row and asks for the newest rows, each over a connection of its own, like a visitor who comes just now.
// It never waits for an answer before it sends the next. Each attempt is told to the parent when it has ended.
import { request } from '../../scripts/site-client.ts'
import type { Attempt, ClientOrder } from './client.ts'

const orders = process.argv[2]
if (!orders || !process.send) throw new Error('this file is started by client.ts')
const order = JSON.parse(orders) as ClientOrder // from client.ts
const tell = (attempt: Attempt) => process.send?.(attempt)
const running = new Set<Promise<void>>()

async function attempt(kind: 'write' | 'read', number: number): Promise<void> {
  const started = Date.now()
  try {
    const answer = await once(kind, number)
    tell({ kind, number, started, ended: Date.now(), ...answer })
  } catch (error) {
    tell({ kind, number, started, ended: Date.now(), failure: error instanceof Error ? error.message : String(error) })
  }
}

async function once(kind: 'write' | 'read', number: number): Promise<{ failure: string } | { newest?: number }> {
  const { site, prefix, patience } = order
  const { status, json, body } =
    kind === 'write'
      ? await request(site, 'POST', '/notes', `${prefix}-${number}`, patience)
      : await request(site, 'GET', '/notes', undefined, patience)
  if (status !== 200) return { failure: `status ${status}` }
  if (kind === 'write') return typeof json?.id === 'number' ? {} : { failure: `no id in ${body.slice(0, 60)}` }
  if (!Array.isArray(json?.notes)) return { failure: `no notes in ${body.slice(0, 60)}` }
  const own = (json.notes as { text: string }[]).filter(({ text }) => text.startsWith(`${prefix}-`))
  return own.length > 0 ? { newest: Math.max(...own.map(({ text }) => Number(text.slice(prefix.length + 1)))) } : {}
}

let stopping = false
process.on('message', () => {
  stopping = true
})
const begun = performance.now()
for (let number = 1; !stopping; number += 1) {
  for (const kind of ['write', 'read'] as const) {
    const work = attempt(kind, number).finally(() => running.delete(work))
    running.add(work)
  }
  const due = begun + number * order.every
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
}
await Promise.all(running)
process.disconnect()
