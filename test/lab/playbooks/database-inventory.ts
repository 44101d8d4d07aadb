// The hosts of a lab as a pair of databases with lb1 in front, which is the witness.
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt: _letsencrypt, ...lab } = await fromLab()

export default defineInventory({
  ...lab,
  groups: { lb: ['lb1'], db: ['db1', 'db2'] },
})
