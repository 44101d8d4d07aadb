// The reference job on three real hosts: a plan first, then its apply, a rerun, and everything that was promised, from
// outside.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { openPorts, request } from '../../scripts/site-client.ts'
import { useLab } from './harness.ts'
import { jsonLines, provision, recapOf } from './provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'site', ['lb1:bookworm', 'web1:sid', 'web2:sid'], { acme: true })
const env = { PROVISION_LAB: 't-site' }
const folder = mkdtempSync(join(tmpdir(), 'provision-site-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const plan = join(folder, 'site.plan')
const secrets = () => ['--secrets', lab().secretsFile]
const run = (...more: string[]) =>
  provision(['--inventory', 'inventory/lab.ts', '--output', 'json', ...secrets(), ...more], env)
const site = () => ({
  address: lab().address('lb1'),
  domain: 'www.foobar.com',
  ca: readFileSync(lab().status.acme?.root ?? '', 'utf8'),
})

/** `host task` of everything that a run or a check says is or would be changed (or, in check mode, may be). */
function touched(lines: readonly Record<string, unknown>[], statuses: readonly string[]): Set<string> {
  return new Set(
    lines
      .filter((line) => line.type === 'task:end' && statuses.includes(String(line.status)))
      .map((line) => `${line.host} ${(line.task as { title: string }).title}`),
  )
}
let announced = new Set<string>()

test.serial('a plan of bare hosts ends well and touches nothing', async (t) => {
  t.timeout(600_000)
  const look =
    'find /etc /usr /var/lib -newer /root/before -not -path "/var/lib/hostwright*" -not -path "*/systemd/*" | head; dpkg-query -W | sha256sum'
  const before = await Promise.all(
    lab().status.hosts.map(async (host) => {
      await lab().must(host.name, 'touch /root/before')
      return await lab().must(host.name, 'dpkg-query -W | sha256sum')
    }),
  )
  const made = await provision(
    ['plan', '--inventory', 'inventory/lab.ts', '--output', 'json', '-o', plan, ...secrets()],
    env,
  )
  t.is(made.code, 0, made.stderr)
  announced = touched(jsonLines(made), ['changed', 'unknown'])
  t.true(announced.size > 20)
  for (const [index, host] of lab().status.hosts.entries()) {
    t.is(await lab().must(host.name, look), before[index] ?? '', `${host.name} was touched`)
  }
  t.is((await run('--check', '--detailed-exitcode')).code, 4)
})

test.serial('three bare hosts become the site, and the plan had announced every change', async (t) => {
  t.timeout(900_000)
  // the apply refuses a change that the plan did not announce, so one of those would end it with an error
  const first = await provision(['apply', plan, '--output', 'json'], env)
  t.is(
    first.code,
    0,
    `${first.stderr}\n${jsonLines(first)
      .filter((line) => line.error)
      .map((line) => JSON.stringify(line.error))
      .join('\n')}`,
  )
  const unannounced = [...touched(jsonLines(first), ['changed'])].filter((task) => !announced.has(task))
  t.deepEqual(unannounced, [])
})

test.serial('a second run changes nothing and costs a request or two per host', async (t) => {
  t.timeout(300_000)
  const again = await run()
  t.is(again.code, 0, again.stderr)
  const recap = recapOf(again)
  t.is(Object.keys(recap.hosts).length, 3)
  for (const [host, counts] of Object.entries(recap.hosts)) {
    t.is(counts.changed, 0, `${host}: ${[...touched(jsonLines(again), ['changed'])].join(', ')}`)
    t.true(counts.ok > 20)
    // facts and all probes; the database hosts' plays depend on facts, so theirs come with a second request
    t.is(counts.requests, host === 'lb1' ? 1 : 2, host)
  }
})

test.serial('verify finds every promise kept', async (t) => {
  t.timeout(300_000)
  const verify = await provision(['verify', '--inventory', 'inventory/lab.ts', '--output', 'json', ...secrets()], env)
  t.is(verify.code, 0, verify.stderr + verify.stdout.slice(-3000))
})

test.serial(
  'both servers answer in turn over HTTPS, with a certificate of the ACME authority; HTTP redirects',
  async (t) => {
    const servers: string[] = []
    for (let turn = 0; turn < 6; turn++) servers.push((await request(site(), 'GET', '/whoami')).json.server)
    t.deepEqual([...new Set(servers)].sort(), ['web1', 'web2'])
    t.true(
      servers.every((server, index) => index === 0 || server !== servers[index - 1]),
      servers.join(' '),
    )
    const plain = await request({ ...site(), plain: true }, 'GET', '/a?b=c')
    t.is(plain.status, 301)
    t.is(plain.headers.location, 'https://www.foobar.com/a?b=c')
    t.regex(String((await request(site(), 'GET', '/whoami')).headers['strict-transport-security']), /^max-age=63072000/)
  },
)

test.serial("the app sees the client's own address, and a forged one is dropped", async (t) => {
  const { json } = await request(site(), 'GET', '/whoami')
  t.is(
    json.client,
    lab()
      .address('lb1')
      .replace(/\.\d+$/, '.1'),
  )
})

test.serial('a row written through the app is on the replica within a second', async (t) => {
  const text = `row "${Date.now()}" 'ü' $HOME`
  t.is((await request(site(), 'POST', '/notes', text)).status, 200)
  const deadline = Date.now() + 1000
  let found = false
  while (!found && Date.now() < deadline) found = (await request(site(), 'GET', '/notes')).json.notes[0]?.text === text
  t.true(found)
  const { json } = await request(site(), 'GET', '/database')
  t.is(json.writes.host, 'web1')
  t.is(json.reads.host, 'web2')
  t.is(json.reads.readOnly, 1)
})

test.serial('a direct write on the replica is refused', async (t) => {
  const result = await lab().on('web2', `mysql -e "CREATE DATABASE forbidden"`)
  t.not(result.code, 0)
  t.regex(result.stderr, /read-only/)
})

test.serial('from outside only the declared ports answer', async (t) => {
  const ports = [21, 22, 25, 80, 111, 443, 3000, 3306, 6446, 6447, 8080, 8081, 8404, 8443, 8888, 9100, 9201, 33060]
  t.deepEqual(await openPorts(lab().address('lb1'), ports), [22, 80, 443])
  t.deepEqual(await openPorts(lab().address('web1'), ports), [22])
  t.deepEqual(await openPorts(lab().address('web2'), ports), [22])
})

test.serial(
  'the load balancer reaches nginx and the database; a web server reaches the primary and not the other nginx',
  async (t) => {
    const reach = (address: string, port: number) =>
      `timeout 2 bash -c 'exec 3<>/dev/tcp/${address}/${port}' 2>/dev/null && echo open || echo closed`
    t.is((await lab().must('lb1', reach(lab().address('web1'), 8443))).trim(), 'open')
    t.is((await lab().must('lb1', reach(lab().address('web1'), 8080))).trim(), 'closed')
    t.is((await lab().must('lb1', reach(lab().address('web1'), 3306))).trim(), 'open')
    t.is((await lab().must('web2', reach(lab().address('web1'), 3306))).trim(), 'open')
    t.is((await lab().must('web2', reach(lab().address('web1'), 8443))).trim(), 'closed')
  },
)

test.serial('with one web server stopped every one of 200 requests succeeds', async (t) => {
  t.timeout(180_000)
  await lab().must('web1', 'systemctl stop nginx')
  try {
    const failed: string[] = []
    for (let index = 0; index < 200; index++) {
      const answer = await request(site(), 'GET', '/whoami').catch((error: Error) => ({
        status: 0,
        json: { server: error.message },
      }))
      if (answer.status !== 200) failed.push(`${index}: ${answer.status} ${answer.json?.server}`)
    }
    t.deepEqual(failed, [])
  } finally {
    await lab().must('web1', 'systemctl start nginx')
  }
})

test.serial('a secret of the site stands in no world-readable file and in no output', async (t) => {
  const values = Object.values(JSON.parse(readFileSync(lab().secretsFile, 'utf8')) as Record<string, string>).filter(
    (value) => value.length >= 12,
  )
  t.true(values.length > 0)
  const again = await run('-vv', '--diff')
  for (const value of values) {
    t.false(again.stdout.includes(value) || again.stderr.includes(value))
    for (const host of ['web1', 'web2']) {
      const found = await lab().on(
        host,
        `grep -rlF -- '${value}' /etc /srv /var/lib/hostwright 2>/dev/null | while read -r f; do find "$f" -perm /o+r; done`,
      )
      t.is(found.stdout, '', `${host}`)
    }
  }
})

test.serial('active-passive: the second server answers only when the first does not', async (t) => {
  t.timeout(180_000)
  const changed = await run('--extra-vars', 'haproxy.mode=active-passive', '--limit', 'lb1')
  t.is(changed.code, 0, changed.stderr)
  const ask = async () => (await request(site(), 'GET', '/whoami')).json.server as string
  t.deepEqual([await ask(), await ask(), await ask()], ['web1', 'web1', 'web1'])
  await lab().must('web1', 'systemctl stop nginx')
  try {
    t.deepEqual([await ask(), await ask()], ['web2', 'web2'])
  } finally {
    await lab().must('web1', 'systemctl start nginx')
  }
})

test.serial(
  'a valid file and a reload that returned 0 do not prove that the new configuration runs: the role asks the process',
  async (t) => {
    t.timeout(180_000)
    // more file descriptors than the kernel gives: haproxy -c accepts it, the new worker dies, the old one goes on serving
    const refused = await run('--extra-vars', 'haproxy.maxConnections=2000000', '--limit', 'lb1')
    t.is(refused.code, 2, refused.stdout.slice(-3000))
    t.regex(refused.stdout, /127\.0\.0\.1:8404\/config: expected status 200 with/)
    t.is((await request(site(), 'GET', '/whoami')).status, 200)
    const mended = await run('--limit', 'lb1')
    t.is(mended.code, 0, mended.stdout.slice(-3000))
  },
)

test.serial('an active unit does not prove that the app answers: the role asks the app', async (t) => {
  t.timeout(240_000)
  const refused = await run('--extra-vars', 'app.command=/usr/bin/sleep infinity', '--limit', 'web2')
  t.is(refused.code, 2, refused.stdout.slice(-3000))
  t.is((await lab().on('web2', 'systemctl is-active app')).stdout.trim(), 'active')
  t.is((await request(site(), 'GET', '/whoami')).json.server, 'web1')
  const mended = await run('--limit', 'web2')
  t.is(mended.code, 0, mended.stdout.slice(-3000))
  t.is(recapOf(await run()).hosts.web2?.changed, 0)
})

test.serial('leastconn and source: one parameter, one changed file, one reload', async (t) => {
  t.timeout(180_000)
  for (const balance of ['leastconn', 'source']) {
    const changed = await run('--extra-vars', `haproxy.balance=${balance}`, '--limit', 'lb1')
    t.is(changed.code, 0, changed.stderr)
    t.is((await request(site(), 'GET', '/whoami')).status, 200)
    t.regex(await lab().must('lb1', 'cat /etc/haproxy/haproxy.cfg'), new RegExp(`balance ${balance}`))
  }
  const sticky = new Set<string>()
  for (let turn = 0; turn < 4; turn++) sticky.add((await request(site(), 'GET', '/whoami')).json.server)
  t.is(sticky.size, 1)
  t.is((await run('--limit', 'lb1')).code, 0)
})

test.serial('the certificate is issued again when the names change', async (t) => {
  t.timeout(180_000)
  const names = () =>
    lab().must('lb1', 'openssl x509 -in /etc/haproxy/certs/www.foobar.com.pem -noout -ext subjectAltName')
  t.regex(await names(), /DNS:foobar\.com/)
  const changed = await run('--extra-vars', 'letsencrypt.domains=["www.foobar.com"]', '--limit', 'lb1')
  t.is(changed.code, 0, changed.stderr)
  t.notRegex(await names(), /DNS:foobar\.com/)
  t.is((await lab().must('lb1', 'stat -c "%a %U" /etc/haproxy/certs/www.foobar.com.pem')).trim(), '600 root')
  t.regex(
    await lab().must('lb1', 'openssl x509 -in /etc/haproxy/certs/www.foobar.com.pem -noout -text'),
    /id-ecPublicKey/,
  )
})

test.serial('a fourth server becomes a second replica, seeded with the rows that are there', async (t) => {
  t.timeout(600_000)
  await lab().add('db3:sid')
  const args = ['--inventory', 'inventory/examples/second-replica.ts', '--output', 'json', ...secrets()]
  const first = await provision(args, env)
  t.is(first.code, 0, first.stderr + first.stdout.slice(-4000))
  const rows = (host: string) => lab().must(host, 'mysql -NBe "SELECT COUNT(*) FROM app.notes"')
  t.is(await rows('db3'), await rows('web1'))
  t.not((await lab().on('db3', 'mysql -e "CREATE DATABASE forbidden"')).code, 0)
  for (const [host, counts] of Object.entries(recapOf(await provision(args, env)).hosts)) t.is(counts.changed, 0, host)
})
