// What the monitors ask on every host: node exporter, and one for MySQL and nginx where these run. TLS both ways, with the internal CA.
import { apt, assert, file, type Host, handler, role, type Secret, secret, systemd, type Tasks, v } from 'hostwright'
import { certificateMetrics } from './monitoring/certificate-metrics.ts'
import { askSelf, identity, identityTasks, webConfiguration } from './monitoring/identity.ts'
import { isGroupMember, servicesOf } from './monitoring/targets.ts'
import { addressesOf, membersOf } from './site.ts'

const secretText = v.custom<string | Secret>(
  (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  'expected a text or a secret',
)
const flag = v.pipe(v.string(), v.regex(/^--?[a-z][A-Za-z0-9._=/:,|()^$*+-]*$/, 'expected an option without spaces'))

const params = {
  /** Who may ask. @default the hosts of group `monitor` */
  monitors: v.optional(v.array(v.string())),
  /** More options of node exporter. @default none */
  nodeOptions: v.optional(v.array(flag), []),
  /** MySQL's exporter; set it in the inventory, where the monitors read it too. @default on the hosts of mysql's group */
  mysql: v.optional(v.boolean()),
  /** nginx's exporter; set it in the inventory. @default on the hosts of group `web` */
  nginx: v.optional(v.boolean()),
  /** Where nginx tells its counters. @default 'http://127.0.0.1:8081/stub_status' */
  nginxStatus: v.optional(
    v.pipe(v.string(), v.regex(/^https?:\/\/[^\s'"$\\]+$/, 'expected an http address')),
    'http://127.0.0.1:8081/stub_status',
  ),
  /** The secret of the internal CA. @default secret('tls.ca') */
  ca: v.optional(secretText, () => secret('tls.ca')),
}

export type ExportersParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    exporters?: Partial<ExportersParams>
  }
}

/** Files that scripts leave for node exporter; Debian's default. */
export const textfiles = '/var/lib/prometheus/node-exporter'
/** The TLS settings of all exporters. */
export const webConfigurationFile = '/etc/prometheus/web.yml'

interface Exporter {
  readonly name: 'node' | 'mysqld' | 'nginx'
  readonly port: number
  readonly options: readonly string[]
  /** A line of its metrics that says that what it looks at answers. */
  readonly proof: string
}

/**
 * The exporters of a host, for the monitors alone.
 * @example play({ hosts: 'all', roles: [exporters()] })
 */
export const exporters = role(
  'exporters',
  {
    params,
    openings: (given, host) =>
      exportersOf(given, host).map(({ port, name }) => ({
        port,
        from: given.monitors ?? addressesOf(host, 'monitor'),
        comment: `${name} exporter, for the monitors`,
      })),
    verify: (given, host) => [
      exportersOf(given, host).map(({ name, port, proof }) =>
        assert({
          name: `the ${name} exporter tells a monitor what it looks at`,
          that: `${askSelf(host, port, '/metrics')} | grep -q '^${proof}'`,
          message: `${name} exporter: no line '${proof}' in its metrics`,
        }),
      ),
      assert({
        name: 'it tells nobody without a certificate',
        that: `! curl --silent --fail --max-time 10 --insecure --output /dev/null https://127.0.0.1:9100/metrics`,
        message: 'node exporter answers to somebody without a certificate',
      }),
    ],
  },
  (given, host) => {
    const all = exportersOf(given, host)
    return [
      apt.package({
        pkg: [...all.map(({ name }) => packageOf(name)), 'dbus', 'curl', 'openssl'],
        startServices: false,
      }),
      identityTasks(host, given.ca),
      file.file({ dest: webConfigurationFile, content: webConfiguration, mode: '0644' }),
      file.directory({ path: textfiles, mode: '0755' }),
      all.map((exporter) => exporterTasks(exporter)),
      certificateMetrics(textfiles),
    ]
  },
)

function exporterTasks({ name, options }: Exporter): Tasks {
  const unit = packageOf(name)
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: `restart the ${name} exporter` })
  return [
    name === 'mysqld' &&
      // No password: the server asks the socket who is there. Older exporters insist on one, and it is never looked at.
      file.file({
        dest: mysqldClient,
        content: '[client]\nuser = prometheus\npassword = none\nsocket = /run/mysqld/mysqld.sock\n',
        mode: '0640',
        group: 'prometheus',
        notify: restart,
      }),
    file.file({
      dest: `/etc/default/${unit}`,
      content: `# Managed by hostwright: changes are overwritten.\nARGS="${options.join(' ')}"\n`,
      mode: '0644',
      notify: restart,
    }),
    systemd.service({ unit, state: 'started', enabled: true }),
  ]
}

const mysqldClient = '/etc/prometheus/mysqld.cnf'

function packageOf(name: Exporter['name']): string {
  return `prometheus-${name}-exporter`
}

function exportersOf(given: Checked, host: Host): Exporter[] {
  const web = `--web.config.file=${webConfigurationFile}`
  return [
    {
      name: 'node',
      port: 9100,
      options: [web, '--collector.netdev.address-info', ...given.nodeOptions],
      proof: 'node_exporter_build_info',
    },
    ...(watchesMysql(given, host)
      ? [
          {
            name: 'mysqld' as const,
            port: 9104,
            options: [
              web,
              `--config.my-cnf=${mysqldClient}`,
              ...(isGroupMember(host) ? groupCollectors : ['--collect.slave_status']),
            ],
            proof: 'mysql_up 1',
          },
        ]
      : []),
    ...(watchesNginx(given, host)
      ? [{ name: 'nginx' as const, port: 9113, options: nginxOptions(given, host), proof: 'nginx_up 1' }]
      : []),
  ]
}

/** What only a member of a group has; others would log an error each time they are asked. */
const groupCollectors = [
  '--collect.perf_schema.replication_group_members',
  '--collect.perf_schema.replication_applier_status_by_worker',
]

function watchesMysql(given: Pick<Checked, 'mysql'>, host: Host): boolean {
  return given.mysql ?? servicesOf(host).mysql
}

function watchesNginx(given: Pick<Checked, 'nginx'>, host: Host): boolean {
  return given.nginx ?? servicesOf(host).nginx
}

/** Debian 12 has the exporter from before it took the exporter toolkit: TLS, but it cannot ask for a client's certificate. */
function nginxOptions(given: Checked, host: Host): string[] {
  const { id, version } = host.facts.os
  return id === 'debian' && version === '12'
    ? [
        '-web.secured-metrics',
        `-web.ssl-server-cert=${identity}/server.pem`,
        `-web.ssl-server-key=${identity}/server.key`,
        `-nginx.scrape-uri=${given.nginxStatus}`,
      ]
    : [`--web.config.file=${webConfigurationFile}`, `--nginx.scrape-uri=${given.nginxStatus}`]
}

/** Whether somebody watches: the inventory has a group `monitor` with hosts. */
export function isWatched(host: Pick<Host, 'inventory'>): boolean {
  return membersOf(host, 'monitor').length > 0
}
