// Three servers of your own. Replace addresses, user and names, then: npx provision --inventory inventory/hosts.ts --check --diff
//
// Placement is decided here and nowhere else. The groups that the site playbook knows:
//   lb   load balancers (HAProxy, certificates)       web  nginx
//   app  the application                              db   databases; the first host is the primary, the others replicas
import { defineInventory } from 'hostwright'

export default defineInventory({
  // How to reach them; a host or a group may say otherwise. ~/.ssh/config applies too.
  user: 'admin',

  hosts: {
    lb1: { address: '192.0.2.10' },
    web1: { address: '192.0.2.11' },
    web2: { address: '192.0.2.12' },
  },

  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    // App and database on the same two servers. Each tier on its own servers: name other hosts here.
    app: { groups: ['web'] },
    // A second replica: add a host.
    db: ['web1', 'web2'],
  },

  // Parameters of the roles, by role name. A group's or a host's `vars` say more for it alone.
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'] },
    haproxy: { balance: 'roundrobin', mode: 'active-active' },
    // Try 'staging' first: production has rate limits.
    letsencrypt: { directory: 'staging', email: 'ops@foobar.com' },
    mysql: { flavour: 'mysql' },
  },
})
