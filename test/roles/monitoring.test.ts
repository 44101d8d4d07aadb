import { readFileSync } from 'node:fs'
import test from 'ava'
import { exporters } from '../../roles/exporters.ts'
import { alertmanagerOptions, configurationHash } from '../../roles/monitoring/alertmanager.ts'
import { monitoring } from '../../roles/monitoring.ts'
import { defineInventory } from '../../src/core/inventory.ts'
import { secret } from '../../src/core/secret.ts'
import { resolveInventory } from '../../src/inventory/resolve-inventory.ts'
import { type PlannedTask, planOf } from '../../src/testing/plan-of.ts'
import { casesOf } from './monitoring/cases.ts'
import { everyRule, judgements } from './monitoring/every-rule.ts'

const others = { lb: ['lb1'], web: ['web1'], db: ['db1', 'db2'], monitor: ['mon1'] }
const onMonitor = (vars: Record<string, unknown> = {}, groups: Record<string, string[]> = others) =>
  planOf(monitoring(), { name: 'mon1', groups: ['monitor'], others: groups, vars })

/** The content of a file that a plan writes. */
function contentOf(tasks: readonly PlannedTask[], dest: string): string {
  const content = tasks.find((task) => task.args.dest === dest)?.args.content
  if (typeof content !== 'string') throw new Error(`no text goes to ${dest}`)
  return content
}

const prometheusOf = (tasks: readonly PlannedTask[]) =>
  JSON.parse(contentOf(tasks, '/etc/prometheus/prometheus.yml')) as {
    global: { external_labels: { configuration: string } }
    scrape_configs: { job_name: string; static_configs: { targets: string[]; labels: Record<string, string> }[] }[]
  }

test('every alert has a case for promtool, and a row in the manual', (t) => {
  const alerts = [...new Set(everyRule.map(({ alert }) => alert))].sort()
  for (const { topology, rules } of judgements) {
    const judged = casesOf(topology).map(({ alert }) => alert)
    for (const { alert } of rules) t.true(judged.includes(alert), `${alert}, ${topology}`)
    t.deepEqual([...new Set(judged)].sort(), [...new Set(rules.map(({ alert }) => alert))].sort())
  }
  const manual = readFileSync(new URL('../../docs/roles/monitoring.md', import.meta.url), 'utf8')
  const rows = [...manual.matchAll(/^\| `([A-Z][A-Za-z]+)` \| (?:critical|warning|none) \|/gm)].map(
    ([, name = '']) => name,
  )
  t.deepEqual(rows.sort(), alerts)
})

test('a monitor asks each host of the inventory what runs there', (t) => {
  const jobs = prometheusOf(onMonitor()).scrape_configs
  const targets = Object.fromEntries(
    jobs.map(({ job_name, static_configs }) => [job_name, static_configs.flatMap((entry) => entry.targets)]),
  )
  t.deepEqual(Object.keys(targets), [
    'prometheus',
    'alertmanager',
    'blackbox',
    'node',
    'mysql',
    'nginx',
    'haproxy',
    'probe',
  ])
  t.is(targets.node?.length, 5)
  t.is(targets.mysql?.length, 2)
  t.true(targets.haproxy?.every((target) => target.endsWith(':8405')))
})

test('the floating address is the site; the balancers behind it are asked as spares', (t) => {
  const vars = { site: { domains: ['www.example.com'], floatingAddress: '192.0.2.100' } }
  const probes = prometheusOf(onMonitor(vars)).scrape_configs.find(({ job_name }) => job_name === 'probe')
  t.deepEqual(
    probes?.static_configs.map(({ targets, labels }) => [
      targets[0]?.includes('192.0.2.100'),
      labels.kind,
      labels.host,
    ]),
    [
      [true, 'site', undefined],
      [false, 'balancer', 'lb1'],
      [true, 'redirect', undefined],
    ],
  )
})

test('another rule is another mark, which the role asks Prometheus for', (t) => {
  const mark = (vars: Record<string, unknown>) => prometheusOf(onMonitor(vars)).global.external_labels.configuration
  t.is(mark({}), mark({}))
  t.not(mark({}), mark({ monitoring: { thresholds: { diskFree: 0.2 } } }))
})

test('secrets go to files that only Alertmanager reads, never into its configuration', (t) => {
  const tasks = onMonitor({
    monitoring: {
      mail: {
        to: ['ann@example.com'],
        from: 'monitor@example.com',
        smarthost: 'mail.example.com:587',
        user: 'monitor',
        password: secret('mail'),
      },
      webhooks: [{ url: 'https://hooks.example.com/', token: secret('hook') }],
      heartbeat: { url: secret('heartbeat') },
    },
  })
  const files = tasks.filter(({ args }) => String(args.dest).startsWith('/etc/prometheus/secrets/'))
  t.deepEqual(
    files.map(({ args }) => [args.dest, args.mode, args.group]),
    ['mail-password', 'webhook-1-token', 'heartbeat-url'].map((name) => [
      `/etc/prometheus/secrets/${name}`,
      '0640',
      'prometheus',
    ]),
  )
  const configuration = contentOf(tasks, '/etc/prometheus/alertmanager.yml')
  t.false(configuration.includes('‹secret›'))
  t.true(configuration.includes('"credentials_file": "/etc/prometheus/secrets/webhook-1-token"'))
  t.true(configuration.includes('"url_file": "/etc/prometheus/secrets/heartbeat-url"'))
})

