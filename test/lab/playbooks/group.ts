// A replication group: for the commands `provision db` in group.test.ts.
import { definePlaybook, play } from 'hostwright'
import { mysql, mysqlReplica } from 'hostwright/roles'

export default definePlaybook([play({ hosts: 'db', roles: [mysql()] }), play({ hosts: 'db', roles: [mysqlReplica()] })])
