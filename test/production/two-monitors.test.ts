// Two monitors, each asking everything: of one alert one message comes, and it comes too when one of the two is dead.
import anyTest, { type TestFn } from 'ava'
import { exporters } from '../../roles/exporters.ts'
import { firewall } from '../../roles/firewall.ts'
import { monitoring } from '../../roles/monitoring.ts'
import { play } from '../../src/core/play.ts'
import { labKill, labStart } from '../../src/lab/lab.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { type PostedAlert, type Receivers, startReceivers } from '../lab/alert-receivers.ts'
import { startBrowser } from '../lab/browser.ts'
import { useLab } from '../lab/harness.ts'
import { isConverged, isSteady } from '../lab/steady.ts'

const test = anyTest as TestFn
// Alertmanager 0.28 and 0.25: they must understand each other while a site moves from one Debian to the next
const lab = useLab(test, 'two-mon', ['srv1:sid', 'mon1:trixie', 'mon2:bookworm'])
const monitors = ['mon1', 'mon2'] as const
let receivers: Receivers | undefined
test.after.always(() => receivers?.close())

function run(more: { check?: boolean; verify?: boolean } = {}): Promise<Ran> {
  const plays = [
    play({ hosts: 'all', roles: [firewall(), exporters()] }),
    play({ hosts: 'monitor', roles: [monitoring()] }),
  ]
  const told = {
    scrapeInterval: '5s',
    groupWait: '1s',
    // longer than the 15 seconds that the second Alertmanager leaves to the first
    groupInterval: '20s',
    webhooks: [{ url: receivers?.webhook ?? '' }],
    ignoreUnits: '.*', // only what the test does is to be told
    extraRules: ['One', 'Two', 'Three'].map((alert) => ({
      alert,
      expr: `hostwright_test_${alert.toLowerCase()} > 0`,
      labels: { severity: 'warning' },
    })),
  }
  const inventory = lab().inventory({ groups: { monitor: [...monitors] }, vars: { monitoring: told } })
  return lab().run(plays, { inventory, ...more })
}

/** Tries until the answer is there; the deadline is for a machine that is very busy, nothing is measured. */
async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 600_000
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`not within 10 minutes: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** A script of srv1 that tells a figure, as any script of a site may. */
const tell = (name: string, value: number) =>
  lab().must(
    'srv1',
    `cd /var/lib/prometheus/node-exporter && echo 'hostwright_test_${name} ${value}' >${name}.new && mv ${name}.new ${name}.prom`,
  )

const messages = (status: PostedAlert['status'], name: string) =>
  (receivers?.posts ?? []).filter(({ alerts }) =>
    alerts.some(({ status: each, labels }) => each === status && labels.alertname === name),
  ).length

/** What the Alertmanager of a monitor tells of itself. */
const figure = async (host: string, name: string) => {
  const page = await lab().on(host, `${ask(host)}:9093/metrics`)
  return Number(
    page.stdout
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  )
}
const identity = '/etc/prometheus/tls'
const ask = (host: string) =>
  `curl -s --max-time 10 --cacert ${identity}/ca.pem --cert ${identity}/server.pem --key ${identity}/server.key https://${lab().address(host)}`
const areOneCluster = () =>
  until('both Alertmanagers see both', async () => {
    const seen = await Promise.all(monitors.map((host) => figure(host, 'alertmanager_cluster_members')))
    return seen.every((count) => count === 2)
  })

const state = 'ls -lR --time-style=full-iso /etc /var/lib/prometheus 2>/dev/null | md5sum; dpkg -l | md5sum'
const states = () => Promise.all(['srv1', ...monitors].map((host) => lab().must(host, state)))

test.serial('check mode touches nothing, one run makes both monitors, and the next changes nothing', async (t) => {
  t.timeout(900_000)
  receivers = await startReceivers(lab().status.network.gateway)
  const before = await states()
  isConverged(t, await run({ check: true }))
  t.deepEqual(await states(), before)
  isConverged(t, await run())
  await isSteady(t, run)
})

test.serial('their Alertmanagers are one cluster, which nobody else can speak with', async (t) => {
  t.timeout(900_000)
  await areOneCluster()
  const hello = (from: string, more: string) =>
    lab().on(from, `timeout 5 openssl s_client -connect ${lab().address('mon1')}:9094 -brief ${more} </dev/null 2>&1`)
  const own = `-CAfile ${identity}/ca.pem -cert ${identity}/server.pem -key ${identity}/server.key -verify_return_error -verify_ip ${lab().address('mon1')}`
  t.regex((await hello('mon2', own)).stdout, /Verification: OK/)
  // the firewall lets nobody else in, and who comes in must show a certificate
  t.not((await hello('srv1', own)).code, 0)
  t.regex((await hello('mon2', `${own.replace(/-cert .*\.key/, '')} -ign_eof`)).stdout, /certificate required|alert/)
})

test.serial('both see an alert, and one message comes', async (t) => {
  t.timeout(900_000)
  await tell('one', 1)
  await until('the webhook hears of it', () => messages('firing', 'One') > 0)
  for (const host of monitors)
    t.is(await lab().must(host, 'amtool alert query alertname=One --output=json | grep -c fingerprint'), '1\n', host)
  await tell('one', 0)
  await until('the webhook hears that it is over', () => messages('resolved', 'One') > 0)
  t.is(messages('firing', 'One'), 1)
})

test.serial('cut off from each other both tell: rather twice than never', async (t) => {
  t.timeout(900_000)
  const cable = (verb: '-I' | '-D') =>
    lab().must(
      'mon1',
      ['INPUT', 'OUTPUT'].map((way) => `iptables -w ${verb} ${way} -p tcp --dport 9094 -j DROP`).join(' && '),
    )
  await cable('-I')
  try {
    await tell('two', 1)
    await until('both tell', () => messages('firing', 'Two') === 2)
  } finally {
    await cable('-D')
  }
  await tell('two', 0)
  await areOneCluster()
  await until('the webhook hears that it is over', () => messages('resolved', 'Two') > 0)
  t.pass()
})

test.serial('one monitor is dead: the other tells so, goes on telling, and shows it', async (t) => {
  t.timeout(900_000)
  await labKill('t-two-mon', ['mon1'])
  await tell('three', 1)
  await until('the webhook hears of another alert', () => messages('firing', 'Three') > 0)
  await until('the webhook hears of the dead monitor', () => messages('firing', 'HostDown') > 0)
  const told = receivers?.posts.flatMap(({ alerts }) => alerts).find(({ labels }) => labels.alertname === 'HostDown')
  t.is(told?.annotations.summary, 'nothing on mon1 answers')
  const browser = startBrowser(['--ignore-certificate-errors']) // the page's certificate is the host's own
  try {
    const page = await browser.open(`https://${lab().address('mon2')}:9443/`)
    const text = () => page.evaluate<string>('document.body.innerText')
    await until('the page of the other shows it', async () => /nothing on mon1 answers/.test(await text()))
    t.regex(await text(), /mon1\s+✕ does not answer/)
    t.regex(await text(), /mon2\s+✓ up/)
    t.regex(await text(), /As mon2 sees it/)
  } finally {
    await browser.close()
  }
})

test.serial('it comes back: one cluster again, without a person', async (t) => {
  t.timeout(900_000)
  await labStart('t-two-mon', 'mon1')
  await areOneCluster()
  await until('the webhook hears that it is back', () => messages('resolved', 'HostDown') > 0)
  await isSteady(t, run)
})
