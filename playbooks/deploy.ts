// A change of the web tier while it serves: a new release of the app, new settings of nginx. Server by server, each drained
// at the load balancers first, so that no request fails. For bare servers there is site.ts, which changes all at once.
import { definePlaybook, type Host, play } from 'hostwright'
import { rolling } from '../roles/rolling.ts'
import { application, staticFiles, web } from './site.ts'

// through nginx where there is one; an app on a server of its own is asked itself
const healthy = (host: Host) => `http://127.0.0.1:${host.isIn('web') ? 8080 : 3000}/healthz`

export default definePlaybook([
  play({ name: 'static files', hosts: 'web', roles: staticFiles }),
  play({ name: 'application', hosts: 'app', roles: application, ...rolling({ healthy }) }),
  play({ name: 'web', hosts: 'web', roles: web, ...rolling({ healthy }) }),
])
