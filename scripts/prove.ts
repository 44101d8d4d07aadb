// Proves the demo from outside, without our own transport: HTTPS through the load balancer, the database by way of the
// app, ports by plain TCP connects, and a second run of the command that must change nothing (`--from-outside` leaves the
// last out: for a site that something else has made).
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { labStatus } from '../src/lab/lab.ts'
import { openPorts, request } from './site-client.ts'

const name = process.env.PROVISION_LAB
const lab = await labStatus(name)
const address = (host: string): string => lab.hosts.find((entry) => entry.name === host)?.address ?? ''
if (!lab.acme) throw new Error('the lab has no ACME directory')
const site = { address: address('lb1'), domain: 'www.foobar.com', ca: readFileSync(lab.acme.root, 'utf8') }
let failures = 0

async function prove(promise: string, body: () => Promise<string>): Promise<void> {
  try {
    process.stdout.write(`  ✔ ${promise}: ${await body()}\n`)
  } catch (error) {
    failures++
    process.stdout.write(`  ✘ ${promise}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function expect(condition: boolean, found: string): void {
  if (!condition) throw new Error(`found ${found}`)
}

process.stdout.write('\nProven from outside:\n')

await prove(
  'both servers answer in turn over HTTPS, with a certificate that verifies against the ACME root',
  async () => {
    const servers: string[] = []
    for (let turn = 0; turn < 6; turn++) servers.push((await request(site, 'GET', '/whoami')).json.server)
    expect(
      servers.every((server, index) => index === 0 || server !== servers[index - 1]),
      servers.join(' '),
    )
    return servers.join(' ')
  },
)

await prove('HTTP redirects to HTTPS', async () => {
  const answer = await request({ ...site, plain: true }, 'GET', '/whoami')
  expect(
    answer.status === 301 && answer.headers.location === 'https://www.foobar.com/whoami',
    `${answer.status} ${answer.headers.location}`,
  )
  return `${answer.status} to ${answer.headers.location}`
})

await prove('static files come from nginx itself', async () => {
  const answer = await request(site, 'GET', '/static/site.css')
  expect(answer.status === 200 && answer.headers['x-served-by'] !== undefined, String(answer.status))
  return `${answer.body.length} bytes from ${answer.headers['x-served-by']}`
})

await prove('a row written through the app is read back from the replica', async () => {
  const text = `proof ${Date.now()}`
  await request(site, 'POST', '/notes', text)
  const deadline = Date.now() + 1000
  for (;;) {
    const { json } = await request(site, 'GET', '/notes')
    if (json.notes?.[0]?.text === text) return `"${text}", written to the primary, read from ${json.readFrom}`
    if (Date.now() > deadline) throw new Error('not on the replica within a second')
  }
})

await prove('writes go to the primary, reads to the replica', async () => {
  const { json } = await request(site, 'GET', '/database')
  expect(
    json.writes.readOnly === 0 && json.reads.readOnly === 1 && json.writes.id !== json.reads.id,
    JSON.stringify(json),
  )
  return `writes to ${json.writes.host}, reads from ${json.reads.host}`
})

for (const [host, wanted] of [
  ['lb1', [22, 80, 443]],
  ['web1', [22]],
  ['web2', [22]],
] as const) {
  await prove(`only the declared ports of ${host} answer`, async () => {
    const open = await openPorts(address(host), [22, 80, 443, 3000, 3306, 8080, 8081, 8404, 8888, 9201, 33060])
    expect(open.join() === wanted.join(), open.join(', '))
    return open.join(', ')
  })
}

async function rerun(): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'node',
    ['bin/provision.js', '--inventory', 'inventory/lab.ts', '--output', 'json'],
    { maxBuffer: 1 << 26 },
  )
  const recap = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as {
    hosts: Record<string, { changed: number; ok: number }>
    elapsedMs: number
  }
  const hosts = Object.entries(recap.hosts)
  expect(
    hosts.every(([, host]) => host.changed === 0 && host.ok > 0),
    JSON.stringify(recap.hosts),
  )
  return `${hosts.map(([host, { ok, changed }]) => `${host} ${ok} ok ${changed} changed`).join(', ')} in ${recap.elapsedMs} ms`
}
if (!process.argv.includes('--from-outside')) await prove('a second run changes nothing', rerun)

process.exitCode = failures === 0 ? 0 : 1
