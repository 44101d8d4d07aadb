// A cold start of the other region, when the home region is gone: its replica, or else the newest backup, becomes the database, and its hosts,
// bare or prepared, become the site. The inventory is that of the region that takes over; see docs/regions.md.
//   provision playbooks/disaster-recovery.ts --inventory inventory/away.ts --extra-vars disasterRecovery.confirm=home
import { definePlaybook, play } from 'hostwright'
import { backup, isBackedUp } from '../roles/backup.ts'
import { nameTheNew, recoverData, regionIsGone, takeOver } from '../roles/disaster-recovery.ts'
import site, { databases, everyServer, store } from './site.ts'

// nothing is done anywhere unless all hosts agree, and no app starts on a database without its data
const together = { anyErrorsFatal: true }

export default definePlaybook(
  [
    play({ name: 'the lost region', hosts: 'all', roles: [regionIsGone()], ...together }),
    play({ name: 'the new primary', hosts: 'all', roles: [nameTheNew()], ...together }),
    // before anything can restart the server: what a replica has received and not applied yet does not survive that
    play({ name: 'take over', hosts: 'db', roles: [takeOver()], ...together }),
    everyServer,
    databases,
    store,
    play({
      name: 'recover data',
      hosts: 'db',
      roles: (host) => [isBackedUp(host) && backup(), recoverData()],
      ...together,
    }),
    ...site.plays.filter((one) => ![everyServer, databases, store].includes(one)),
  ],
  { packagesFirst: true },
)
