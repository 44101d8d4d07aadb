// The lab of this machine (`provision lab up`): one load balancer, two servers with nginx, app and database.
// PROVISION_LAB names another lab than the default one.
import { defineInventory } from 'hostwright'
import { labStatus } from 'hostwright/lab'

const lab = await labStatus(process.env.PROVISION_LAB)

export default defineInventory({
  identityFile: lab.identityFile,
  knownHosts: lab.knownHosts,
  hosts: Object.fromEntries(lab.hosts.map((host) => [host.name, { address: host.address, user: host.user }])),
  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    db: { groups: ['web'] },
  },
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'] },
    ...(lab.acme && { letsencrypt: { directory: lab.acme.directory, caFile: lab.acme.caFile } }),
  },
})
