// One server with everything, and a monitor: provision lab up --name watched --host srv1:bookworm --host mon1:trixie
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()
const { acme } = await labStatus(process.env.PROVISION_LAB)

export default defineInventory({
  ...lab,
  groups: {
    lb: ['srv1'],
    web: ['srv1'],
    app: ['srv1'],
    db: ['srv1'],
    // the group is the choice: exporters on every host, Prometheus, Alertmanager and the status page on its members
    monitor: ['mon1'],
  },
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'] },
    mysql: { flavour: 'mariadb' },
    letsencrypt,
    // the lab's authority is one that nobody else trusts
    monitoring: { ...(acme && { siteCaFile: acme.root }) },
  },
})
