// Where alerts go: grouped, held back where a worse one says it all, and sent by mail and webhook. Secrets are in files that only Alertmanager reads.
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { type Host, ProvisionError, type Secret } from 'hostwright'
import { membersOf } from '../site.ts'
import { clientConfiguration, identity } from './identity.ts'
import type { Checked } from './parameters.ts'
import { withPort } from './targets.ts'

const secrets = '/etc/prometheus/secrets'

/** A file beside the configuration, with a secret or a CA. */
export interface ReceiverFile {
  readonly dest: string
  readonly content?: string | Secret
  /** A local file to copy. */
  readonly src?: string
}

interface Receivers {
  readonly list: readonly object[]
  readonly files: readonly ReceiverFile[]
}

type Webhook = Checked['webhooks'][number]

/** The receivers and the files that they need. */
export function receiversOf(given: Checked): Receivers {
  const webhooks = given.webhooks.map((hook, index) => webhookOf(hook, `webhook-${index + 1}`))
  const heartbeat = given.heartbeat && webhookOf({ ...given.heartbeat, resolved: false }, 'heartbeat')
  const mail = given.mail && mailOf(given.mail)
  return {
    list: [
      {
        name: 'everybody',
        ...(mail && { email_configs: mail.configs }),
        ...(webhooks.length > 0 && { webhook_configs: webhooks.map(({ config }) => config) }),
      },
      { name: 'heartbeat', ...(heartbeat && { webhook_configs: [heartbeat.config] }) },
    ],
    files: [mail, ...webhooks, heartbeat].flatMap((receiver) => receiver?.files ?? []),
  }
}

function mailOf({ to, from, smarthost, user, password, requireTls }: NonNullable<Checked['mail']>) {
  const file = `${secrets}/mail-password`
  return {
    configs: to.map((address) => ({
      to: address,
      from,
      smarthost,
      require_tls: requireTls,
      send_resolved: true,
      ...(user !== undefined && { auth_username: user }),
      ...(password !== undefined && { auth_password_file: file }),
    })),
    files: password === undefined ? [] : [{ dest: file, content: password }],
  }
}

function webhookOf({ url, token, caFile, resolved }: Webhook, name: string) {
  const file = (kind: string) => `${secrets}/${name}-${kind}`
  const files: ReceiverFile[] = [
    ...(typeof url !== 'string' ? [{ dest: file('url'), content: url }] : []),
    ...(token === undefined ? [] : [{ dest: file('token'), content: token }]),
    ...(caFile === undefined ? [] : [{ dest: file('ca.pem'), src: caFile }]),
  ]
  const http = {
    ...(token !== undefined && { authorization: { credentials_file: file('token') } }),
    ...(caFile !== undefined && { tls_config: { ca_file: file('ca.pem') } }),
  }
  return {
    files,
    config: {
      ...(typeof url !== 'string' ? { url_file: file('url') } : { url }),
      send_resolved: resolved,
      ...(Object.keys(http).length > 0 && { http_config: http }),
    },
  }
}

/** What `alertmanager.yml` holds. */
export function alertmanagerConfiguration(given: Checked, receivers: Receivers): object {
  return {
    route: {
      receiver: 'everybody',
      group_by: ['alertname', 'region'],
      group_wait: given.groupWait,
      group_interval: given.groupInterval,
      repeat_interval: given.repeatInterval,
      routes: [
        {
          receiver: 'heartbeat',
          matchers: ['alertname="Watchdog"'],
          group_wait: '0s',
          group_interval: '30s',
          repeat_interval: '1m',
        },
      ],
    },
    inhibit_rules: inhibitions,
    receivers: receivers.list,
  }
}

/** Of two alerts that say the same, the one that says more. What clients see is never held back. */
const inhibitions = [
  inhibition('alertname="HostDown"', ['host!=""', 'alertname!~"HostDown|SiteDown|AddressHeld.*"'], ['host']),
  inhibition('alertname="DiskFull"', ['alertname=~"DiskLow|DiskFillsUp"'], ['host', 'mountpoint']),
  inhibition('alertname="CertificateExpires"', ['alertname="CertificateNotRenewed"'], ['host', 'path']),
  inhibition('alertname="NoServerLeft"', ['alertname="BackendDown"'], ['host', 'proxy']),
  inhibition('alertname="DatabaseDown"', ['alertname=~"Replication.*"'], ['host']),
]

function inhibition(source: string, target: readonly string[], equal: readonly string[]): object {
  return { source_matchers: [source], target_matchers: target, equal }
}

/** Options of the daemon: several monitors tell each other what was sent, over TLS both ways. */
export function alertmanagerOptions(host: Pick<Host, 'name' | 'address' | 'inventory'>, pageUrl: string): string[] {
  const others = membersOf(host, 'monitor').filter((member) => member.name !== host.name)
  // members call each other by address, whatever they were told: a certificate for names would not do
  if (others.length > 0 && isIP(host.address) === 0)
    throw new ProvisionError({
      code: 'playbook',
      message: `role monitoring: the monitors form a cluster, and ${host.name} has the name '${host.address}' where the cluster needs an address`,
      hint: `Set the IP address of ${host.name} in the inventory, or leave one monitor in the group.`,
    })
  const cluster =
    others.length === 0
      ? ['--cluster.listen-address=']
      : [
          `--cluster.listen-address=${withPort(host.address, 9094)}`,
          `--cluster.tls-config=${clusterFile}`,
          ...others.map((member) => `--cluster.peer=${withPort(member.connection.address, 9094)}`),
        ]
  return [
    '--config.file=/etc/prometheus/alertmanager.yml',
    '--web.config.file=/etc/prometheus/web.yml',
    `--web.external-url=${pageUrl}`,
    '--web.route-prefix=/',
    ...cluster,
  ]
}

export const clusterFile = '/etc/prometheus/alertmanager-cluster.yml'

/** TLS between the members of the cluster. */
export const clusterConfiguration = {
  tls_server_config: {
    cert_file: `${identity}/server.pem`,
    key_file: `${identity}/server.key`,
    client_ca_file: `${identity}/ca.pem`,
    client_auth_type: 'RequireAndVerifyClientCert',
  },
  tls_client_config: clientConfiguration,
}

/** The number by which Alertmanager names the configuration that it runs: the first six bytes of the file's MD5, the lowest first. */
export function configurationHash(text: string): number {
  return createHash('md5').update(text).digest().readUIntLE(0, 6)
}
