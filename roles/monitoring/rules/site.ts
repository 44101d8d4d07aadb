// Is the site there, seen from outside, and are the servers behind it?
import type { Thresholds } from '../parameters.ts'
import type { Rule, Watched } from '../rules.ts'

const responses = 'haproxy_frontend_http_responses_total{proxy="https"'

export function siteRules(thresholds: Thresholds, { floatingAddress, balancers }: Watched): Rule[] {
  if (balancers === 0) return []
  return [
    {
      alert: 'SiteDown',
      expr: 'probe_success{kind="site"} == 0',
      for: '30s',
      severity: 'critical',
      summary: '{{ $labels.domain }} does not answer at {{ $labels.instance }}',
      action:
        'See which other alerts fire: host, balancer, backend or database. If none does, ask that address with curl from the monitor.',
    },
    {
      alert: 'BalancerDown',
      expr: 'probe_success{kind="balancer"} == 0',
      for: '1m',
      severity: 'warning',
      summary: '{{ $labels.host }} would not serve {{ $labels.domain }} if it held the address',
      action:
        'systemctl status haproxy on that host, then provision --limit it. The site has no spare balancer until then.',
    },
    {
      alert: 'RedirectBroken',
      expr: 'probe_success{kind="redirect"} == 0',
      for: '5m',
      severity: 'warning',
      summary: '{{ $labels.instance }} does not redirect to https',
      action: 'Port 80 of HAProxy, or the firewall before it, is not as provisioned: run provision on the balancers.',
    },
    {
      alert: 'ProbeFailed',
      expr: 'probe_success{kind="probe"} == 0',
      for: '1m',
      severity: 'critical',
      summary: '{{ $labels.instance }} does not answer as it should',
      action: 'Ask that address with curl from the monitor.',
    },
    {
      alert: 'BackendDown',
      // only the web servers: of the databases some are rightly down, for writes
      expr: 'haproxy_server_status{proxy="web",state="DOWN"} == 1',
      for: '30s',
      severity: 'warning',
      summary: '{{ $labels.host }} sends nothing to {{ $labels.server }}, which fails its health check',
      action: 'nginx or the app on that server does not answer the health path: see their units and logs there.',
    },
    {
      alert: 'NoServerLeft',
      expr: 'haproxy_backend_status{state="DOWN"} == 1',
      for: '15s',
      severity: 'critical',
      summary: '{{ $labels.host }} has no server left for {{ $labels.proxy }}',
      action:
        'For web: the web servers. For a database port: provision db status, then a failover if the primary is dead.',
    },
    {
      alert: 'ManyErrors',
      expr: `sum by (host) (rate(${responses},code="5xx"}[5m])) / sum by (host) (rate(${responses}}[5m])) > ${thresholds.errors} and sum by (host) (increase(${responses},code="5xx"}[5m])) > 10`,
      for: '5m',
      severity: 'critical',
      summary: '{{ $labels.host }} answers {{ $value | humanizePercentage }} of requests with an error of ours (5xx)',
      action:
        'The log of HAProxy names the server of each; a deploy of the last minutes is rolled back by provision rollback app.',
    },
    ...(floatingAddress === undefined ? [] : floatingRules(floatingAddress)),
  ]
}

function floatingRules(address: string): Rule[] {
  const holders = `node_network_address_info{address="${address}"}`
  return [
    {
      alert: 'AddressHeldByNobody',
      expr: `absent(${holders})`,
      for: '15s',
      severity: 'critical',
      summary: `no host holds the site's address ${address}`,
      action:
        'systemctl status keepalived haproxy on the balancers: one that is well takes the address within seconds.',
    },
    {
      alert: 'AddressHeldTwice',
      expr: `count(${holders}) > 1`,
      for: '15s',
      severity: 'critical',
      summary: `{{ $value }} hosts hold the site's address ${address}`,
      action:
        'The balancers do not hear each other: protocol 112 between them, firewall and cable. Stop keepalived on all but one.',
    },
  ]
}
