// The hosts of a lab as one group of databases: those whose names begin with PREFIX; lb1, if it is there, stands in front.
import { defineInventory } from 'hostwright'
import { fromLab } from 'hostwright/lab'

const { letsencrypt: _letsencrypt, ...lab } = await fromLab()
const prefix = process.env.DATABASE_PREFIX ?? 'db'
const names = Object.keys(lab.hosts).filter((name) => name.startsWith(prefix) || (name === 'lb1' && prefix === 'db'))

export default defineInventory({
  ...lab,
  hosts: Object.fromEntries(names.map((name) => [name, lab.hosts[name] ?? {}])),
  groups: {
    ...(prefix === 'db' && { lb: ['lb1'] }),
    db: names.filter((name) => name.startsWith(prefix)),
  },
})
