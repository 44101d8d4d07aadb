// playbooks/site.ts as a person would have written it.
import { isAbsolute } from 'node:path'
import type { Answers } from './answers.ts'
import { listOf, literal } from './literal.ts'

/** The text of `playbooks/site.ts`. */
export function playbookFile(answers: Answers): string {
  const { firewall, domains } = answers
  const roles = [
    'app',
    'base',
    'databaseHosts',
    ...(firewall ? ['firewall'] : []),
    'haproxy',
    'letsencrypt',
    'mysql',
    'mysqlReplica',
    'nginx',
  ]
  const head = [
    `// ${domains[0]}: what runs where is the inventory's business; this is what it is made of.`,
    '// The roles come with hostwright. To change one, copy it from node_modules/hostwright/roles into roles/ and import it from there.',
    ...(isHere(answers.app) ? ["import { join } from 'node:path'"] : []),
    "import { definePlaybook, type Host, play, secret } from 'hostwright'",
    `import { ${roles.join(', ')} } from 'hostwright/roles'`,
  ].join('\n')
  return `${head}

declare module 'hostwright' {
  interface HostVars {
    /** What several roles need to know of the site. */
    site?: { domains: string[] }
  }
}

const domains = (host: Host): string[] => host.vars.site?.domains ?? ${listOf(domains)}

/** Writes go to the primary, reads to the replicas (to the primary while there is none). */
function databaseSettings(host: Host) {
  const { primary, replicas } = databaseHosts(host)
  return {
    DB_WRITE_HOST: primary,
    DB_READ_HOSTS: (replicas.length > 0 ? replicas : [primary]).join(','),
    DB_NAME: 'app',
    DB_USER: 'app',
    DB_PASSWORD: secret('db.app'),
    DB_CA: '/etc/app/tls/ca.pem',
  }
}

const database = {
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

export default definePlaybook([
  play({ name: 'every server', hosts: 'all', roles: [base()${firewall ? ', firewall()' : ''}] }),
  play({ name: 'databases', hosts: 'db', roles: [mysql(database)] }),
  // a play waits for all its hosts: the primary is ready before a replica follows it
  play({ name: 'replication', hosts: 'db', roles: [mysqlReplica(database)] }),
  play({
    name: 'application',
    hosts: 'app',
    roles: (host) => [
      app({
        source: ${sourceOf(answers.app)},
        internalTls: true,
        env: databaseSettings(host),
      }),
    ],
  }),
  play({ name: 'web', hosts: 'web', roles: (host) => [nginx({ domains: domains(host) })] }),
  play({ name: 'load balancer', hosts: 'lb', roles: (host) => [haproxy({ domains: domains(host) })] }),
  // the authority's questions come to any of the load balancers, so all of them are ready before the first asks for a certificate
  play({ name: 'certificates', hosts: 'lb', roles: (host) => [letsencrypt({ domains: domains(host) })] }),
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
