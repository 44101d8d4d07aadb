// Grafana's dashboards as data: what is drawn, from which figures, in which unit. The grid and the boilerplate are the same for all.
import { groupLag } from './rules/database.ts'

interface Panel {
  readonly title: string
  /** Expressions by legend. */
  readonly shows: Readonly<Record<string, string>>
  /** Grafana's name of a unit. */
  readonly unit: string
}

/** What of Grafana's format differs from panel to panel. */
interface Dashboard {
  readonly title: string
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
  readonly [field: string]: unknown
}

/** Two panels a row. */
function dashboard(uid: string, title: string, panels: readonly Panel[]): Dashboard {
  return {
    uid: `hostwright-${uid}`,
    title,
    tags: ['hostwright'],
    schemaVersion: 36,
    editable: false,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    panels: panels.map((panel, index) => ({
      id: index + 1,
      type: 'timeseries',
      title: panel.title,
      datasource: { type: 'prometheus', uid: 'prometheus' },
      gridPos: { h: 8, w: 12, x: (index % 2) * 12, y: Math.floor(index / 2) * 8 },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      targets: Object.entries(panel.shows).map(([legendFormat, expr], target) => ({
        refId: String.fromCharCode(65 + target),
        expr,
        legendFormat,
      })),
    })),
  }
}

const responses = 'haproxy_frontend_http_responses_total{proxy="https"'

/** By file name. */
export const dashboards: Readonly<Record<string, Dashboard>> = {
  site: dashboard('site', 'Site', [
    { title: 'Up, from outside', unit: 'short', shows: { '{{kind}} {{domain}} {{instance}}': 'probe_success' } },
    {
      title: 'Time of an answer, from outside',
      unit: 's',
      shows: { '{{domain}} {{instance}}': 'probe_duration_seconds' },
    },
    { title: 'Requests', unit: 'reqps', shows: { '{{code}}': `sum by (code) (rate(${responses}}[5m]))` } },
    {
      title: 'Errors (5xx)',
      unit: 'percentunit',
      shows: {
        '{{host}}': `sum by (host) (rate(${responses},code="5xx"}[5m])) / sum by (host) (rate(${responses}}[5m]))`,
      },
    },
  ]),
  'load-balancer': dashboard('load-balancer', 'Load balancers', [
    { title: 'Sessions', unit: 'short', shows: { '{{host}} {{proxy}}': 'haproxy_frontend_current_sessions' } },
    {
      title: 'Servers that serve',
      unit: 'short',
      shows: { '{{host}} {{proxy}}': 'sum by (host, proxy) (haproxy_server_status{state="UP"})' },
    },
    {
      title: 'Requests by server',
      unit: 'reqps',
      shows: { '{{server}}': 'sum by (server) (rate(haproxy_server_http_responses_total{proxy="web"}[5m]))' },
    },
    {
      title: 'Time of an answer by server',
      unit: 's',
      shows: { '{{host}} {{server}}': 'haproxy_server_response_time_average_seconds{proxy="web"}' },
    },
  ]),
  database: dashboard('database', 'Databases', [
    { title: 'Queries', unit: 'ops', shows: { '{{host}}': 'rate(mysql_global_status_queries[5m])' } },
    { title: 'Connections', unit: 'short', shows: { '{{host}}': 'mysql_global_status_threads_connected' } },
    {
      title: 'Behind the primary',
      unit: 's',
      shows: {
        '{{host}}': `mysql_slave_status_seconds_behind_source or mysql_slave_status_seconds_behind_master or ${groupLag}`,
      },
    },
    { title: 'Takes writes', unit: 'short', shows: { '{{host}}': '1 - mysql_global_variables_read_only' } },
    {
      title: 'Members of the group',
      unit: 'short',
      shows: {
        'as {{host}} sees it':
          'count by (host) (mysql_perf_schema_replication_group_member_info{member_state="ONLINE"})',
      },
    },
  ]),
  hosts: dashboard('hosts', 'Hosts', [
    {
      title: 'Processor',
      unit: 'percentunit',
      shows: { '{{host}}': '1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle"}[5m]))' },
    },
    {
      title: 'Memory',
      unit: 'percentunit',
      shows: { '{{host}}': '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes' },
    },
    {
      title: 'Disks',
      unit: 'percentunit',
      shows: {
        '{{host}} {{mountpoint}}':
          '1 - node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs"} / node_filesystem_size_bytes',
      },
    },
    {
      title: 'Network',
      unit: 'Bps',
      shows: {
        '{{host}} in': 'sum by (host) (rate(node_network_receive_bytes_total{device!="lo"}[5m]))',
        '{{host}} out': 'sum by (host) (rate(node_network_transmit_bytes_total{device!="lo"}[5m]))',
      },
    },
  ]),
}
