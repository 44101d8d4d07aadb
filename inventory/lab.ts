// The lab of this machine (`provision lab up`): one load balancer, two servers with nginx, app and database.
// PROVISION_LAB names another lab than the default one.
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()
const { network } = await labStatus(process.env.PROVISION_LAB)

export default defineInventory({
  ...lab,
  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    db: { groups: ['web'] },
  },
  vars: {
    site: {
      domains: ['www.foobar.com', 'foobar.com'],
      allowedSources: [network.gateway], // this machine: provision comes from here
    },
    letsencrypt,
  },
})
