// Central logging on real hosts of three suites: one request found in the lines of all tiers, nothing lost while the log host is away, and
// who may send and receive.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer, type TLSSocket } from 'node:tls'
import anyTest, { type TestFn } from 'ava'
import { app } from '../../roles/app.ts'
import { base } from '../../roles/base.ts'
import { firewall } from '../../roles/firewall.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { hardening } from '../../roles/hardening.ts'
import { type LoggingParams, logging } from '../../roles/logging.ts'
import { nginx } from '../../roles/nginx.ts'
import { definePlaybook, play } from '../../src/core/play.ts'
import { fileFile } from '../../src/resources/file-file.ts'
import { useLab } from '../lab/harness.ts'
import { root } from '../lab/provision.ts'

const test = anyTest as TestFn
const hosts = ['log1', 'log2', 'log3'] as const
const lab = useLab(test, 'log', ['log1:trixie', 'log2:bookworm', 'log3:sid'])

const domains = ['www.foobar.com']
const inventory = () => lab().inventory({ groups: { logs: ['log1'], lb: ['log2'], web: ['log3'], app: ['log3'] } })
const site = () => [
  // the daemons log from within their sandboxes
  play({
    hosts: 'all',
    roles: [base(), firewall(), hardening({ bans: false, upgrades: false, audit: false }), logging()],
  }),
  play({ hosts: 'app', roles: [app({ source: { directory: join(root, 'examples/app') } })] }),
  play({ hosts: 'web', roles: [nginx({ domains })] }),
  play({ hosts: 'lb', roles: [haproxy({ domains })] }),
]
const run = (more: { check?: boolean; verify?: boolean } = {}) =>
  lab().run(site(), {
    playbook: definePlaybook(site(), { packagesFirst: true }),
    inventory: inventory(),
    ...more,
  })

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited three minutes in vain: ${what}`)
    await delay(300)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hostwright-logging-'))
test.after.always(() => rmSync(folder, { recursive: true }))

/** A certificate of an authority that the site does not know, and that authority. */
function foreign(name: string) {
  const at = (file: string) => join(folder, `${name}-${file}`)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=foreign', '-keyout', at('ca.key'), '-out', at('ca.pem'))
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-days', '2']
  openssl('req', '-x509', ...key, ...names, ...signed, '-keyout', at('key'), '-out', at('pem'))
  const read = (file: string) => readFileSync(at(file), 'utf8')
  return { ca: read('ca.pem'), key: read('key'), certificate: read('pem') }
}

test.serial('check mode touches nothing', async (t) => {
  t.timeout(300_000)
  const state = 'ls -lR --time-style=full-iso /etc/rsyslog* /etc/systemd /etc/logrotate.d /var/log/remote 2>&1 || true'
  const before = await Promise.all(hosts.map((host) => lab().must(host, state)))
  t.deepEqual((await run({ check: true })).errors, [])
  t.deepEqual(await Promise.all(hosts.map((host) => lab().must(host, state))), before)
})

test.serial('what each host says arrives, and a second run changes nothing', async (t) => {
  t.timeout(900_000)
  t.deepEqual((await run()).errors, [])
  const second = await run()
  t.deepEqual(second.errors, [])
  for (const host of hosts) t.is(second.result.hosts[host]?.changed, 0, host)
  t.deepEqual((await run({ verify: true })).errors, [])
  t.regex(await lab().must('log1', 'stat -c %a:%U:%G /var/log/remote/log2/provision-verify.log'), /^640:root:adm/)
})

test.serial(
  'one request is found by its id in the lines of haproxy, nginx and the app; the id is not the client’s',
  async (t) => {
    t.timeout(300_000)
    const { requestId } = JSON.parse(
      await lab().must(
        'log2',
        `curl -fsk -H 'X-Request-ID: forged' -H 'Host: ${domains[0]}' 'https://127.0.0.1/whoami?a="b'`,
      ),
    )
    t.regex(requestId, /^[0-9A-F:_]+$/)
    for (const file of ['log2/haproxy.log', 'log3/nginx.log', 'log3/app.log']) {
      const find = `grep -F '${requestId}' /var/log/remote/${file}`
      await until(`the request in ${file}`, async () => (await lab().on('log1', find)).code === 0)
      const line = await lab().must('log1', find)
      t.is(JSON.parse(line.slice(line.indexOf('{'))).id, requestId, 'a line is one JSON object')
    }
  },
)

test.serial('nothing is lost while the log host is away, however it went', async (t) => {
  t.timeout(600_000)
  const count = "sort -u -k 4 /var/log/remote/log3/numbered.log 2>/dev/null | grep -c 'number [0-9]*$' || true"
  const say = (from: number, to: number) => lab().must('log3', `seq -f 'number %g' ${from} ${to} | logger -t numbered`)
  const arrived = async () => Number(await lab().must('log1', count))
  await say(1, 500)
  const during = say(501, 1500)
  await lab().must('log1', 'systemctl kill --signal=KILL rsyslog; systemctl stop rsyslog syslog.socket')
  await during
  await say(1501, 2000)
  t.true((await arrived()) < 2000)
  // what waits outlives the daemon that waits with it
  await lab().must('log3', 'systemctl restart rsyslog')
  await say(2001, 2100)
  await lab().must('log1', 'systemctl start syslog.socket rsyslog')
  await until('all 2100 lines', async () => (await arrived()) === 2100)
  t.is(await arrived(), 2100)
})

test.serial('who has no certificate of the site is refused', async (t) => {
  t.timeout(300_000)
  const { certificate, key } = foreign('log3')
  await lab().must(
    'log3',
    `mkdir -p /root/foreign; cat >/root/foreign/pem <<'END'\n${certificate}END\ncat >/root/foreign/key <<'END'\n${key}END`,
  )
  // the first words of RELP, said by a program that is not rsyslog
  const greeting = `const [address, ca, ...own] = process.argv.slice(2)
