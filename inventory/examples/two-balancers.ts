// Two load balancers that share an address, in front of two web servers.
// provision lab up --name pair --host lb1:bookworm --host lb2:trixie --host web1:sid --host web2:sid
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()
const { network } = await labStatus(process.env.PROVISION_LAB)

export default defineInventory({
  ...lab,
  groups: {
    lb: ['lb1', 'lb2'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    db: { groups: ['web'] },
  },
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'], floatingAddress: network.virtualAddress },
    letsencrypt,
  },
})
