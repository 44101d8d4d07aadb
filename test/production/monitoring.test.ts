// A server with everything and a monitor: what Prometheus sees, and that somebody hears of it when the site is gone.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { dashboards } from '../../roles/monitoring/dashboards.ts'
import { ruleFile } from '../../roles/monitoring/rules.ts'
import { type Receivers, startReceivers } from '../lab/alert-receivers.ts'
import { startBrowser } from '../lab/browser.ts'
import { useLab } from '../lab/harness.ts'
import { provision, recapOf, startProvision } from '../lab/provision.ts'
import { promtoolTests } from '../roles/monitoring/cases.ts'
import { judgements } from '../roles/monitoring/every-rule.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'watch-mon', ['srv1:bookworm', 'mon1:trixie'], { acme: true })
const folder = mkdtempSync(join(tmpdir(), 'hostwright-monitoring-'))
const choices = join(folder, 'choices.json')
let receivers: Receivers | undefined

/** Who is to be alarmed, as variables of the command line. */
async function chooseReceivers(): Promise<void> {
  receivers = await startReceivers(lab().status.network.gateway)
  const monitoring = {
    scrapeInterval: '2s',
    groupWait: '1s',
    groupInterval: '5s',
    webhooks: [{ url: receivers.webhook, token: 'a token "with quotes"' }],
    mail: { to: ['ann@example.com'], from: 'monitor@example.com', smarthost: receivers.smarthost, requireTls: false },
  }
  writeFileSync(choices, JSON.stringify({ monitoring }))
}
test.after.always(() => receivers?.close())

const commandLine = (command: readonly string[]) => [
  ...command,
  '--inventory',
  'inventory/examples/watched.ts',
  '--secrets',
  lab().secretsFile,
  '--extra-vars',
  `@${choices}`,
  '--output',
  'json',
]
const environment = { PROVISION_LAB: 't-watch-mon' }
const run = (command: readonly string[]) => provision(commandLine(command), environment)
const watch = () =>
  startProvision(
    commandLine(['watch', '--interval', '10s', '--metrics', 'monitor:/var/lib/prometheus/node-exporter/drift.prom']),
    environment,
  )

/** Tries until the answer is right; the deadline is for a machine that is very busy, nothing is measured. */
async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + 600_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`not within 10 minutes: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

const ask =
  'curl --silent --fail --cacert /etc/prometheus/tls/ca.pem --cert /etc/prometheus/tls/server.pem --key /etc/prometheus/tls/server.key'

test.serial(
  'exporters and a monitor are there after one run, a rerun changes nothing, and all promises are kept',
  async (t) => {
    t.timeout(900_000)
    await chooseReceivers()
    const first = await run([])
    t.is(first.code, 0, `${first.stderr}\n${first.stdout.slice(-4000)}`)
    for (const [host, counts] of Object.entries(recapOf(await run([])).hosts)) t.is(counts.changed, 0, host)
    const verified = await run(['verify'])
    t.is(verified.code, 0, verified.stdout.slice(-4000))
  },
)

test.serial('an exporter tells nothing to who has no certificate, and a wrong name is refused', async (t) => {
  t.timeout(120_000)
  const server = lab().address('srv1')
  for (const port of [9100, 9104, 8405]) {
    t.is((await lab().on('mon1', `${ask} -o /dev/null https://${server}:${port}/metrics`)).code, 0, `port ${port}`)
    t.not(
      (await lab().on('mon1', `curl -sk https://${server}:${port}/metrics | grep -q '# HELP'`)).code,
      0,
      `port ${port}`,
    )
    // 60: the certificate is not of that name
    t.is(
      (await lab().on('mon1', `${ask} --connect-to ::${server}: https://mon1:${port}/metrics`)).code,
      60,
      `port ${port}`,
    )
  }
})

test.serial("Prometheus has figures for every curve of Grafana's dashboards", async (t) => {
  t.timeout(900_000)
  for (const [name, { panels }] of Object.entries(dashboards)) {
    for (const { title, targets } of panels) {
      // the site's database has no replica
      if (title === 'Behind the primary' || title === 'Members of the group') continue
      for (const { expr } of targets) {
        await until(`a figure for ${name}, ${title}: ${expr}`, async () => {
          const query = `http://127.0.0.1:9080/api/v1/query?query=${encodeURIComponent(expr)}`
          const { stdout } = await lab().on('mon1', `curl --silent '${query}'`)
          const answer = JSON.parse(stdout) as { status: string; data: { result: unknown[] } }
          if (answer.status !== 'success') throw new Error(`${expr}: ${stdout}`)
          return answer.data.result.length > 0 ? true : undefined
        })
      }
    }
  }
  t.pass()
})

