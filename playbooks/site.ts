// www.foobar.com: what runs where is the inventory's business, what it is made of is here.
import { definePlaybook, type Host, play, secret } from 'hostwright'
import { app } from '../roles/app.ts'
import { base } from '../roles/base.ts'
import { firewall } from '../roles/firewall.ts'
import { haproxy } from '../roles/haproxy.ts'
import { letsencrypt } from '../roles/letsencrypt.ts'
import { databaseHosts, mysql, mysqlReplica } from '../roles/mysql.ts'
import { nginx } from '../roles/nginx.ts'

declare module 'hostwright' {
  interface HostVars {
    /** What several roles need to know of the site. */
    site?: { domains: string[] }
  }
}

const domains = (host: Host) => host.vars.site?.domains ?? ['www.foobar.com']
