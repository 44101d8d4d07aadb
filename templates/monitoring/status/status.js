// The status page: asks Prometheus and Alertmanager through the web server that gave this file, and shows what they say. It changes nothing.
// Whatever comes from them is put into the page as text, never as HTML.

const interval = 10_000
/** A monitor that is busy answers late, and late is better than not. */
const patience = 60_000

/** Questions to Prometheus: one row of the answer is one row of a table. */
const questions = {
  probes: 'probe_success',
  probeSeconds: 'probe_duration_seconds',
  balancers: 'up{job="haproxy"}',
  holders: 'node_network_address_info{address="ADDRESS"}',
  sessions: 'sum by (host) (haproxy_frontend_current_sessions{proxy="https"})',
  servers: 'haproxy_server_status == 1',
  serverRates: 'sum by (host, proxy, server) (rate(haproxy_server_http_responses_total[5m]))',
  databases: 'mysql_up',
  readOnly: 'mysql_global_variables_read_only',
  following:
    'min by (host) (mysql_slave_status_replica_io_running * on (host, instance) group_left () max by (host, instance) (mysql_slave_status_replica_sql_running) or mysql_slave_status_slave_io_running * on (host, instance) group_left () max by (host, instance) (mysql_slave_status_slave_sql_running))',
  lag: 'max by (host) (mysql_slave_status_seconds_behind_source or mysql_slave_status_seconds_behind_master or time() - (mysql_perf_schema_applying_transaction_original_commit_timestamp_seconds{channel_name="group_replication_applier"} > 0))',
  grouped: 'count by (host) (mysql_perf_schema_replication_group_member_info)',
  online: 'count by (host) (mysql_perf_schema_replication_group_member_info{member_state="ONLINE"})',
  hosts: 'max by (host, region) (up{job="node"})',
  processor: '1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
  memory: '1 - max by (host) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)',
  disk: '1 - min by (host) (node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|squashfs"} / node_filesystem_size_bytes)',
  booted: 'max by (host) (time() - node_boot_time_seconds)',
  until: 'hostwright_certificate_not_after_timestamp_seconds - time()',
  share:
    '(hostwright_certificate_not_after_timestamp_seconds - time()) / (hostwright_certificate_not_after_timestamp_seconds - hostwright_certificate_not_before_timestamp_seconds)',
  backup: 'time() - min(max by (repository, target) (hostwright_backup_last_success_timestamp_seconds))',
  restored: 'time() - min(max by (repository, target) (hostwright_backup_last_restore_test_timestamp_seconds))',
  drift: 'max by (host) (hostwright_drifted_tasks)',
  looked: 'time() - max(hostwright_last_run_timestamp_seconds)',
}

const curves = [
  { title: 'Requests', unit: '/s', query: 'sum(rate(haproxy_frontend_http_requests_total{proxy="https"}[2m]))', digits: 1 },
  {
    title: 'Errors (5xx)',
    unit: ' %',
    query:
      '100 * sum(rate(haproxy_frontend_http_responses_total{proxy="https",code="5xx"}[2m])) / (sum(rate(haproxy_frontend_http_responses_total{proxy="https"}[2m])) > 0) or vector(0)',
    digits: 2,
  },
  { title: 'Answer time', unit: ' ms', query: '1000 * max(haproxy_backend_response_time_average_seconds{proxy="web"})', digits: 0 },
]

const at = (id) => document.getElementById(id)

/** An element with properties and children; texts become text nodes. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'data') Object.assign(made.dataset, value)
    else if (key in made) made[key] = value
    else made.setAttribute(key, value)
  }
  made.append(...children)
  return made
}

async function fetchJson(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(patience) })
  if (!response.ok) throw new Error(`${path.split('?')[0]}: ${response.status}`)
  return await response.json()
}

/** Rows of labels and a value. */
async function ask(query) {
  const { data } = await fetchJson(`api/v1/query?query=${encodeURIComponent(query)}`)
  return data.result.map(({ metric, value }) => ({ ...metric, value: Number(value[1]) }))
}

async function askCurve(query) {
  const end = Math.floor(Date.now() / 1000)
  const span = `start=${end - 3600}&end=${end}&step=60`
  const { data } = await fetchJson(`api/v1/query_range?query=${encodeURIComponent(query)}&${span}`)
  return (data.result[0]?.values ?? []).map(([time, value]) => [time - end + 3600, Number(value)])
}

