// Three hosts that each carry every tier: any one of them may fail. provision lab up --name three --host host1:sid --host host2:sid --host host3:sid
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()
const { network } = await labStatus(process.env.PROVISION_LAB)

export default defineInventory({
  ...lab,
  groups: {
    lb: ['host1', 'host2', 'host3'],
    web: { groups: ['lb'] },
    app: { groups: ['lb'] },
    db: { groups: ['lb'] },
  },
  vars: {
    site: {
      domains: ['www.foobar.com', 'foobar.com'],
      floatingAddress: network.virtualAddress, // whichever balancer is well holds it; the public names lead to it
      allowedSources: [network.gateway], // this machine: provision comes from here
    },
    // three members elect a new primary by themselves
    mysql: { topology: 'group' },
    letsencrypt,
  },
})
