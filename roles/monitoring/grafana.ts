// Grafana, which Debian does not have, from a repository that the user names. Its data source and dashboards are files that this role writes.
import {
  apt,
  assert,
  file,
  type Host,
  handler,
  ProvisionError,
  secretText,
  shell,
  systemd,
  type Tasks,
} from 'hostwright'
import { dashboards } from './dashboards.ts'
import { identityTasks, json } from './identity.ts'
import type { Checked } from './parameters.ts'
import { withPort } from './targets.ts'

const provisioning = '/etc/grafana/provisioning'
/** Not in Grafana's own folders: each upgrade of its package makes those its own. */
const dashboardFolder = '/usr/local/share/hostwright-dashboards'
/** Grafana reads the key when it starts, and may read nothing else of the monitor's: a copy of its own. */
const identity = '/etc/prometheus/grafana-tls'
const passwordFile = '/etc/grafana/admin-password'
/** On the host itself; browsers come through the status page's port. */
export const grafanaPort = 3001

export function grafanaTasks(given: Checked, host: Host): Tasks {
  const { grafana, statusPage } = given
  if (!grafana) return []
  if (statusPage === false)
    throw new ProvisionError({
      code: 'playbook',
      message: 'role monitoring: grafana is reached through the status page, which is switched off',
      hint: 'Leave out statusPage: false.',
    })
  const restart = handler([systemd.service({ unit: 'grafana-server', state: 'restarted' }), waitForStart()], {
    name: 'restart Grafana',
  })
  const { uris, suites, components, key } = grafana.repository
  const own = { mode: '0640' as const, group: 'grafana', notify: restart }
  return [
    file.file({ dest: '/etc/apt/preferences.d/hostwright-grafana', content: preferences(uris), mode: '0644' }),
    apt.repository({
      name: 'grafana',
      uris,
      suites,
      key,
      ...(components !== undefined && { components }),
    }),
    apt.package({ pkg: 'grafana', startServices: false }),
    identityTasks(host, given.ca, { directory: identity, group: 'grafana', notify: restart }),
    file.file({ dest: passwordFile, content: secretText`${grafana.adminPassword}`, ...own }),
    file.file({
      dest: '/etc/grafana/grafana.ini',
      content: settings(`https://${withPort(host.address, statusPage.port)}/grafana/`),
      ...own,
    }),
    file.file({ dest: `${provisioning}/datasources/hostwright.yaml`, content: json(dataSource(host)), ...own }),
    file.file({ dest: `${provisioning}/dashboards/hostwright.yaml`, content: json(dashboardProvider), ...own }),
    file.directory({ path: dashboardFolder, mode: '0755' }),
    // Grafana looks at the folder every half minute
    Object.entries(dashboards).map(([name, dashboard]) =>
      file.file({ dest: `${dashboardFolder}/${name}.json`, content: json(dashboard), mode: '0644' }),
    ),
    systemd.service({ unit: 'grafana-server', state: 'started', enabled: true }),
  ]
}

export function grafanaVerify({ grafana }: Checked): Tasks {
  if (!grafana) return []
  const check = (name: string, path: string, judge: string) =>
    assert({ name, that: `${askAsAdmin(path)} | ${judge}`, retry: { attempts: 60, delay: 1 } })
  const count = Object.keys(dashboards).length
  return [
    assert({ name: 'Grafana answers, and its database is well', that: health, retry: { attempts: 60, delay: 1 } }),
    check(
      "Grafana's admin has the password of the secret, and its data source gets answers from Prometheus",
      '/api/datasources/uid/prometheus/health',
      `grep -Eq '"status": *"OK"'`,
    ),
    check(
      'Grafana shows the dashboards',
      '/api/search?tag=hostwright',
      `{ shown=$(grep -Eo '"uid": *"hostwright-' | wc -l); [ "$shown" -eq ${count} ] || { echo "$shown of ${count}" >&2; false; }; }`,
    ),
  ]
}

const health = `curl --silent --fail --max-time 5 http://127.0.0.1:${grafanaPort}/grafana/api/health | grep -q '"ok"'`

/** The unit counts as started before Grafana has read its files, and what it cannot take is told by its log alone. */
function waitForStart() {
  return shell.command({
    name: 'Grafana has taken its configuration',
    run: `tries=0
until ${health}; do
  tries=$((tries + 1))
  if systemctl --quiet is-failed grafana-server || [ "$tries" -ge 120 ]; then
    journalctl --unit grafana-server --lines 20 --no-pager --output cat >&2
    exit 1
  fi
  sleep 1
done`,
    changedWhen: false,
  })
}

/** `curl` as admin; it reads the password from its standard input, where \ and " are escaped. */
function askAsAdmin(path: string): string {
  return `printf 'user = "admin:%s"\\n' "$(sed 's/[\\\\"]/\\\\&/g' ${passwordFile})" | curl --silent --show-error --fail --max-time 20 --config - 'http://127.0.0.1:${grafanaPort}/grafana${path}'`
}

/** What this repository has beside Grafana never takes the place of a package from elsewhere, however new it is; apt_preferences(5). */
function preferences(uris: string): string {
  return `# Managed by hostwright: changes are overwritten.
Package: *
Pin: origin "${new URL(uris).hostname}"
Pin-Priority: 100

Package: grafana
Pin: origin "${new URL(uris).hostname}"
Pin-Priority: 500
`
}

function settings(url: string): string {
  return `; Managed by hostwright: changes are overwritten.
[server]
http_addr = 127.0.0.1
http_port = ${grafanaPort}
root_url = ${url}
serve_from_sub_path = true
[security]
admin_password = $__file{${passwordFile}}
cookie_secure = true
disable_gravatar = true
[users]
allow_sign_up = false
[auth.anonymous]
enabled = false
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
feedback_links_enabled = false
[plugins]
; nothing is fetched from elsewhere
preinstall_disabled = true
plugin_admin_enabled = false
[news]
news_feed_enabled = false
[snapshots]
external_enabled = false
`
}

function dataSource(host: Host): object {
  const file = (name: string) => `$__file{${identity}/${name}}`
  return {
    apiVersion: 1,
    datasources: [
      {
        name: 'Prometheus',
        uid: 'prometheus',
        type: 'prometheus',
        access: 'proxy',
        url: `https://${withPort(host.address, 9090)}`,
        isDefault: true,
        editable: false,
        jsonData: { httpMethod: 'POST', tlsAuth: true, tlsAuthWithCACert: true },
        secureJsonData: {
          tlsCACert: file('ca.pem'),
          tlsClientCert: file('server.pem'),
          tlsClientKey: file('server.key'),
        },
      },
    ],
  }
}

const dashboardProvider = {
  apiVersion: 1,
  providers: [
    {
      name: 'hostwright',
      folder: 'hostwright',
      type: 'file',
      allowUiUpdates: false,
      updateIntervalSeconds: 30,
      options: { path: dashboardFolder },
    },
  ],
}
