// What stands between strangers and the app: the web application firewall, the encryption behind the balancer, the limits.
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { app } from '../../roles/app.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { nginx } from '../../roles/nginx.ts'
import { play } from '../../src/core/play.ts'
import type { RunRequest } from '../../src/engine/run.ts'
import { useLab } from './harness.ts'
import { root } from './provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'defence', ['lb1:bookworm', 'web1:bookworm', 'web2:sid'])

const domains = ['www.foobar.com']
const plays = [
  play({
    name: 'web',
    hosts: 'web',
    roles: [app({ source: { directory: join(root, 'test/lab/echo-app') } }), nginx({ domains })],
  }),
  play({ name: 'load balancer', hosts: 'lb', roles: [haproxy({ domains })] }),
]
const run = (vars: Record<string, unknown>, more: Partial<RunRequest> = {}) =>
  lab().run(plays, {
    inventory: lab().inventory({ groups: { lb: ['lb1'], web: ['web1', 'web2'], app: ['web1', 'web2'] }, vars }),
    ...more,
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
    const promises = await run(vars, { verify: true })
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
    t.is((JSON.parse(body) as { body: string }).body, oddText)

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