test('two monitors form a cluster over TLS; one alone opens no port for it', (t) => {
  const options = (groups: Record<string, string[]>) =>
    contentOf(onMonitor({}, groups), '/etc/default/prometheus-alertmanager')
  t.regex(options(others), /--cluster\.listen-address="\n$/)
  t.regex(
    options({ ...others, monitor: ['mon1', 'mon2'] }),
    /--cluster\.tls-config=\S+ --cluster\.peer=192\.0\.2\.\d+:9094"\n$/,
  )
})

test('monitors that are to form a cluster need addresses', (t) => {
  const options = (...monitor: string[]) => {
    const hosts = { mon1: { address: 'mon1.example.com' }, mon2: { address: '2001:db8::2' } }
    const inventory = resolveInventory(defineInventory({ hosts, groups: { monitor } }))
    const host = inventory.hosts.find(({ name }) => name === monitor[0])
    return alertmanagerOptions({ name: monitor[0] ?? '', address: host?.connection.address ?? '', inventory }, '')
  }
  t.true(options('mon1').includes('--cluster.listen-address='))
  t.true(options('mon2', 'mon1').includes('--cluster.listen-address=[2001:db8::2]:9094'))
  t.throws(() => options('mon1', 'mon2'), {
    message:
      "role monitoring: the monitors form a cluster, and mon1 has the name 'mon1.example.com' where the cluster needs an address",
  })
})

test('the hash of a configuration is the one that Alertmanager tells', (t) => {
  // md5 of nothing begins with d4 1d 8c d9 8f 00
  t.is(configurationHash(''), 0x008fd98c1dd4)
})

test('wrong values are refused with a sentence', (t) => {
  const message = (vars: Record<string, unknown>) => t.throws(() => onMonitor({ monitoring: vars }))?.message ?? ''
  t.regex(message({ scrapeInterval: 'often' }), /expected a time as '15s', '5m' or '30d', found 'often'/)
  t.regex(message({ mail: { to: ['a\nb@c'], from: 'a@b', smarthost: 'a:1' } }), /mail\.to\.0.*expected a mail address/s)
  t.regex(message({ ignoreUnits: 'a"b' }), /expected no quote and no backslash/)
  t.regex(message({ healthPath: 'healthz' }), /expected a path that starts with '\/'/)
})

test('an exporter asks for a certificate, but for that of nginx on Debian 12, which cannot', (t) => {
  const options = (version: string) => {
    const os = { id: 'debian', version, codename: '', like: [] }
    const tasks = planOf(exporters(), { groups: ['web'], others: { monitor: ['mon1'] }, facts: { os } })
    return contentOf(tasks, '/etc/default/prometheus-nginx-exporter')
  }
  t.regex(options('12'), /-web\.secured-metrics/)
  t.regex(options('13'), /--web\.config\.file=\/etc\/prometheus\/web\.yml/)
  const tasks = planOf(exporters(), { groups: ['db'], others: { monitor: ['mon1'] } })
  t.regex(contentOf(tasks, '/etc/prometheus/web.yml'), /"client_auth_type": "RequireAndVerifyClientCert"/)
  t.regex(contentOf(tasks, '/etc/default/prometheus-mysqld-exporter'), /--collect\.slave_status/)
})

test('Grafana comes from the repository that was named, with dashboards and a data source as files', (t) => {
  const repository = { uris: 'https://apt.example.com', suites: 'stable', components: 'main', key: '-----BEGIN PGP' }
  const tasks = onMonitor({ monitoring: { grafana: { repository } } })
  t.is(tasks.find(({ resource }) => resource === 'apt.repository')?.args.uris, 'https://apt.example.com')
  const source = JSON.parse(contentOf(tasks, '/etc/grafana/provisioning/datasources/hostwright.yaml')) as {
    datasources: { url: string; secureJsonData: Record<string, string> }[]
  }
  t.regex(source.datasources[0]?.url ?? '', /^https:\/\/192\.0\.2\.\d+:9090$/)
  t.is(source.datasources[0]?.secureJsonData.tlsClientKey, '$__file{/etc/prometheus/grafana-tls/server.key}')
  const files = tasks.map(({ args }) => String(args.dest)).filter((dest) => dest.endsWith('.json'))
  t.deepEqual(
    files
      .filter((dest) => dest.startsWith('/usr/local/share/hostwright-dashboards'))
      .map((dest) => dest.split('/').at(-1)),
    ['site.json', 'load-balancer.json', 'database.json', 'hosts.json'],
  )
  t.throws(() => onMonitor({ monitoring: { grafana: { repository }, statusPage: false } }), {
    message: 'role monitoring: grafana is reached through the status page, which is switched off',
  })
})

test('the status page is for those who are named, else for the address that provision comes from', (t) => {
  const page = (statusPage: unknown) => {
    const tasks = onMonitor({ monitoring: { statusPage } })
    return tasks.find(({ args }) => args.dest === '/etc/nginx/conf.d/hostwright-status.conf')?.args.vars as
      | { port: number | false; hasAccounts: boolean }
      | undefined
  }
  t.is(page({})?.port, 9443)
  t.is(page({ from: [] })?.port, false)
  t.true(page({ accounts: { ann: secret('status.ann') } })?.hasAccounts)
  t.is(page(false), undefined)
})
