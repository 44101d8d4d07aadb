// Each tier twice or more, everything chosen. provision lab up --name production --host lb1:bookworm --host lb2:trixie
//   --host web1:bookworm --host web2:trixie --host db1:sid --host db2:sid --host db3:sid --host mon1:trixie
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, hosts, ...lab } = await fromLab()
const { network, acme } = await labStatus(process.env.PROVISION_LAB)
// a host of the lab that is none of the site's: what `npm run judge` examines it from
const { judge1: _, ...servers } = hosts

export default defineInventory({
  ...lab,
  hosts: servers,
  groups: {
    lb: ['lb1', 'lb2'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    db: ['db1', 'db2', 'db3'],
    monitor: ['mon1'],
    logs: ['mon1'],
    backup: ['mon1'],
  },
  vars: {
    site: {
      domains: ['www.foobar.com', 'foobar.com'],
      floatingAddress: network.virtualAddress,
      ddosProtection: 'standard',
      allowedSources: [network.gateway], // this machine: provision comes from here
    },
    hardening: {},
    nginx: { waf: 'block' },
    letsencrypt,
    monitoring: { ...(acme && { siteCaFile: acme.root }) }, // the lab's authority is one that nobody else trusts
  },
})
