// Web servers, app servers and the database each on their own: nginx serves the static files and reaches the app over TLS.
// provision lab up --name apps --host lb1:bookworm --host web1:bookworm --host web2:trixie --host app1:bookworm --host app2:sid --host db1:trixie
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()
const { network } = await labStatus(process.env.PROVISION_LAB)

export default defineInventory({
  ...lab,
  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    app: ['app1', 'app2'],
    db: ['db1'],
  },
  vars: {
    site: {
      domains: ['www.foobar.com', 'foobar.com'],
      allowedSources: [network.gateway], // this machine: provision comes from here
    },
    mysql: { flavour: 'mariadb' },
    letsencrypt,
  },
})
