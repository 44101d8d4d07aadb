// A page that shows the site's state, made of what Debian has: nginx gives the files and passes three read-only questions on to Prometheus and Alertmanager.
import { createHash } from 'node:crypto'
import {
  apt,
  assert,
  file,
  type Host,
  handler,
  type Opening,
  type Secret,
  secretText,
  shell,
  systemd,
  type Tasks,
  wait,
} from 'hostwright'
import { domainsOf } from '../site.ts'
import { grafanaPort } from './grafana.ts'
import { identityTasks, json } from './identity.ts'
import type { Checked } from './parameters.ts'

type Page = Exclude<Checked['statusPage'], false>

const root = '/usr/local/share/hostwright-status'
/** nginx reads the key when it starts, and is told when there is another: a copy of its own. */
const identity = '/etc/nginx/status-tls'
const accountsFile = '/etc/nginx/hostwright-status.accounts'
/** On the host itself, without TLS. */
const localPort = 9080

export function statusPageOpenings({ statusPage }: Checked, host: Host): Opening[] {
  if (statusPage === false) return []
  const from = statusPage.from ?? [host.facts.controllerAddress].filter((address) => address !== '')
  return from.length === 0 ? [] : [{ port: statusPage.port, from, comment: 'status page' }]
}

export function statusPageTasks(given: Checked, host: Host): Tasks {
  const { statusPage: page } = given
  if (page === false) return []
  const vars = configuration(page, given.grafana !== undefined, host)
  const reload = handler(
    [
      systemd.service({ unit: 'nginx', state: 'reloaded' }),
      assert({
        name: 'nginx runs the status page that was written',
        that: runs(vars.fingerprint),
        retry: { attempts: 60, delay: 1 },
      }),
    ],
    { name: 'reload nginx for the status page' },
  )
  return [
    apt.package({ pkg: ['nginx', 'curl', 'openssl'], startServices: false }),
    file.absent({ path: '/etc/nginx/sites-enabled/default', notify: reload }),
    identityTasks(host, given.ca, { directory: identity, group: 'root', notify: reload }),
    file.directory({ path: root, mode: '0755' }),
    ['index.html', 'status.css', 'status.js'].map((name) =>
      file.file({ dest: `${root}/${name}`, src: `monitoring/status/${name}`, mode: '0644' }),
    ),
    file.file({
      dest: `${root}/site.json`,
      content: json({
        domains: domainsOf(host),
        floatingAddress: host.vars.site?.floatingAddress ?? null,
        monitor: host.name,
      }),
      mode: '0644',
    }),
    vars.hasAccounts &&
      file.file({
        dest: accountsFile,
        content: accountsText(page),
        mode: '0640',
        group: 'www-data',
        notify: reload,
      }),
    vars.port !== false && page.certificate === undefined && ownCertificate(host),
    file.template({
      src: 'monitoring/status.conf.ejs',
      dest: '/etc/nginx/conf.d/hostwright-status.conf',
      mode: '0644',
      vars,
      validate: 'nginx -t',
      notify: reload,
    }),
    systemd.service({ unit: 'nginx', state: 'started', enabled: true }),
  ]
}

function configuration(page: Page, grafana: boolean, host: Host) {
  const vars = {
    localPort,
    port: page.from?.length !== 0 && page.port,
    certificate: page.certificate ?? ownFile('pem'),
    key: page.key ?? ownFile('key'),
    root,
    hasAccounts: Object.keys(page.accounts).length > 0,
    accountsFile,
    identity,
    name: host.name,
    grafanaPort: grafana && grafanaPort,
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(vars)).digest('hex').slice(0, 16)
  return { ...vars, fingerprint }
}

const ownFile = (kind: 'pem' | 'key') => `/etc/nginx/hostwright-status.${kind}`

/** Browsers take no Ed25519, which the internal CA has: a certificate of the host's own, for a browser to be told once. */
function ownCertificate({ name }: Host): Tasks {
  return shell.command({
    name: 'certificate of the status page',
    run: `umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=${name}' -addext 'subjectAltName=DNS:${name}' -keyout ${ownFile('key')} -out ${ownFile('pem')} 2>/dev/null`,
    creates: ownFile('pem'),
  })
}

/** One line an account, hashed as nginx reads it; the salt follows from the password, so that a rerun writes the same. */
function accountsText({ accounts }: Page): Secret {
  return Object.entries(accounts)
    .map(([name, password]) => {
      const plain = typeof password === 'string' ? secretText`${password}` : password
      return secretText`${name}:${plain.map((text) => hashed(name, text))}\n`
    })
    .reduce((all, line) => secretText`${all}${line}`)
}

function hashed(name: string, password: string): string {
  const salt = createHash('sha256').update(`${name}\n${password}`).digest().subarray(0, 16)
  const digest = createHash('sha1').update(password).update(salt).digest()
  return `{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`
}

export function statusPageVerify(given: Checked, host: Host): Tasks {
  const { statusPage: page } = given
  if (page === false) return []
  const vars = configuration(page, given.grafana !== undefined, host)
  return [
    assert({ name: 'nginx runs the status page that was written', that: runs(vars.fingerprint) }),
    wait.http({
      name: vars.hasAccounts ? 'the status page asks who is there' : 'the status page gets answers from Prometheus',
      url: `http://127.0.0.1:${localPort}/api/v1/query?query=up`,
      status: vars.hasAccounts ? 401 : 200,
      timeout: 10,
    }),
  ]
}

function runs(fingerprint: string): string {
  return `curl --silent --max-time 5 http://127.0.0.1:${localPort}/configuration | grep -qx ${fingerprint}`
}
