// A fourth server as second replica: provision lab up --host db3:sid, then --inventory inventory/examples/second-replica.ts
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt, ...lab } = await fromLab()

export default defineInventory({
  ...lab,
  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    // the first host is the primary, all others are its replicas
    db: ['web1', 'web2', 'db3'],
  },
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'] },
    letsencrypt,
  },
})
