// What a monitor asks, as the inventory says: every host's exporters, HAProxy, the site from outside, and the monitors themselves.
import type { Host, InventoryHost } from 'hostwright'
import { domainsOf, membersOf } from '../site.ts'
import { clientConfiguration } from './identity.ts'
import type { Checked } from './parameters.ts'

interface Target {
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

/** A job of Prometheus. */
export interface Scrape {
  readonly job_name: string
  readonly static_configs?: readonly Pick<Target, 'targets'>[] | undefined
  readonly [setting: string]: unknown
}

/** Which exporters a host has, beside that of the machine: by its groups, unless the inventory's `exporters` says otherwise. */
export function servicesOf(host: Pick<InventoryHost, 'groups' | 'vars'>): { mysql: boolean; nginx: boolean } {
  const { exporters, mysql } = host.vars
  return {
    mysql: exporters?.mysql ?? host.groups.includes(mysql?.group ?? 'db'),
    nginx: exporters?.nginx ?? host.groups.includes('web'),
  }
}

/** Whether a database server is one of those that elect their primary themselves. */
export function isGroupMember({ vars }: Pick<InventoryHost, 'vars'>): boolean {
  return vars.mysql?.topology === 'group'
}

/** The jobs of Prometheus. */
export function scrapesOf(given: Checked, host: Host): Scrape[] {
  const { hosts } = host.inventory
  const monitors = membersOf(host, 'monitor')
  const over = (job_name: string, members: readonly InventoryHost[], port: number): Scrape => ({
    job_name,
    scheme: 'https',
    tls_config: clientConfiguration,
    static_configs: members.map((member) => targetOf(member, port)),
  })
  return [
    over('prometheus', monitors, 9090),
    over('alertmanager', monitors, 9093),
    over('blackbox', monitors, 9115),
    nodes(over('node', hosts, 9100)),
    over(
      'mysql',
      hosts.filter((member) => servicesOf(member).mysql),
      9104,
    ),
    over(
      'nginx',
      hosts.filter((member) => servicesOf(member).nginx),
      9113,
    ),
    over('haproxy', membersOf(host, 'lb'), 8405),
    ...probesOf(given, host),
    ...given.extraScrapes,
  ].filter(({ static_configs }) => static_configs?.length !== 0)
}

/** How many targets the jobs have; what a job of the user's own finds elsewhere is not known. */
export function targetCount(scrapes: readonly Scrape[]): number {
  return scrapes.flatMap(({ static_configs = [] }) => static_configs.flatMap(({ targets }) => targets)).length
}

/** What a script tells of another host, `provision watch` say, is that host's, whoever handed it on. */
function nodes(job: Scrape): Scrape {
  return {
    ...job,
    metric_relabel_configs: [
      { source_labels: ['exported_host'], regex: '(.+)', target_label: 'host' },
      { regex: 'exported_host', action: 'labeldrop' },
    ],
  }
}

/** Labels by which alerts and the status page name a host. */
function targetOf(member: InventoryHost, port: number): Target {
  return {
    targets: [withPort(member.connection.address, port)],
    labels: {
      host: member.name,
      ...(member.vars.region !== undefined && { region: member.vars.region }),
    },
  }
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The public address, or several; `host` for that of one balancer alone. */
interface Entrance {
  readonly address: string
  readonly host?: string
}

/** Where clients come in: the floating address, else each balancer's own. Balancers behind a floating address are asked too, as what they are: spare. */
function entrancesOf(host: Host): { public: Entrance[]; spare: Entrance[] } {
  const floating = host.vars.site?.floatingAddress
  const balancers = membersOf(host, 'lb').map((member) => ({ address: member.connection.address, host: member.name }))
  return floating === undefined
    ? { public: balancers, spare: [] }
    : { public: [{ address: floating }], spare: balancers }
}

function probesOf(given: Checked, host: Host): Scrape[] {
  const entrances = entrancesOf(host)
  const domains = domainsOf(host)
  const url = (scheme: string, { address }: Entrance, path: string) =>
    `${scheme}://${address.includes(':') ? `[${address}]` : address}${path}`
  const entries = [
    ...entrances.public.map((entrance) => ({ ...entrance, kind: 'site' })),
    ...entrances.spare.map((entrance) => ({ ...entrance, kind: 'balancer' })),
  ]
  const site = entries.flatMap((entrance) =>
    domains.map((domain) => ({
      targets: [url('https', entrance, given.healthPath)],
      labels: { ...labelsOf(entrance), domain, module: siteModule(domain) },
    })),
  )
  const redirects = entrances.public.map((entrance) => ({
    targets: [url('http', entrance, '/')],
    labels: { ...labelsOf({ ...entrance, kind: 'redirect' }), domain: domains[0] ?? '', module: redirectModule },
  }))
  const own = given.probes.map((address) => ({
    targets: [address],
    labels: { kind: 'probe', module: new URL(address).protocol === 'https:' ? httpsModule : httpModule },
  }))
  const all: Target[] = [...site, ...redirects, ...own]
  return [probeJob(all, withPort(host.address, 9115))]
}

function labelsOf({ kind, host }: { readonly kind: string; readonly host?: string }): Record<string, string> {
  return { kind, ...(host !== undefined && { host }) }
}

/** The blackbox exporter of this host asks; what it asks for is the target. */
function probeJob(all: readonly Target[], prober: string): Scrape {
  return {
    job_name: 'probe',
    scheme: 'https',
    metrics_path: '/probe',
    tls_config: clientConfiguration,
    static_configs: all,
    relabel_configs: [
      { source_labels: ['module'], target_label: '__param_module' },
      { regex: 'module', action: 'labeldrop' },
      { source_labels: ['__address__'], target_label: '__param_target' },
      { source_labels: ['__param_target'], target_label: 'instance' },
      { target_label: '__address__', replacement: prober },
    ],
  }
}

const redirectModule = 'redirect'
const httpModule = 'http'
const httpsModule = 'https'

function siteModule(domain: string): string {
  return `site ${domain}`
}

/** The modules of the blackbox exporter: how the site is asked for under each of its names, whatever DNS says. */
export function blackboxModules(host: Host, trust: object): object {
  const http = (more: object) => ({
    prober: 'http',
    timeout: '8s',
    http: { preferred_ip_protocol: 'ip4', follow_redirects: false, ...more },
  })
  const site = domainsOf(host).map((domain) => [
    siteModule(domain),
    http({
      fail_if_not_ssl: true,
      headers: { Host: domain },
      tls_config: { server_name: domain, ...trust },
    }),
  ])
  return {
    modules: {
      ...Object.fromEntries(site),
      [redirectModule]: http({
        valid_status_codes: [301, 302, 307, 308],
        headers: { Host: domainsOf(host)[0] ?? '' },
        fail_if_header_not_matches: [{ header: 'Location', regexp: '^https://' }],
      }),
      [httpModule]: http({}),
      [httpsModule]: http({ fail_if_not_ssl: true }),
    },
  }
}
