// Two database servers, and a host that keeps their backups.
// provision lab up --name backup --host db1:sid --host db2:sid --host store1:bookworm
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt: _, ...lab } = await fromLab()

export default defineInventory({
  ...lab,
  groups: {
    db: ['db1', 'db2'],
    backup: ['store1'],
  },
  vars: {
    mysql: { databases: ['shop'] },
    // twice a day; everything of two weeks, then one of each month for a year
    backup: { schedule: '*-*-* 02,14:30:00', keep: { within: '14d', daily: 0, weekly: 0, monthly: 12 } },
  },
})