const read = require('node:fs').readFileSync
const socket = require('node:tls').connect({ host: address, port: 6514, servername: 'log1', ca: read(ca), ...(own.length && { cert: read(own[0]), key: read(own[1]) }) })
socket.write('1 open 49 relp_version=0\\nrelp_software=test\\ncommands=syslog\\n')
socket.on('data', (data) => { console.log(data.toString()); process.exit() })
socket.on('error', () => undefined).on('close', () => process.exit())`
  const greet = (...own: string[]) =>
    lab().on('log3', `node - ${[lab().address('log1'), '/etc/rsyslog/tls/ca.pem', ...own].join(' ')}`, greeting)
  t.regex((await greet('/etc/rsyslog/tls/server.pem', '/etc/rsyslog/tls/server.key')).stdout, /rsp .*200 OK/s)
  t.notRegex((await greet('/root/foreign/pem', '/root/foreign/key')).stdout, /rsp /)
  t.notRegex((await greet()).stdout, /rsp /)
})

test.serial(
  'collectors of others get RFC 5424 with their token, or JSON, over TLS; one with a wrong name gets nothing',
  async (t) => {
    t.timeout(600_000)
    const collector = foreign('collector.example')
    const received = new Map<string, string>()
    const sockets = new Set<TLSSocket>()
    const servers = ['named', 'json', 'other'].map((name) => {
      const server = createServer({ key: collector.key, cert: collector.certificate }, (socket) => {
        socket.on('error', () => undefined)
        socket.setEncoding('utf8').on('data', (text: string) => received.set(name, (received.get(name) ?? '') + text))
      })
      server.on('tlsClientError', () => undefined)
      return server
    })
    t.teardown(() => {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    })
    const [named, json, other] = await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve) => {
            server.listen(0, () => resolve((server.address() as AddressInfo).port))
          }),
      ),
    )
    const to = { host: lab().status.network.gateway, caFile: '/etc/ssl/collector.pem', token: 'Sesame-0123' }
    const targets = [
      { ...to, port: named ?? 0, peer: 'collector.example', enterprise: 41058 },
      { ...to, port: json ?? 0, peer: 'collector.example', format: 'json' },
      { ...to, port: other ?? 0, peer: 'another.example' },
    ] satisfies LoggingParams['targets']
    const plays = [
      play({
        hosts: 'log2',
        preTasks: fileFile({ dest: '/etc/ssl/collector.pem', content: collector.ca }),
        roles: [logging({ targets })],
      }),
    ]
    t.deepEqual((await lab().run(plays, { inventory: inventory() })).errors, [])
    t.is((await lab().must('log2', 'stat -c %a /etc/rsyslog.d/10-provision.conf')).trim(), '600')
    await lab().must('log2', `logger -t shop 'he said "open"'`)
    await until('both collectors', async () =>
      ['named', 'json'].every((name) => received.get(name)?.includes('he said') ?? false),
    )
    t.regex(
      received.get('named') ?? '',
      /^<13>1 \d{4}-\d\d-\d\dT\S+ log2 shop \d+ - \[Sesame-0123@41058\] ?he said "open"$/m,
    )
    const line = (received.get('json') ?? '').split('\n').find((text) => text.includes('"program":"shop"')) ?? ''
    t.like(JSON.parse(line), { token: 'Sesame-0123', host: 'log2', program: 'shop', severity: 'notice' })
    t.is(received.get('other'), undefined)
  },
)
