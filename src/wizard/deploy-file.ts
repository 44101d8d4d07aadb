// playbooks/deploy.ts as a person would have written it: the same for all answers, because it takes its roles from site.ts.

/** The text of `playbooks/deploy.ts`. */
export function deployFile(): string {
  const head = [
    '// A change of the web tier while it serves: a new release of the app, new settings of nginx. Server by server, each out of rotation',
    '// first, so that no request fails. For bare servers there is site.ts, which changes all at once.',
    "import { definePlaybook, type Host, play } from 'hostwright'",
    "import { rolling } from 'hostwright/roles'",
    "import { application, staticFiles, web } from './site.ts'",
  ].join('\n')
  return `${head}

// through nginx where there is one; an app on a server of its own is asked itself
const healthy = (host: Host) => \`http://127.0.0.1:\${host.isIn('web') ? 8080 : 3000}/healthz\`

export default definePlaybook([
  play({ name: 'static files', hosts: 'web', roles: staticFiles }),
  play({ name: 'application', hosts: 'app', roles: application, ...rolling({ healthy }) }),
  play({ name: 'web', hosts: 'web', roles: web, ...rolling({ healthy }) }),
])
`
}
