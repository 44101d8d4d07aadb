// Grafana, which Debian does not have, from a repository that the user names. Its data source and dashboards are files that this role writes.
import { apt, file, type Host, handler, ProvisionError, secretText, systemd, type Tasks, wait } from 'hostwright'
import { dashboards } from './dashboards.ts'
import { clientConfiguration, json } from './identity.ts'
import type { Checked } from './parameters.ts'
import { withPort } from './targets.ts'

const provisioning = '/etc/grafana/provisioning'
const dashboardFolder = '/var/lib/grafana/hostwright-dashboards'
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
  const restart = handler(systemd.service({ unit: 'grafana-server', state: 'restarted' }), { name: 'restart Grafana' })
  const { uris, suites, components, key } = grafana.repository
  const own = { mode: '0640' as const, group: 'grafana', notify: restart }
  return [
    apt.repository({
      name: 'grafana',
      uris,
      suites,
      key,
      ...(components !== undefined && { components }),
    }),
    apt.package({ pkg: 'grafana', startServices: false }),
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
    // so that Grafana may read the key by which it asks Prometheus
    systemd.unit({
      name: 'grafana-server.service.d/hostwright.conf',
      content: '# Managed by hostwright: changes are overwritten.\n[Service]\nSupplementaryGroups=prometheus\n',
      notify: restart,
    }),
    systemd.service({ unit: 'grafana-server', state: 'started', enabled: true }),
  ]
}

export function grafanaVerify({ grafana }: Checked): Tasks {
  if (!grafana) return []
  return wait.http({
    name: 'Grafana answers, and its database is well',
    url: `http://127.0.0.1:${grafanaPort}/grafana/api/health`,
    contains: '"ok"',
    timeout: 30,
  })
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
[users]
allow_sign_up = false
[auth.anonymous]
enabled = false
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
`
}

function dataSource(host: Host): object {
  const file = (path: string) => `$__file{${path}}`
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
          tlsCACert: file(clientConfiguration.ca_file),
          tlsClientCert: file(clientConfiguration.cert_file),
          tlsClientKey: file(clientConfiguration.key_file),
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
