// The account that database tools come in by: made on the primary for one tool and dropped again. It may come from an app host only.
import { randomBytes } from 'node:crypto'
import { judgeHost } from './judge-host.ts'
import type { LabSite } from './lab-site.ts'
import { primaryOf, sql } from './outages/roles.ts'

export interface DatabaseAccount {
  readonly user: string
  /** A file on the judge's host with user, password and CA, for `--defaults-file`. */
  readonly file: string
  /** The name of the database that tools may write to. */
  readonly database: string
}

/** Lets a tool have an account while it works. */
export async function withAccount<T>(site: LabSite, work: (account: DatabaseAccount) => Promise<T>): Promise<T> {
  const user = 'judge'
  const database = 'judge'
  const password = randomBytes(15).toString('base64url')
  const ca = await site.must(site.members('db')[0] ?? '', 'cat /etc/mysql/tls/ca.pem')
  const file = '/root/judge.cnf'
  await site.must(
    await primaryOf(site),
    sql(`CREATE DATABASE ${database};
CREATE USER '${user}'@'%' IDENTIFIED BY '${password}' REQUIRE SSL;
GRANT ALL ON ${database}.* TO '${user}'@'%';
GRANT SELECT, PROCESS, SUPER, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '${user}'@'%'`),
  )
  try {
    const settings = `[client]\nuser=${user}\npassword=${password}\nssl-ca=/root/database-ca.pem\n`
    await site.must(
      judgeHost,
      `umask 077\ncat >/root/database-ca.pem <<'END'\n${ca.trim()}\nEND\ncat >${file} <<'END'\n${settings}END`,
    )
    return await work({ user, file, database })
  } finally {
    await site.must(await primaryOf(site), sql(`DROP USER '${user}'@'%'; DROP DATABASE ${database}`))
  }
}
