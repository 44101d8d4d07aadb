// Three database servers that elect their primary, and a host that keeps their backups.
// provision lab up --name backup-group --host db1:sid --host db2:sid --host db3:sid --host store1:bookworm
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt: _, ...lab } = await fromLab()

export default defineInventory({
  ...lab,
  groups: {
    db: ['db1', 'db2', 'db3'],
    backup: ['store1'],
  },
  vars: { mysql: { topology: 'group', databases: ['shop'] } },
})