const by = (rows, ...labels) => new Map(rows.map((row) => [labels.map((label) => row[label]).join('\n'), row]))

function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–'
  const sign = seconds < 0 ? '−' : ''
  const rest = Math.abs(seconds)
  if (rest < 120) return `${sign}${Math.round(rest)} s`
  if (rest < 7200) return `${sign}${Math.round(rest / 60)} min`
  if (rest < 172_800) return `${sign}${Math.round(rest / 3600)} h`
  return `${sign}${Math.round(rest / 86_400)} days`
}

const marks = { good: '✓', bad: '✕', doubt: '!', unknown: '–' }

/** A state in colour, with a sign and in words: colour alone tells some people nothing. */
function mark(state, text) {
  return element('span', { className: 'mark', data: { state } }, `${marks[state]} ${text}`)
}

function table(heads, rows) {
  const cells = (name, row) =>
    row.map((cell, index) => {
      const isHead = name === 'th' || index === 0
      const isNumber = heads[index].startsWith('#')
      return element(
        isHead ? 'th' : 'td',
        { ...(isHead && { scope: name === 'th' ? 'col' : 'row' }), ...(isNumber && { className: 'number' }) },
        cell ?? '–',
      )
    })
  const names = heads.map((head) => head.replace('#', ''))
  return element(
    'div',
    { className: 'scroll', tabIndex: 0, role: 'group' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...cells('th', names))),
      element('tbody', {}, ...rows.map((row) => element('tr', {}, ...cells('td', row)))),
    ),
  )
}

/** A section with a table; without rows it is not there. */
function section(id, heads, rows) {
  at(id).hidden = rows.length === 0
  at(id).querySelector('.body').replaceChildren(table(heads, rows))
}

function meter(value) {
  if (value === undefined) return '–'
  const percent = Math.round(value * 100)
  return element(
    'span',
    {},
    element('meter', { min: 0, max: 1, low: 0.75, high: 0.9, optimum: 0, value, 'aria-hidden': 'true' }),
    `${percent} %`,
  )
}

function chart({ title, unit, digits }, points) {
  const name = 'http://www.w3.org/2000/svg'
  const last = points.at(-1)?.[1]
  const most = Math.max(0, ...points.map(([, value]) => value))
  const top = Math.max(most, 10 ** -digits) // a flat zero is at the bottom
  const shown = (value) => (value === undefined ? '–' : `${value.toFixed(digits)}${unit}`)
  const svg = document.createElementNS(name, 'svg')
  svg.setAttribute('viewBox', '0 0 3600 100')
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', `${title}: now ${shown(last)}, at most ${shown(points.length > 0 ? most : undefined)}`)
  const line = points.map(([time, value]) => `${time.toFixed(0)} ${(96 - (92 * value) / top).toFixed(1)}`).join('L')
  if (points.length > 1) {
    for (const [kind, path] of [
      ['area', `M${points[0][0].toFixed(0)} 100L${line}L${points.at(-1)[0].toFixed(0)} 100Z`],
      ['line', `M${line}`],
    ]) {
      const curve = document.createElementNS(name, 'path')
      curve.setAttribute('class', kind)
      curve.setAttribute('d', path)
      svg.append(curve)
    }
  }
  return element(
    'div',
    { className: 'chart' },
    element('b', {}, shown(last)),
    element('span', { className: 'quiet' }, `${title}${points.length > 0 ? `, at most ${shown(most)}` : ''}`),
    svg,
  )
}

const rank = { critical: 0, warning: 1 }

