// Each tier on its own servers, MariaDB of Debian stable, one active web server and one that waits (active-passive).
// provision lab up --name tiers --host lb1:bookworm --host web1:bookworm --host web2:trixie --host db1:trixie --host db2:trixie
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()

export default defineInventory({
  ...lab,
  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    db: ['db1', 'db2'],
  },
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'] },
    haproxy: { mode: 'active-passive', balance: 'leastconn' },
    mysql: { flavour: 'mariadb' },
    letsencrypt,
  },
})
