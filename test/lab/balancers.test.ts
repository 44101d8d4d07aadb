// Two load balancers and the address that they share, with nginx alone behind them. Outages are told, not judged: how long they are is the
// machine's business too; docs/roles/keepalived.md has those of a quiet one.
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { firewall } from '../../roles/firewall.ts'
import { haproxy } from '../../roles/haproxy.ts'
import { sandboxTasks, sandboxVerify } from '../../roles/hardening-sandboxes.ts'
import { keepalived } from '../../roles/keepalived.ts'
import { agrees } from '../../roles/keepalived-configuration.ts'
import { letsencrypt } from '../../roles/letsencrypt.ts'
import { rolling } from '../../roles/rolling.ts'
import type { Play } from '../../src/core/play.ts'
import { apt, file, handler, play, role, systemd } from '../../src/index.ts'
import { labKill, labLink, labStart } from '../../src/lab/lab.ts'
import { useLab } from './harness.ts'
import { startSteadyClient } from './steady-client.ts'
import { startLoad } from './steady-load.ts'

const test = anyTest as TestFn
const domain = 'www.foobar.com'
const balancers = ['lb1', 'lb2'] as const
type Balancer = (typeof balancers)[number]
const lab = useLab(test, 'balancers', ['lb1:bookworm', 'lb2:trixie', 'web1:bookworm', 'web2:bookworm'], {
  acme: true,
  virtualNames: [domain],
})

/** A web server that says its name and which release it has. */
const web = (release: string) =>
  role('web', { params: {}, openings: () => [{ port: 8080 }] }, (_params, host) => [
    apt.package({ pkg: ['nginx', 'curl'], startServices: false }),
    file.file({
      dest: '/etc/nginx/conf.d/site.conf',
      content: `server { listen 8080; default_type text/plain; return 200 "${release} ${host.name}"; }\n`,
      notify: handler(systemd.service({ unit: 'nginx', state: 'restarted' })),
    }),
    systemd.service({ unit: 'nginx', state: 'started', enabled: true }),
  ])()

const healthy = rolling({ healthy: () => 'http://127.0.0.1:8080/' })
/** What the role hardening confines on a balancer, without its other parts. */
const confined = role(
  'confined',
  { params: {}, verify: (_params, host) => sandboxVerify(host, false) },
  (_params, host) => sandboxTasks(host, false),
)
const letsencryptOf = () => {
  const { acme } = lab().status
  return letsencrypt({ domains: [domain], directory: acme?.directory, caFile: acme?.caFile })
}
const site = (release = 'one'): Play[] => [
  play({ hosts: 'all', roles: [firewall()] }),
  play({ hosts: 'web', roles: [web(release)], ...healthy }),
  play({ hosts: 'lb', roles: [confined(), haproxy({ domains: [domain] }), keepalived()] }),
  play({ hosts: 'lb', roles: [letsencryptOf()] }),
]
const floating = () => lab().status.network.virtualAddress
const run = (plays: Play[], more: { check?: boolean; verify?: boolean } = {}) =>
  lab().run(plays, {
    inventory: lab().inventory({
      groups: { lb: [...balancers], web: ['web1', 'web2'] },
      // the web servers here are a few lines without TLS; the load comes from this machine
      vars: {
        site: {
          domains: [domain],
          floatingAddress: floating(),
          encryption: false,
          allowedSources: [lab().status.network.gateway],
        },
      },
    }),
    ...more,
  })

