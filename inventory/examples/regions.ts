// Two regions: home serves, away has an asynchronous replica and the backups. REGION=away is the inventory after the loss of home, for
// playbooks/disaster-recovery.ts: lb1 is bare then, and with DATABASE=db4 the database server too. REGION=both is for the way back.
// provision lab up --name regions --host home1:sid --host lb1:bookworm --host db3:sid --host db4:sid --host store2:trixie
// With FLAVOUR=mariadb the databases are home1:trixie, db3:trixie and db4:trixie.
import { defineInventory } from 'hostwright'
import { fromLab, labStatus } from 'hostwright/lab'

const { letsencrypt, hosts: all, ...lab } = await fromLab()
const { network } = await labStatus(process.env.PROVISION_LAB)
const database = process.env.DATABASE ?? 'db3'

const site = (names: string[]) => ({ lb: names, web: names, app: names, backup: ['store2'] })
const inventories = {
  // the first database takes writes, the other is far away
  home: { ...site(['home1']), db: ['home1', database] },
  away: { ...site(['lb1']), db: [database] },
  both: { ...site(['home1', 'lb1']), db: ['home1', database] },
}
const groups = inventories[(process.env.REGION || 'home') as keyof typeof inventories]
const present = [...new Set(Object.values(groups).flat())]
const regionOf = (name: string) => (name.startsWith('home') ? 'home' : 'away')

export default defineInventory({
  ...lab,
  hosts: Object.fromEntries(present.map((name) => [name, { ...all[name], vars: { region: regionOf(name) } }])),
  groups,
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'], allowedSources: [network.gateway] },
    mysql: { flavour: process.env.FLAVOUR === 'mariadb' ? 'mariadb' : 'mysql' },
    letsencrypt,
    disasterRecovery: { lost: 'home', lostHosts: [all.home1?.address ?? ''] },
  },
})
