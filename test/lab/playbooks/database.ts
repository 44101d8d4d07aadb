// A group of databases with a load balancer in front, each server in its sandbox: for database.test.ts and mariadb.test.ts.
import { definePlaybook, play, secret } from 'hostwright'
import { dbcheck, haproxy, hardening, mysql, mysqlReplica } from 'hostwright/roles'

const shop = {
  witnesses: 'lb',
  databases: ['shop'],
  users: [{ name: 'writer', hosts: ['%'], password: secret('db.app'), grants: { 'shop.*': 'ALL' } }],
}

export default definePlaybook([
  play({ hosts: 'db', roles: [hardening({ bans: false, upgrades: false, audit: false }), mysql(shop)] }),
  play({ hosts: 'db', roles: [mysqlReplica(shop)] }),
  play({
    hosts: 'all',
    roles: (host) => (host.isIn('lb') ? [haproxy({ domains: ['www.example.com'], servers: [] }), dbcheck()] : []),
  }),
])
