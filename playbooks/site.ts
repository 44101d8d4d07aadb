// www.foobar.com: what runs where is the inventory's business; this is what it is made of.
import { definePlaybook, type Host, play, secret, wait } from 'hostwright'
import { app } from '../roles/app.ts'
import { backup, backupStore, isBackedUp } from '../roles/backup.ts'
import { base } from '../roles/base.ts'
import { databaseEnvironment } from '../roles/database-environment.ts'
import { dbcheck } from '../roles/dbcheck.ts'
import { exporters, isWatched } from '../roles/exporters.ts'
import { firewall } from '../roles/firewall.ts'
import { floods } from '../roles/floods.ts'
import { haproxy } from '../roles/haproxy.ts'
import { hardening } from '../roles/hardening.ts'
import { keepalived } from '../roles/keepalived.ts'
import { letsencrypt } from '../roles/letsencrypt.ts'
import { isLogged, logging } from '../roles/logging.ts'
import { monitoring } from '../roles/monitoring.ts'
import { mysql, mysqlReplica } from '../roles/mysql.ts'
import { nginx } from '../roles/nginx.ts'
import { domainsOf } from '../roles/site.ts'

/** How the app finds and opens its database. */
function databaseSettings(host: Host) {
  return {
    ...databaseEnvironment(host),
    DB_NAME: 'app',
    DB_USER: 'app',
    DB_PASSWORD: secret('db.app'),
    DB_CA: '/etc/app/tls/ca.pem',
  }
}

const database = {
  witnesses: 'lb',
  databases: ['app'],
  users: [
    {
      name: 'app',
      hosts: ['%'],
      password: secret('db.app'),
      grants: { 'app.*': ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'DROP', 'INDEX'] },
    },
  ],
}

const source = { directory: 'examples/app' }

/** What each tier is made of; deploy.ts rolls the same out to servers that are in service. */
export const application = (host: Host) => [app({ source, internalTls: true, env: databaseSettings(host) })]
/** Web servers without the app have its static files. */
export const staticFiles = (host: Host) => [!host.isIn('app') && app({ source, filesOnly: true })]
export const web = (host: Host) => [nginx({ domains: domainsOf(host) })]

export const everyServer = play({
  name: 'every server',
  hosts: 'all',
  roles: (host) => [base(), floods(), firewall(), host.vars.hardening && hardening(), isLogged(host) && logging()],
})
export const databases = play({ name: 'databases', hosts: 'db', roles: [mysql(database)] })
// all servers are there before they say who is the primary
const replication = play({ name: 'replication', hosts: 'db', after: databases, roles: [mysqlReplica(database)] })
export const store = play({
  name: 'backup store',
  hosts: 'all',
  after: everyServer,
  roles: (host) => [host.isIn('backup') && backupStore()],
})

const balancers = play({
  name: 'load balancer',
  hosts: 'lb',
  after: everyServer,
  roles: (host) => [
    haproxy({ domains: domainsOf(host) }),
    host.vars.site?.floatingAddress !== undefined && keepalived(),
    host.inventory.hasGroup('db') && dbcheck(),
  ],
})

const plays = [
  everyServer,
  databases,
  replication,
  // there before the app speaks of them
  play({ name: 'static files', hosts: 'web', after: everyServer, roles: staticFiles }),
  play({ name: 'application', hosts: 'app', roles: application }),
  // neither needs the others to be ready: nginx and haproxy look for themselves who answers
  play({ name: 'web', hosts: 'web', after: everyServer, roles: web }),
  balancers,
  // the authority's questions come to any of the load balancers, so all of them are ready before the first asks for a certificate
  play({
    name: 'certificates',
    hosts: 'lb',
    after: balancers,
    roles: (host) => [letsencrypt({ domains: domainsOf(host) })],
  }),
  // after what they look at: the exporters on all hosts, and the monitors
  play({
    name: 'watching',
    hosts: 'all',
    roles: (host) => [isWatched(host) && exporters(), host.isIn('monitor') && monitoring()],
  }),
  store,
  play({ name: 'backups', hosts: 'all', after: [replication, store], roles: (host) => [isBackedUp(host) && backup()] }),
  // a moment after the last web server is up haproxy has seen it too
  play({
    name: 'in service',
    hosts: 'lb',
    tasks: wait.http({ name: 'every web server takes requests', url: 'http://127.0.0.1:8404/ready', timeout: 30 }),
  }),
]

// on a fresh host one call of apt brings what all roles need
export default definePlaybook(plays, { packagesFirst: true })