/** Waits for what will be, however slow the machine. */
async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 180_000
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`three minutes passed: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** The balancers whose kernel has the address; one that is out of reach has told nothing. */
async function holders(among: readonly Balancer[] = balancers): Promise<Balancer[]> {
  const said = await Promise.all(among.map((host) => lab().on(host, `ip -4 -o address show to ${floating()}/32`)))
  return among.filter((_, index) => said[index]?.stdout.includes(floating()))
}
const other = (host: Balancer): Balancer => (host === 'lb1' ? 'lb2' : 'lb1')
const onlyHolder = (among?: readonly Balancer[]) =>
  until('exactly one holds the address', async () => {
    const [holder, ...more] = await holders(among)
    return more.length === 0 ? holder : undefined
  })
const serial = async (host: Balancer, address = '127.0.0.1') =>
  (
    await lab().must(
      host,
      `openssl s_client -connect ${address}:443 -servername ${domain} </dev/null 2>/dev/null | openssl x509 -noout -serial -ext subjectAltName`,
    )
  ).replaceAll(/\s+/g, ' ')

/** What clients see while one thing happens to who holds the address, and another undoes it. */
async function moves(
  t: ExecutionContext,
  what: string,
  fail: (holder: Balancer) => Promise<unknown>,
  mend: (holder: Balancer) => Promise<unknown>,
): Promise<void> {
  t.timeout(900_000)
  const holder = await onlyHolder()
  const client = startSteadyClient(floating(), domain)
  t.teardown(() => client.end())
  await until('requests are answered', async () => (client.answered() > 20 ? true : undefined))
  client.outage()
  await fail(holder)
  await until('the other balancer holds the address', async () =>
    (await holders([other(holder)])).length === 1 ? true : undefined,
  )
  const before = client.answered()
  await until('requests are answered again', async () => (client.answered() > before + 20 ? true : undefined))
  t.log(`${what}: ${client.outage().milliseconds} ms without an answer`)
  t.deepEqual(await holders([other(holder)]), [other(holder)])
  await mend(holder)
  await until('the balancer is ready to take over again, and one alone holds the address', async () => {
    const agreed = await lab().on(holder, agrees(floating(), [lab().address(other(holder))]))
    return agreed.code === 0 && (await holders()).length === 1 ? true : undefined
  })
  t.log(`${what}, and mended: ${client.outage().milliseconds} ms without an answer`)
  client.end()
}

test.serial('check mode touches nothing; two bare hosts share an address; a rerun changes nothing', async (t) => {
  t.timeout(900_000)
  t.deepEqual((await run(site(), { check: true })).errors, [])
  for (const host of balancers) t.not((await lab().on(host, 'command -v keepalived || command -v haproxy')).code, 0)
  t.deepEqual((await run(site())).errors, [])
  const again = await run(site())
  t.deepEqual(again.errors, [])
  for (const [host, counts] of Object.entries(again.result.hosts))
    t.is(counts.changed, 0, `${host}: ${again.log.filter((line) => line.includes('changed')).join('\n')}`)
})

test.serial('what the roles promise holds on both, whoever has the address', async (t) => {
  t.timeout(300_000)
  const verified = await run(site(), { verify: true })
  t.deepEqual(verified.errors, [])
  t.is((await holders()).length, 1)
})

test.serial(
  'each balancer has a certificate of its own, although both were asked about at the same address',
  async (t) => {
    t.timeout(300_000)
    const [first = '', second = ''] = await Promise.all(balancers.map((host) => serial(host)))
    t.regex(first, /DNS:www\.foobar\.com/)
    t.regex(second, /DNS:www\.foobar\.com/)
    t.not(first, second)
  },
)

test.serial('the timer renews the certificate of the balancer that does not have the address', async (t) => {
  t.timeout(300_000)
  const waiting = other(await onlyHolder())
  const before = await serial(waiting)
  await lab().must(
    waiting,
    `sed -i '1i renew_before_expiry = 3650 days' /etc/letsencrypt/renewal/${domain}.conf && systemctl start certbot.service`,
  )
  const renewed = await until('the new certificate is served', async () => {
    const now = await serial(waiting)
    return now === before ? undefined : now
  })
  t.regex(renewed, /DNS:www\.foobar\.com/)
})

test.serial('HAProxy stops: the other takes the address over and keeps it', (t) =>
  moves(
    t,
    'HAProxy stopped',
    (holder) => lab().must(holder, 'systemctl stop haproxy'),
    (holder) => lab().must(holder, 'systemctl start haproxy'),
  ),
)

test.serial('a balancer is cut off: the other takes over, and one of them has the address afterwards', (t) =>
  moves(
    t,
    'cut off',
    (holder) => labLink('t-balancers', holder, 'down'),
    (holder) => labLink('t-balancers', holder, 'up'),
  ),
)

test.serial('a balancer loses its power: the other takes over, and it comes back without a person', (t) =>
  moves(
    t,
    'power lost',
    (holder) => labKill('t-balancers', holder),
    (holder) => labStart('t-balancers', holder),
  ),
)

test.serial('a rolling change of the servers behind both: no request fails', async (t) => {
  t.timeout(900_000)
  const load = startLoad(floating(), domain)
  t.teardown(() => load.end(0))
  const ran = await run(site('two'))
  t.deepEqual(ran.errors, [])
  const tally = await load.end(300)
  t.deepEqual(tally.failures, [])
  t.deepEqual(tally.releases, ['one', 'two'])
  const drained = ran.log.filter((line) => / changed .*haproxy\.server web\/web[12] drain/.test(line))
  t.is(drained.length, 4, ran.log.join('\n'))
})

test.serial('without the rule of the firewall both hold the address, verify says so, and a run mends it', async (t) => {
  t.timeout(900_000)
  for (const host of balancers) {
    const peer = lab().address(other(host))
    // else what a balancer sends lets the other's answers in for ten minutes, with or without a rule
    for (const chain of ['PREROUTING', 'OUTPUT'])
      await lab().must(host, `iptables -w 60 -t raw -A ${chain} -p vrrp -j CT --notrack`)
    await lab().must(host, `ufw delete allow proto vrrp from ${peer}`)
  }
  await until('both hold it', async () => ((await holders()).length === 2 ? true : undefined))
  const verified = await run(site('two'), { verify: true })
  t.true(
    verified.errors.some((error) => error.includes('both hold')),
    verified.errors.join('\n'),
  )
  t.deepEqual((await run(site('two'))).errors, [])
  await onlyHolder()
  t.deepEqual((await run(site('two'), { verify: true })).errors, [])
})
