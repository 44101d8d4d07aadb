// The monitors: Prometheus, Alertmanager and the blackbox exporter, told by the inventory what to watch, and a page that shows it.
import { createHash } from 'node:crypto'
import { apt, assert, file, type Handler, type Host, handler, role, systemd, type Tasks } from 'hostwright'
import { webConfigurationFile } from './exporters.ts'
import {
  alertmanagerConfiguration,
  alertmanagerOptions,
  clusterConfiguration,
  clusterFile,
  configurationHash,
  receiversOf,
} from './monitoring/alertmanager.ts'
import { grafanaTasks, grafanaVerify } from './monitoring/grafana.ts'
import { askSelf, clientConfiguration, identityTasks, json, webConfiguration } from './monitoring/identity.ts'
import { type Checked, params } from './monitoring/parameters.ts'
import { ruleFile, rulesOf, watchedOf } from './monitoring/rules.ts'
import { statusPageOpenings, statusPageTasks, statusPageVerify } from './monitoring/status-page.ts'
import { blackboxModules, scrapesOf, targetCount, withPort } from './monitoring/targets.ts'
import { addressesOf, membersOf } from './site.ts'

export type { MonitoringParams } from './monitoring/parameters.ts'

const folder = '/etc/prometheus'
/** A daemon that was just started needs a moment; an alert that found no Alertmanager there is sent again after a minute. */
const patience = { attempts: 120, delay: 1 }
const rulesFile = `${folder}/hostwright-rules.yml`
const siteCa = `${folder}/site-ca.pem`

/**
 * A monitor of the whole inventory; the role `exporters` is its other half, on every host.
 * @example play({ hosts: 'monitor', roles: [monitoring({ mail: { to: ['ann@example.com'], from: 'monitor@example.com', smarthost: 'mail.example.com:587' } })] })
 */
export const monitoring = role(
  'monitoring',
  {
    params,
    openings: (given, host) => {
      const from = addressesOf(host, 'monitor')
      const ports = from.length === 0 ? [] : [9090, 9093, 9094, 9115]
      return [
        ...ports.map((port) => ({ port, from, comment: 'the other monitors' })),
        ...statusPageOpenings(given, host),
      ]
    },
    verify: (given, host) => verification(given, host),
  },
  (given, host) => [
    apt.package({
      pkg: ['prometheus', 'prometheus-alertmanager', 'prometheus-blackbox-exporter', 'curl'],
      startServices: false,
    }),
    identityTasks(host, given.ca),
    file.file({ dest: webConfigurationFile, content: webConfiguration, mode: '0644' }),
    blackboxTasks(given, host),
    alertmanagerTasks(given, host),
    prometheusTasks(given, host),
    statusPageTasks(given, host),
    grafanaTasks(given, host),
  ],
)

/** The options of a daemon, as Debian's unit reads them. */
function optionsFile(unit: string, options: readonly string[], restart: Handler): Tasks {
  return file.file({
    dest: `/etc/default/${unit}`,
    content: `# Managed by hostwright: changes are overwritten.\nARGS="${options.join(' ')}"\n`,
    mode: '0644',
    notify: restart,
  })
}

function blackboxTasks(given: Checked, host: Host): Tasks {
  const unit = 'prometheus-blackbox-exporter'
  // it keeps nothing, so a restart is the reload that cannot go on with an old configuration
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: 'restart the blackbox exporter' })
  const caFile = given.siteCaFile ?? host.vars.letsencrypt?.caFile
  return [
    caFile !== undefined && file.file({ dest: siteCa, src: caFile, mode: '0644', notify: restart }),
    file.file({
      dest: `${folder}/blackbox.yml`,
      content: json(blackboxModules(host, trustOf(given, host, caFile))),
      mode: '0644',
      validate: 'prometheus-blackbox-exporter --config.check --config.file=%s',
      notify: restart,
    }),
    optionsFile(unit, [`--config.file=${folder}/blackbox.yml`, `--web.config.file=${webConfigurationFile}`], restart),
    systemd.service({ unit, state: 'started', enabled: true }),
  ]
}

/** How the probes judge the site's certificate. One of Let's Encrypt's staging area nobody trusts, so that it is not held against the site. */
function trustOf(given: Checked, host: Host, caFile: string | undefined): object {
  if (caFile !== undefined) return { ca_file: siteCa }
  const isStaging = (host.vars.letsencrypt?.directory ?? 'staging') === 'staging'
  return (given.verifySite ?? !isStaging) ? {} : { insecure_skip_verify: true }
}

function alertmanagerTasks(given: Checked, host: Host): Tasks {
  const unit = 'prometheus-alertmanager'
  const receivers = receiversOf(given)
  const content = json(alertmanagerConfiguration(given, receivers))
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: 'restart Alertmanager' })
  const reload = handler(
    [
      systemd.service({ unit, state: 'reloaded' }),
      assert({ name: 'Alertmanager runs what was written', that: runsHash(host, content), retry: patience }),
    ],
    { name: 'reload Alertmanager' },
  )
  return [
    file.directory({ path: `${folder}/secrets`, mode: '0750', group: 'prometheus' }),
    receivers.files.map((entry) =>
      file.file({
        dest: entry.dest,
        mode: '0640',
        group: 'prometheus',
        notify: reload,
        ...(entry.src === undefined ? { content: entry.content ?? '' } : { src: entry.src }),
      }),
    ),
    file.file({
      dest: `${folder}/alertmanager.yml`,
      content,
      mode: '0644',
      validate: 'amtool check-config %s',
      notify: reload,
    }),
    file.file({ dest: clusterFile, content: json(clusterConfiguration), mode: '0644', notify: restart }),
    optionsFile(unit, alertmanagerOptions(host, pageUrl(given, host)), restart),
    // so that `amtool alert query` and `amtool silence add` just work for root; Debian's looks for it here
    file.file({
      dest: `${folder}/amtool.yml`,
      content: json({ 'alertmanager.url': `https://${withPort(host.address, 9093)}`, 'http.config.file': clientFile }),
      mode: '0644',
    }),
    file.file({ dest: clientFile, content: json({ tls_config: clientConfiguration }), mode: '0644' }),
    systemd.service({ unit, state: 'started', enabled: true }),
  ]
}