function showAlerts(alerts) {
  const shown = alerts
    .filter(({ labels }) => labels.severity !== 'none')
    .sort(
      (one, other) =>
        (rank[one.labels.severity] ?? 2) - (rank[other.labels.severity] ?? 2) ||
        one.startsAt.localeCompare(other.startsAt),
    )
  const rows = shown.map(({ labels, annotations, startsAt, status }) => {
    const held = status.state === 'suppressed'
    const why = status.silencedBy.length > 0 ? 'silenced' : 'held back by a worse one'
    const since = duration((Date.now() - Date.parse(startsAt)) / 1000)
    return element(
      'div',
      { className: 'alert', data: { severity: labels.severity, held } },
      element('strong', {}, `${labels.severity}: ${annotations.summary ?? labels.alertname}`),
      element('span', {}, annotations.action ?? ''),
      element('span', { className: 'quiet' }, ` ${labels.alertname}, for ${since}${held ? `, ${why}` : ''}`),
    )
  })
  at('alerts')
    .querySelector('.body')
    .replaceChildren(...(rows.length > 0 ? rows : [mark('good', 'none')]))
  return shown.filter(({ status }) => status.state !== 'suppressed')
}

function showVerdict(alerts, probes) {
  const verdict = at('verdict')
  const down = probes.some((row) => row.kind === 'site' && row.value === 0)
  const critical = alerts.filter(({ labels }) => labels.severity === 'critical').length
  const [state, text] = down
    ? ['bad', 'The site is down']
    : critical > 0
      ? ['bad', `${critical} critical alert${critical > 1 ? 's' : ''}`]
      : alerts.length > 0
        ? ['doubt', `The site is up, ${alerts.length} warning${alerts.length > 1 ? 's' : ''}`]
        : ['good', 'Everything works']
  verdict.dataset.state = state
  if (verdict.textContent !== text) verdict.textContent = text
}

function showSite(found) {
  const seconds = by(found.probeSeconds, 'instance', 'domain')
  const kinds = { site: 'public', balancer: 'spare', redirect: 'http → https', probe: '' }
  section(
    'entrances',
    ['Name', 'Address', 'State', '#Time'],
    found.probes.map((row) => [
      row.domain ?? row.instance,
      `${row.instance.replace(/^https?:\/\/([^/]*).*$/, '$1')}${kinds[row.kind] ? `, ${kinds[row.kind]}` : ''}`,
      row.value === 1 ? mark('good', 'answers') : mark('bad', 'does not answer'),
      `${Math.round(1000 * (seconds.get(`${row.instance}\n${row.domain}`)?.value ?? Number.NaN))} ms`,
    ]),
  )
  const holders = new Set(found.holders.map(({ host }) => host))
  const sessions = by(found.sessions, 'host')
  section(
    'balancers',
    ['Balancer', 'State', 'Address', '#Clients'],
    found.balancers.map(({ host, value }) => [
      host,
      value === 1 ? mark('good', 'up') : mark('bad', 'down'),
      holders.size > 0 ? (holders.has(host) ? 'holds it' : 'waits') : '–',
      String(sessions.get(host)?.value ?? '–'),
    ]),
  )
  const rates = by(found.serverRates, 'host', 'proxy', 'server')
  section(
    'backends',
    ['Server', 'For', 'Seen by', 'State', '#Requests'],
    found.servers
      .filter(({ proxy }) => proxy !== 'acme' && proxy !== 'certbot')
      .map((row) => [
        row.server,
        row.proxy,
        row.host,
        row.state === 'UP'
          ? mark('good', 'up')
          : // for writes all databases but one are rightly out
            mark(row.state === 'DOWN' && row.proxy === 'web' ? 'bad' : 'unknown', row.state.toLowerCase()),
        `${(rates.get(`${row.host}\n${row.proxy}\n${row.server}`)?.value ?? 0).toFixed(1)}/s`,
      ]),
  )
}

/** The state of a server that runs: of a replica whether it follows, of a group's member how many it sees. */
function databaseState(follows, isGrouped, online, servers) {
  if (isGrouped) {
    return online > servers / 2
      ? mark(online < servers ? 'doubt' : 'good', `in the group of ${online}`)
      : mark('bad', 'not in its group')
  }
  return follows === 0 ? mark('bad', 'does not follow') : mark('good', follows === 1 ? 'follows' : 'up')
}

function showDatabases(found) {
  const [readOnly, following, lag, grouped, online] = ['readOnly', 'following', 'lag', 'grouped', 'online'].map((name) =>
    by(found[name], 'host'),
  )
  section(
    'databases',
    ['Server', 'Role', 'State', '#Behind'],
    found.databases.map(({ host, value }) => {
      const isGrouped = grouped.has(host)
      const role = readOnly.get(host)?.value === 0 ? 'primary' : isGrouped ? 'secondary' : 'replica'
      const state = databaseState(
        following.get(host)?.value,
        isGrouped,
        online.get(host)?.value ?? 0,
        found.databases.length,
      )
      return [
        host,
        value === 1 ? role : '–',
        value === 1 ? state : mark('bad', 'down'),
        lag.has(host) ? duration(lag.get(host).value) : isGrouped ? duration(0) : '–',
      ]
    }),
  )
}