test.serial('promtool: every rule fires when it must, and stays quiet when it must', async (t) => {
  t.timeout(300_000)
  for (const [index, judgement] of judgements.entries()) {
    await lab().on('mon1', `cat >/root/${index}.rules.yml`, JSON.stringify(ruleFile(judgement.groups, [])))
    for (const span of ['minutes', 'hours'] as const) {
      const file = `/root/${index}.${span}.yml`
      await lab().on('mon1', `cat >${file}`, JSON.stringify(promtoolTests(`${index}.rules.yml`, judgement, span)))
      const judged = await lab().on('mon1', `promtool test rules ${file}`)
      t.is(judged.code, 0, judged.stdout + judged.stderr)
    }
  }
})

test.serial('the site is gone: a webhook and a mail say so, and that it is back', async (t) => {
  t.timeout(900_000)
  const posted = (status: string) => () =>
    receivers?.posts.find(({ alerts }) =>
      alerts.some((alert) => alert.status === status && alert.labels.alertname === 'SiteDown'),
    )
  await lab().must('srv1', 'systemctl stop haproxy')
  const post = await until('the webhook hears of SiteDown', posted('firing'))
  t.is(post.headers.authorization, 'Bearer a token "with quotes"')
  const alert = post.alerts.find(({ labels }) => labels.domain === 'www.foobar.com')
  t.is(alert?.annotations.summary, `www.foobar.com does not answer at https://${lab().address('srv1')}/healthz`)
  const mail = await until('a mail tells of SiteDown', () => receivers?.mails.find((text) => text.includes('SiteDown')))
  t.regex(mail, /^To: ann@example\.com$/m)
  const browser = startBrowser(['--ignore-certificate-errors']) // the page's certificate is the host's own
  try {
    const page = await browser.open(`https://${lab().address('mon1')}:9443/`)
    const text = () => page.evaluate<string>('document.body.innerText')
    await until('the page says that the site is down', async () =>
      (await text()).includes('The site is down') ? true : undefined,
    )
    t.regex(await text(), /critical: www\.foobar\.com does not answer/)
    await lab().must('srv1', 'systemctl start haproxy')
    await until('the webhook hears that it is back', posted('resolved'))
    await until('the page says that the site is up', async () =>
      (await text()).includes('The site is down') ? undefined : true,
    )
    t.deepEqual(
      page.requests.filter(
        (url) => new URL(url).protocol !== 'data:' && !url.startsWith(`https://${lab().address('mon1')}:9443/`),
      ),
      [],
    )
  } finally {
    await browser.close()
  }
})

test.serial('the page passes on questions, and nothing that changes or tells more', async (t) => {
  t.timeout(60_000)
  const status = (path: string, more = '') =>
    lab().must('mon1', `curl -s -o /dev/null -w '%{http_code}' ${more} 'http://127.0.0.1:9080${path}'`)
  t.is(await status('/api/v1/query?query=up'), '200')
  t.is(await status('/api/v1/query?query=up', '-X POST'), '403')
  t.is(await status('/api/v2/alerts', '-X POST'), '403')
  t.is(await status('/api/v1/status/config'), '404')
  t.is(await status('/api/v2/silences'), '404')
})

test.serial('drift that provision watch finds reaches Prometheus, under the name of its host', async (t) => {
  t.timeout(300_000)
  await lab().must('srv1', 'echo >>/etc/prometheus/web.yml')
  const { child, done } = watch()
  try {
    await until('Prometheus knows of drift on srv1', async () => {
      const query = encodeURIComponent('hostwright_drifted_tasks{host="srv1"} > 0')
      const { stdout } = await lab().on('mon1', `curl -s 'http://127.0.0.1:9080/api/v1/query?query=${query}'`)
      return stdout.includes('"host":"srv1"') ? true : undefined
    })
    t.pass()
  } finally {
    child.kill('SIGTERM')
    await done
  }
})