const clientFile = `${folder}/client.yml`

function prometheusTasks(given: Checked, host: Host): Tasks {
  const unit = 'prometheus'
  const { rules, configuration, fingerprint } = prometheusFiles(given, host)
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: 'restart Prometheus' })
  const reload = handler(
    [
      systemd.service({ unit, state: 'reloaded' }),
      assert({ name: 'Prometheus runs what was written', that: runsFingerprint(host, fingerprint), retry: patience }),
    ],
    { name: 'reload Prometheus' },
  )
  return [
    file.file({
      dest: rulesFile,
      content: rules,
      mode: '0644',
      validate: 'promtool check rules %s',
      notify: reload,
    }),
    file.file({
      dest: `${folder}/prometheus.yml`,
      content: configuration,
      mode: '0644',
      validate: 'promtool check config %s',
      notify: reload,
    }),
    optionsFile(
      unit,
      [
        `--config.file=${folder}/prometheus.yml`,
        '--storage.tsdb.path=/var/lib/prometheus/metrics2',
        `--storage.tsdb.retention.time=${given.retention}`,
        ...(given.retentionSize === undefined ? [] : [`--storage.tsdb.retention.size=${given.retentionSize}`]),
        `--web.config.file=${webConfigurationFile}`,
        `--web.external-url=${pageUrl(given, host)}`,
        '--web.route-prefix=/',
        '--query.timeout=20s',
        // what found no Alertmanager there, at the start say, is sent again after this
        '--rules.alert.resend-delay=15s',
      ],
      restart,
    ),
    systemd.service({ unit, state: 'started', enabled: true }),
  ]
}

/** The texts of both files, and a mark of them that Prometheus tells back: only a reload that took all of it has the mark. */
function prometheusFiles(given: Checked, host: Host) {
  const rules = json(ruleFile(rulesOf(given, watchedOf(host)), given.extraRules))
  const scrapes = scrapesOf(given, host)
  const alertmanagers = membersOf(host, 'monitor').map((member) => withPort(member.connection.address, 9093))
  const withMark = (fingerprint: string) => ({
    global: {
      scrape_interval: given.scrapeInterval,
      evaluation_interval: given.scrapeInterval,
      external_labels: { monitor: host.name, configuration: fingerprint },
    },
    rule_files: [rulesFile],
    alerting: {
      // alerts of several monitors must be alike, or each would be told twice
      alert_relabel_configs: [{ regex: 'monitor|configuration', action: 'labeldrop' }],
      alertmanagers: [
        { scheme: 'https', tls_config: clientConfiguration, static_configs: [{ targets: alertmanagers }] },
      ],
    },
    scrape_configs: scrapes,
  })
  const fingerprint = createHash('sha256')
    .update(rules + JSON.stringify(withMark('')))
    .digest('hex')
    .slice(0, 16)
  return { rules, configuration: json(withMark(fingerprint)), fingerprint, targets: targetCount(scrapes) }
}

/** Where the links in messages lead. */
function pageUrl(given: Checked, host: Host): string {
  return given.statusPage === false
    ? `https://${withPort(host.address, 9090)}/`
    : `https://${withPort(host.address, given.statusPage.port)}/`
}

function runsFingerprint(host: Host, fingerprint: string): string {
  return `${askSelf(host, 9090, '/api/v1/status/config')} | grep -q ${fingerprint}`
}

function runsHash(host: Host, content: string): string {
  return `${askSelf(host, 9093, '/metrics')} | awk -v wanted=${configurationHash(content)} '$1 == "alertmanager_config_hash" { found = sprintf("%.0f", $2) } END { exit found != wanted }'`
}

function verification(given: Checked, host: Host): Tasks {
  const { fingerprint, targets } = prometheusFiles(given, host)
  const receivers = receiversOf(given)
  const check = (name: string, that: string) => assert({ name, that, retry: patience })
  return [
    check('Prometheus runs the configuration that was written', runsFingerprint(host, fingerprint)),
    check(
      'Alertmanager runs the configuration that was written',
      runsHash(host, json(alertmanagerConfiguration(given, receivers))),
    ),
    check(
      'every target of the inventory answers Prometheus',
      `down=$(${query(host, 'up == 0')} | grep -o '"metric":{[^}]*}' || true)
up=$(${query(host, 'count(up == 1)')} | grep -o '"[0-9]*"]' | tr -cd 0-9)
[ -z "$down" ] && [ "\${up:-0}" -ge ${targets} ] || { echo "\${up:-0} of ${targets} answer; not: $down" >&2; exit 1; }`,
    ),
    check(
      'the rules are evaluated, and alerts reach Alertmanager',
      // as an operator asks
      'amtool alert query alertname=Watchdog | grep -q Watchdog',
    ),
    statusPageVerify(given, host),
    grafanaVerify(given),
  ]
}

function query(host: Host, expression: string): string {
  return askSelf(host, 9090, `/api/v1/query?query=${encodeURIComponent(expression)}`)
}