function showHosts(found) {
  const values = Object.fromEntries(
    ['processor', 'memory', 'disk', 'booted', 'drift'].map((name) => [name, by(found[name], 'host')]),
  )
  section(
    'hosts',
    ['Host', 'State', 'Processor', 'Memory', 'Fullest disk', '#Running for'],
    found.hosts.map(({ host, region, value }) => [
      region ? `${host} (${region})` : host,
      value === 1 ? mark('good', 'up') : mark('bad', 'does not answer'),
      meter(values.processor.get(host)?.value),
      meter(values.memory.get(host)?.value),
      meter(values.disk.get(host)?.value),
      duration(values.booted.get(host)?.value),
    ]),
  )
}

function showCare(found) {
  const shares = by(found.share, 'host', 'path')
  section(
    'certificates',
    ['Certificate', 'Host', '#Days left', 'Lifetime left'],
    found.until
      .sort((one, other) => one.value - other.value)
      .slice(0, 8)
      .map((row) => {
        const share = shares.get(`${row.host}\n${row.path}`)?.value ?? 0
        const state = share < 1 / 6 ? 'bad' : share < 1 / 3 ? 'doubt' : 'good'
        const name = row.path.replace('/etc/', '').replace(/\/(server|cert)\.pem$|\.pem$/, '')
        return [name, row.host, String(Math.floor(row.value / 86_400)), mark(state, `${Math.round(100 * share)} %`)]
      }),
  )
  const drifted = found.drift.filter(({ value }) => value > 0)
  const care = [
    ...found.backup.map(({ value }) => [
      'Last good backup',
      mark(value < 26 * 3600 ? 'good' : 'bad', `${duration(value)} ago`),
    ]),
    ...found.restored.map(({ value }) => [
      'Last restored as a test',
      mark(value < 8 * 86_400 ? 'good' : 'doubt', `${duration(value)} ago`),
    ]),
    ...found.looked.map(({ value }) => [
      'Last look for drift',
      mark(value < 1800 ? 'good' : 'doubt', `${duration(value)} ago`),
    ]),
    ...(found.looked.length > 0
      ? [
          [
            'Hosts as the playbook says',
            drifted.length === 0
              ? mark('good', 'all')
              : mark('doubt', `all but ${drifted.map(({ host, value }) => `${host} (${value} tasks)`).join(', ')}`),
          ],
        ]
      : []),
  ]
  section('care', ['', ''], care)
}

async function refresh(site) {
  const names = Object.keys(questions)
  const [alerts, points, ...answers] = await Promise.all([
    fetchJson('api/v2/alerts'),
    Promise.all(curves.map(({ query }) => askCurve(query))),
    ...names.map((name) => ask(questions[name].replace('ADDRESS', site.floatingAddress ?? ''))),
  ])
  const found = Object.fromEntries(names.map((name, index) => [name, answers[index]]))
  showVerdict(showAlerts(alerts), found.probes)
  at('traffic').hidden = found.balancers.length === 0
  at('traffic')
    .querySelector('.body')
    .replaceChildren(...curves.map((curve, index) => chart(curve, points[index])))
  showSite(found)
  showDatabases(found)
  showHosts(found)
  showCare(found)
  at('updated').textContent = `As ${site.monitor} sees it at ${new Date().toLocaleTimeString()}`
}

async function run() {
  const site = await fetchJson('site.json')
  at('site').textContent = site.domains[0]
  document.title = `Status of ${site.domains[0]}`
  for (;;) {
    try {
      await refresh(site)
    } catch (error) {
      at('verdict').dataset.state = 'unknown'
      at('verdict').textContent = 'The monitor does not answer'
      at('updated').textContent = `${new Date().toLocaleTimeString()}: ${error.message}`
    }
    await new Promise((resolve) => setTimeout(resolve, interval))
  }
}

await run()
