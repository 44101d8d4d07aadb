// The hosts of a lab as a replication group of three, with lb1 in front.
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt: _letsencrypt, ...lab } = await fromLab()

export default defineInventory({
  ...lab,
  groups: { lb: ['lb1'], db: ['db1', 'db2', 'db3'] },
  vars: { mysql: { topology: 'group' } },
})
