// playbooks/site.ts as a person would have written it.
import { isAbsolute } from 'node:path'
import type { Answers } from './answers.ts'
import { literal } from './literal.ts'

/** The text of `playbooks/site.ts`. */
export function playbookFile(answers: Answers): string {
  const { firewall, domains } = answers
  const roles = [
    'app',
    'backup',
    'backupStore',
    'base',
    'databaseEnvironment',
    'dbcheck',
    'domainsOf',
    'exporters',
    ...(firewall ? ['firewall'] : []),
    'floods',
    'haproxy',
    'hardening',
    'isBackedUp',
    'isLogged',
    'isWatched',
    'keepalived',
    'letsencrypt',
    'logging',
    'monitoring',
    'mysql',
    'mysqlReplica',
    'nginx',
  ]
  const head = [
    `// ${domains[0]}: what runs where is the inventory's business; this is what it is made of.`,
    '// The roles come with hostwright. To change one, copy it from node_modules/hostwright/roles into roles/ and import it from there.',
    ...(isHere(answers.app) ? ["import { join } from 'node:path'"] : []),
    "import { definePlaybook, type Host, play, secret } from 'hostwright'",
    `import {\n${roles.map((role) => `  ${role},\n`).join('')}} from 'hostwright/roles'`,
  ].join('\n')
  const everywhere = ['base()', 'floods()', ...(firewall ? ['firewall()'] : [])].join(', ')
  return `${head}

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

const source = ${sourceOf(answers.app)}

/** What each tier is made of; deploy.ts rolls the same out to servers that are in service. */
export const application = (host: Host) => [app({ source, internalTls: true, env: databaseSettings(host) })]
/** Web servers without the app have its static files. */
export const staticFiles = (host: Host) => [!host.isIn('app') && app({ source, filesOnly: true })]
export const web = (host: Host) => [nginx({ domains: domainsOf(host) })]

export default definePlaybook([
  play({
    name: 'every server',
    hosts: 'all',
    roles: (host) => [${everywhere}, host.vars.hardening && hardening(), isLogged(host) && logging()],
  }),
  play({ name: 'databases', hosts: 'db', roles: [mysql(database)] }),
  // all servers are there before they say who is the primary
  play({ name: 'replication', hosts: 'db', roles: [mysqlReplica(database)] }),
  play({ name: 'static files', hosts: 'web', roles: staticFiles }),
  play({ name: 'application', hosts: 'app', roles: application }),
  play({ name: 'web', hosts: 'web', roles: web }),
  play({
    name: 'load balancer',
    hosts: 'lb',
    roles: (host) => [
      haproxy({ domains: domainsOf(host) }),
      host.vars.site?.floatingAddress !== undefined && keepalived(),
      dbcheck(),
    ],
  }),
  // the authority's questions come to any of the load balancers, so all of them are ready before the first asks for a certificate
  play({ name: 'certificates', hosts: 'lb', roles: (host) => [letsencrypt({ domains: domainsOf(host) })] }),
  // by choice of the inventory: groups monitor and backup
  play({
    name: 'watching',
    hosts: 'all',
    roles: (host) => [isWatched(host) && exporters(), host.isIn('monitor') && monitoring()],
  }),
  play({ name: 'backup store', hosts: 'all', roles: (host) => [host.isIn('backup') && backupStore()] }),
  play({ name: 'backups', hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] }),
])
`
}

function sourceOf(app: Answers['app']): string {
  if (app === 'sample') return "{ directory: join(import.meta.dirname, '../app') }"
  if ('git' in app) return `{ git: ${literal(app.git)}, version: ${literal(app.version)} }`
  const path = literal(isHere(app) ? `../${app.directory}` : app.directory)
  return `{ directory: ${isHere(app) ? `join(import.meta.dirname, ${path})` : path} }`
}

/** A folder that is named relative to the project. */
function isHere(app: Answers['app']): boolean {
  return app === 'sample' || ('directory' in app && !isAbsolute(app.directory))
}
